"""Stories of gateways: what a client is told, and what is run again, when members, gateways and zones are lost."""

import json
import subprocess
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.gateway_clients import Clients
from lab.rehearsal import BUCKET, COMMAND, Rehearsal, eventually, rehearsal

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


def clients_of(town: Rehearsal, seconds: float) -> Clients:
    def body(key: str) -> dict[str, object]:
        lasts = "fail" if key.startswith("fail") else str(seconds)
        stand_in = f"seconds={seconds:g}"  # read by stand-ins only
        return {"file": f"s3://{BUCKET}/jobs/job.py", "name": key, "args": [key, str(town.marks), lasts, stand_in]}

    return Clients(f"http://{town.balancer()}:8998", body)


def completed(town: Rehearsal) -> Counter[str]:
    """How many runs of each batch completed, by the marks that they left."""
    return Counter(mark.name.split(".")[0] for mark in town.marks.glob("*.completed"))


def on(clients: Clients, cluster: str) -> list[str]:
    """The batches whose last attempt is on a cluster and that run."""
    running = [key for key, each in clients.sent.items() if each.states[-1:] == ["running"]]
    return [key for key in running if clients.about(key)["attempts"][-1]["cluster"] == cluster]


@pytest.mark.long
def test_a_member_dies_with_accepted_batches_and_each_comes_to_the_end_that_it_declared(tmp_path: Path) -> None:
    with rehearsal(tmp_path, strategy="active-active", gateways=3) as town, town.watching() as watch:
        clients = clients_of(town, seconds=8)
        declared = {f"never-{n}": "" for n in range(6)} | {f"again-{n}": "idempotent" for n in range(12)}
        declared |= {f"fail-{n}": "idempotent" for n in range(2)}
        order = sorted(declared, key=lambda key: key.rpartition("-")[2])
        for number, key in enumerate(order):
            clients.submit(key, declared[key], by_header=number % 2 == 0)
        lost = next(m for m in town.status()["members"] if m["stage"] == "serving")

        def three_run() -> bool:
            for key in declared:
                clients.look(key)
            return len(on(clients, lost["cluster"])) >= 3

        eventually(three_run, 180, "three batches run on one member")
        with clients.going_on(4.0, width=6):
            struck = [key for key in on(clients, lost["cluster"]) if town.marked(key, "started")]
            done_before = completed(town)
            town.verb("lab", "kill-az", lost["az"])
            eventually(lambda: watch.told("member_dead"), 180, "the member is proven dead")
            eventually(lambda: len(clients.sent) >= 26, 60, "clients submit on")
        clients.until_ended(400)

        assert clients.bad == []
        assert [key for key, count in completed(town).items() if count > 1] == []
        ends = {key: each.end for key, each in clients.sent.items()}
        assert {ends[key] for key in ends if key.startswith(("again", "on"))} == {"success"}
        assert {ends[key] for key in ends if key.startswith("fail")} == {"dead"}
        rescued = [key for key in clients.sent if len(clients.about(key)["attempts"]) > 1]
        assert [key for key in struck if key.startswith("again") and not done_before[key]] != []
        assert rescued, "nothing was rescued"
        for key in (k for k in struck if k.startswith("never") and not completed(town)[k]):
            assert ends[key] == "dead"
            assert "never" in clients.about(key)["why"]


@pytest.mark.long
def test_what_nobody_confirms_dead_is_not_run_again_until_a_person_says_so(tmp_path: Path) -> None:
    with (
        rehearsal(tmp_path, "--stand-in", strategy="active-active", gateways=2, ec2_confirms_after="never") as town,
        town.watching() as watch,
    ):
        clients = clients_of(town, seconds=40)
        for number in range(8):
            clients.submit(f"again-{number}", "idempotent")
        lost = next(m for m in town.status()["members"] if m["stage"] == "serving")

        def some_run() -> bool:
            for key in clients.sent:
                clients.look(key)
            return len(on(clients, lost["cluster"])) >= 2

        eventually(some_run, 30, "batches run on the member")
        struck = on(clients, lost["cluster"])
        town.verb("lab", "kill-az", lost["az"])
        eventually(lambda: watch.told("stage_changed", to="fencing"), 120, "the loss is believed")
        quiet_since = time.monotonic()
        eventually(lambda: time.monotonic() - quiet_since > 30, 40, "time in which a proof might have come")
        for key in struck:
            assert clients.look(key).end == ""
            assert len(clients.about(key)["attempts"]) == 1
        waits = f"batches of member {lost['number']} wait: it is being ended, and nothing proves it dead yet"
        assert waits in town.verb("status", "--spec", str(town.spec))
        for key in struck:
            assert "nothing proves it dead" in clients.about(key)["why"]

        town.verb("release", str(lost["number"]), "--yes", "--spec", str(town.spec))
        ends = clients.until_ended(180)
        assert ends == {"success": 8}
        assert clients.bad == []
        for key in struck:
            first, second = clients.about(key)["attempts"]
            assert first["proof"]["kind"] == "person"
            assert second["cluster"] != lost["cluster"]


@pytest.mark.long
def test_a_switchover_under_load_fails_no_request_and_lets_none_wait_long(tmp_path: Path) -> None:
    with rehearsal(tmp_path, "--stand-in", strategy="warm-standby", gateways=2) as town, town.watching():
        clients = clients_of(town, seconds=3)
        old = town.serving()
        with clients.going_on(0.2):
            eventually(lambda: len(clients.sent) > 20, 60, "clients are at work")
            town.verb("switchover", "--yes", "--spec", str(town.spec), seconds=240)
            eventually(lambda: town.serving()["cluster"] != old["cluster"], 60, "another member serves")
            before = len(clients.sent)
            eventually(lambda: len(clients.sent) > before + 20, 60, "clients are at work still")
        assert clients.until_ended(120).keys() == {"success"}
        assert clients.bad == []
        assert clients.reconnected == 0
        assert max(each.took for each in clients.sent.values()) < 2
        waited = [_waited(clients, key) for key in clients.sent]
        assert max(waited) <= 10


def _waited(clients: Clients, key: str) -> float:
    """Seconds from a batch's acceptance until it was sent to a member."""
    told = clients.about(key)
    return float(told["attempts"][0]["sent_at"] - told["created_at"])


@pytest.mark.long
def test_gateways_are_killed_one_after_the_other_and_clients_only_connect_again(tmp_path: Path) -> None:
    with rehearsal(tmp_path, "--stand-in", strategy="active-active", gateways=3) as town, town.watching():
        clients = clients_of(town, seconds=4)
        with clients.going_on(0.2):
            for number in (1, 2, 3):
                before = len(clients.sent)
                eventually(lambda before=before: len(clients.sent) > before + 15, 60, "clients are at work")  # type: ignore[misc]
                town.verb("lab", "kill-gateway", f"etl-gateway-{number}")
                before = len(clients.sent)
                eventually(lambda before=before: len(clients.sent) > before + 15, 90, "and go on")  # type: ignore[misc]
                town.verb("lab", "gateways", "3", "--spec", str(town.spec))
        assert clients.until_ended(120).keys() == {"success"}
        assert clients.bad == []
        assert len({each.number for each in clients.sent.values()}) == len(clients.sent)
        assert all(len(clients.about(key)["attempts"]) == 1 for key in clients.sent)


@pytest.mark.long
def test_a_group_is_moved_from_members_to_gateways_and_back_and_somebody_answers_all_the_while(tmp_path: Path) -> None:
    with rehearsal(tmp_path, "--stand-in") as town:
        spec, direct = str(town.spec), town.spec.read_text()

        def apply(refusal: str = "") -> None:
            command = [*COMMAND, "apply", "--spec", spec]
            done = subprocess.run(command, env=town.env, capture_output=True, text=True, timeout=240, check=False)
            assert (done.returncode, refusal in done.stderr) == (75 if refusal else 0, True), done.stderr

        with asking(f"http://{town.balancer()}:8998/batches?size=1") as answers:
            town.spec.write_text(direct.replace("mode: direct", "mode: gateway"))
            apply(refusal="no gateway is registered there; clients are led to etl-livy as before")
            town.verb("lab", "gateways", "3", "--spec", spec)
            apply()
            assert {target.split()[0] for target in targets(town)} == {"etl-gateway"}
            assert json.loads(town.verb("plan", "--spec", spec, "--json"))["changes"] == []
            town.spec.write_text(direct)
            apply(refusal="no member is registered there; clients are led to etl-gateway as before")
            town.verb("tick", "--for", "10s", "--spec", spec)
            apply()
            assert {target.split()[0] for target in targets(town)} == {"etl-livy", "etl-rm", "etl-nn"}
            assert json.loads(town.verb("plan", "--spec", spec, "--json"))["changes"] == []
        assert answers["good"] > 300
        assert answers["bad"] == 0


def targets(town: Rehearsal) -> list[str]:
    """Every target of every group, as `group address`."""
    groups = json.loads(town.aws("elbv2", "describe-target-groups"))["TargetGroups"]
    return [
        f"{group['TargetGroupName']} {each['Target']['Id']}"
        for group in groups
        for each in json.loads(
            town.aws("elbv2", "describe-target-health", "--target-group-arn", group["TargetGroupArn"])
        )["TargetHealthDescriptions"]
    ]


@contextmanager
def asking(url: str) -> Iterator[Counter[str]]:
    """Ask again and again, each time on a connection of its own, and count the good answers and the bad."""
    seen, stop = Counter[str](), threading.Event()

    def ask() -> None:
        while not stop.wait(0.2):
            try:
                with urllib.request.urlopen(url, timeout=5) as answer:
                    seen["good" if "sessions" in json.load(answer) else "bad"] += 1
            except (OSError, ValueError):
                seen["bad"] += 1

    thread = threading.Thread(target=ask, name="asking", daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join(30)


@pytest.mark.long  # two real clusters boot at once: beside other stories that may take longer than the demo waits
def test_the_demo_behind_gateways_loses_nothing_and_nobody_submits_again(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = subprocess.run(
        [*COMMAND, "demo", "active-active", "--mode", "gateway", "--json", str(report)],
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(report.read_text())
    assert told["rescued"] >= 1
    assert told["wrong_answers"] == 0
    batches = told["batches"]
    assert (batches["resubmitted"], batches["lost"], batches["failed"], batches["ran_twice"]) == (0, 0, 0, 0)
    assert batches["succeeded"] == batches["accepted"]
    assert told["submissions"]["refused"] == 0
