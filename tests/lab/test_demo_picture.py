"""A demo's timeline as a picture: what is drawn is what the report tells."""

import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from emr_dr.lab.demo.picture import PictureError, picture

SVG = "{http://www.w3.org/2000/svg}"


def stage(at: float, member: int, was: str | None, now: str) -> dict[str, Any]:
    told = {"member": member, "from": was, "to": now, "az": f"us-east-1{'ab'[member - 1]}"}
    return {"at": at, "event": "stage_changed", "source": "watch", **told}


def client(at: float, event: str, detail: str) -> dict[str, Any]:
    return {"at": at, "event": event, "source": "client", "detail": detail}


REPORT: dict[str, Any] = {
    "outage": [1030.0, 1075.0],
    "timeline": [
        {"at": 1000.0, "event": "first_member_serves", "source": "demo"},
        client(1001, "batch_accepted", "batch-01 is number 0"),
        {"at": 1030.0, "event": "az_killed", "source": "demo", "az": "us-east-1a"},
        client(1035, "poll_failed", "batch-01: TimeoutError"),
        {"at": 1050.0, "event": "verdict_changed", "source": "watch", "to": "MemberLost"},
        stage(1050, 2, None, "launching"),
        stage(1060, 2, "launching", "proving"),
        stage(1070, 1, "serving", "fencing"),
        stage(1070, 2, "proving", "admitting"),
        stage(1075, 2, "admitting", "serving"),
        client(1075, "batch_resubmitted", "batch-01 is number 0 <again>"),
        client(1090, "batch_succeeded", "batch-01"),
        {"at": 1100.0, "event": "member_left", "source": "watch", "member": 1},
        {"at": 1120.0, "event": "converged", "source": "demo"},
    ],
}


def bars(svg: str, kind: str) -> list[str]:
    found = ET.fromstring(svg).iter(f"{SVG}rect")  # noqa: S314 - we drew it
    titled = (r.find(f"{SVG}title") for r in found if r.get("class") == kind)
    return [title.text or "" for title in titled if title is not None]


def test_each_member_is_drawn_in_its_stages_from_the_loss_on() -> None:
    svg = picture(REPORT)
    assert bars(svg, "serving") == ["serving: -30.0 s to +40.0 s", "serving: +45.0 s to +90.0 s"]
    assert bars(svg, "fencing") == ["fencing: +40.0 s to +70.0 s"]
    assert bars(svg, "proving") == ["proving: +30.0 s to +40.0 s"]


def test_a_member_that_nothing_happened_to_is_drawn_as_serving_all_the_time() -> None:
    svg = picture({**REPORT, "accepted_by_member": {"1": 1, "2": 1, "3": 2}})
    assert bars(svg, "serving")[-1] == "serving: -30.0 s to +90.0 s"
    assert ">member 3</text>" in svg
    assert len(bars(svg, "serving")) == 3


def test_the_address_is_drawn_as_clients_found_it() -> None:
    assert bars(picture(REPORT), "none") == ["no answer 45.0 s: +0.0 s to +45.0 s"]
    assert bars(picture({**REPORT, "outage": None}), "none") == []


def test_a_batch_is_drawn_lost_from_the_failed_poll_until_it_is_accepted_again() -> None:
    svg = picture(REPORT)
    assert bars(svg, "lost") == ["lost: +5.0 s to +45.0 s"]
    assert bars(svg, "ran") == ["ran: -29.0 s to +5.0 s", "ran: +45.0 s to +60.0 s"]


def test_moments_that_are_close_together_are_written_above_each_other() -> None:
    near = {**REPORT, "outage": [1030.0, 1042.0]}
    found = ET.fromstring(picture(near)).iter(f"{SVG}text")  # noqa: S314 - we drew it
    heights = {text.text: float(text.get("y", "0")) for text in found if text.get("class") == "big"}
    assert heights["us-east-1a dies"] > heights["answers again"] > heights["the loss is believed"] > 0


def test_the_picture_stands_alone_and_suits_dark_pages() -> None:
    svg = picture(REPORT)
    assert "prefers-color-scheme:dark" in svg
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", svg)
    assert "<script" not in svg


def test_nothing_is_drawn_of_a_report_without_a_loss() -> None:
    with pytest.raises(PictureError, match="no loss"):
        picture({"timeline": REPORT["timeline"][:2]})
