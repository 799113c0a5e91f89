"""Why a cluster ended, as far as the next launch depends on it: EC2 had no room, and for which type."""

from typing import Any

import pytest

from emr_dr.aws.cluster_facts import Room, room_of

Json = dict[str, Any]
AZ_CODE = "INTERNAL_ERROR_EC2_INSUFFICIENT_CAPACITY_AZ"


def detail(code: str | None, *data: Json | None) -> Json:
    details = {"ErrorCode": code, "ErrorMessage": "m", "ErrorData": list(data)}
    return {
        "State": "TERMINATED_WITH_ERRORS",
        "StateChangeReason": {"Code": "INTERNAL_ERROR"},
        "ErrorDetails": [details],
    }


@pytest.mark.parametrize(
    ("status", "lacking"),
    [
        (detail(AZ_CODE, {"instance-type": "m5.xlarge", "availability-zone": "us-east-1a"}), "m5.xlarge"),
        (detail(AZ_CODE, {"availability-zone": "us-east-1a"}, {"instance-type": "m5.xlarge"}), "m5.xlarge"),
        (detail(AZ_CODE), ""),
        (detail(AZ_CODE, {"public-doc": "https://docs.aws.amazon.com/x"}), ""),
        (detail("INTERNAL_ERROR_SPOT_NO_CAPACITY_PRIMARY", {"instance-type": "c5.xlarge"}), "c5.xlarge"),
        (detail("INTERNAL_ERROR_SPOT_PRICE_INCREASE_PRIMARY", {"instance-type": "c5.xlarge"}), "c5.xlarge"),
        (detail("VALIDATION_ERROR_INSTANCE_TYPE_NOT_SUPPORTED", {"instance-types": "[r8g.xl, r7g.xl]"}), "r8g.xl"),
        (detail("INTERNAL_ERROR_EC2_INSUFFICIENT_CAPACITY_REGION", {"instance-type": "m5.xlarge"}), "m5.xlarge"),
    ],
)  # fmt: skip
def test_emrs_codes_for_want_of_capacity_are_no_room_for_the_type_they_name(status: Json, lacking: str) -> None:
    assert room_of(status) == Room(lacked=True, kind=lacking)


@pytest.mark.parametrize(
    ("code", "message", "lacking"),
    [
        ("INTERNAL_ERROR", "EC2 is out of capacity for r5.24xlarge in availability zone us-east-1a.", "r5.24xlarge"),
        ("INTERNAL_ERROR", "We currently do not have sufficient m5.xlarge capacity in the zone.", "m5.xlarge"),
        ("INTERNAL_ERROR", "Insufficient instance capacity.", ""),
        ("INSTANCE_FLEET_TIMEOUT", "Failed to provision the fleet in time", ""),
    ],
)
def test_words_and_timeouts_of_fleets_will_do_where_details_are_missing(code: str, message: str, lacking: str) -> None:
    reason = {"Code": code, "Message": message}
    assert room_of({"State": "TERMINATING", "StateChangeReason": reason}) == Room(lacked=True, kind=lacking)


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"ErrorDetails": None, "StateChangeReason": None},
        detail("BOOTSTRAP_FAILURE_INSUFFICIENT_DISK_SPACE_PRIMARY", {"instance-type": "m5.xlarge"}),
        detail(None, {"instance-type": "m5.xlarge"}),
        {"StateChangeReason": {"Code": "INTERNAL_ERROR", "Message": "it exceeds the EC2 service quota for that type."}},
        {"StateChangeReason": {"Code": "USER_REQUEST", "Message": "the job ran out of capacity"}},
        {"StateChangeReason": {"Code": "BOOTSTRAP_FAILURE", "Message": "insufficient disk capacity"}},
    ],
)
def test_other_ends_are_not_for_want_of_room(status: Json) -> None:
    assert room_of(status) == Room(lacked=False)
