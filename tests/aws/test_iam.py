"""A role that is denied for one cluster's sake, on the wire."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from aws.aws_examples import Wire, any_reply
from emr_dr.aws.errors import NotFoundError
from emr_dr.aws.iam import IamRoles
from emr_dr.aws.session import Session
from emr_dr.errors import PermanentError, TransientError

PROFILE, ROLE, NAME = "EMR_EC2_a", "etl-a", "emr-dr-deny-j-1"


class Iam:
    """One profile with its role, whose inline policies are kept as they were put."""

    def __init__(self) -> None:
        self.policies: dict[str, str] = {"theirs": "{}"}
        self.forgets = False
        self.role = ROLE
        self.asked: list[str] = []

    def answer(self, operation: str, form: dict[str, Any]) -> bytes:
        self.asked.append(operation)
        if operation == "GetInstanceProfile":
            if form["InstanceProfileName"] != PROFILE:
                return _refusal("NoSuchEntity")
            roles = f"<member><RoleName>{self.role}</RoleName></member>" if self.role else ""
            return _answer(operation, f"<InstanceProfile><Roles>{roles}</Roles></InstanceProfile>")
        assert form["RoleName"] == ROLE
        if operation == "ListRolePolicies":
            at, names = int(form.get("Marker", 0)), list(self.policies)
            more = f"<IsTruncated>true</IsTruncated><Marker>{at + 1}</Marker>" if at + 1 < len(names) else ""
            return _answer(operation, f"<PolicyNames><member>{names[at]}</member></PolicyNames>{more}")
        name = form["PolicyName"]
        if operation == "PutRolePolicy":
            if not self.forgets:
                self.policies[name] = form["PolicyDocument"]
            return _answer(operation, "")
        return self._of_one(operation, name)

    def _of_one(self, operation: str, name: str) -> bytes:
        if name not in self.policies:
            return _refusal("NoSuchEntity")
        if operation == "DeleteRolePolicy":
            del self.policies[name]
            return _answer(operation, "")
        body = quote(self.policies[name])
        return _answer(operation, f"<RoleName>{ROLE}</RoleName><PolicyDocument>{body}</PolicyDocument>")


def _answer(operation: str, body: str) -> bytes:
    result = f"<{operation}Result>{body}</{operation}Result>"
    return any_reply("200 OK", f"<{operation}Response>{result}</{operation}Response>")


def _refusal(code: str) -> bytes:
    error = f"<Error><Code>{code}</Code><Message>no</Message></Error>"
    return any_reply(
        "404 Not Found" if code == "NoSuchEntity" else "403 Forbidden", f"<ErrorResponse>{error}</ErrorResponse>"
    )


@pytest.fixture
def iam(wire: Wire) -> Iam:
    iam = Iam()
    wire.answer = iam.answer
    return iam


@pytest.mark.parametrize("profile", [PROFILE, f"arn:aws:iam::111122223333:instance-profile/etl/{PROFILE}"])
async def test_a_denial_is_unconditional_named_after_its_cluster_and_read_back(
    iam: Iam, quick: Session, profile: str
) -> None:
    roles = IamRoles(quick)
    assert await roles.denied(profile, "j-1") is False
    await roles.deny(profile, "j-1")
    await roles.deny(profile, "j-1")
    assert json.loads(iam.policies[NAME])["Statement"] == [{"Effect": "Deny", "Action": "*", "Resource": "*"}]
    assert await roles.denied(profile, "j-1") is True
    assert await roles.denied(profile, "j-2") is False
    assert iam.asked.count("GetInstanceProfile") == 1


async def test_what_was_denied_is_allowed_again_and_other_policies_stay(iam: Iam, quick: Session) -> None:
    roles = IamRoles(quick)
    await roles.deny(PROFILE, "j-1")
    await roles.allow(PROFILE, "j-1")
    await roles.allow(PROFILE, "j-1")
    assert iam.policies == {"theirs": "{}"}


async def test_whose_denials_there_are_is_read_over_all_pages(iam: Iam, quick: Session) -> None:
    roles = IamRoles(quick)
    assert "theirs" in iam.policies
    assert await roles.denials(PROFILE) == []
    await roles.deny(PROFILE, "j-1")
    await roles.deny(PROFILE, "j-2")
    assert await roles.denials(PROFILE) == ["j-1", "j-2"]


async def test_one_that_is_not_to_be_read_back_is_not_taken_for_done(iam: Iam, quick: Session) -> None:
    iam.forgets = True
    with pytest.raises(TransientError, match="not to be read back yet"):
        await IamRoles(quick).deny(PROFILE, "j-1")


async def test_a_policy_of_that_name_that_denies_less_is_no_denial(iam: Iam, quick: Session) -> None:
    iam.policies[NAME] = json.dumps({"Version": "2012-10-17", "Statement": []})
    assert await IamRoles(quick).denied(PROFILE, "j-1") is False


async def test_a_profile_that_is_not_there_or_has_no_role_is_told(iam: Iam, quick: Session) -> None:
    with pytest.raises(NotFoundError, match="instance profile other: there is none"):
        await IamRoles(quick).deny("other", "j-1")
    iam.role = ""
    with pytest.raises(NotFoundError, match="has no role"):
        await IamRoles(quick).denied(PROFILE, "j-1")


@pytest.mark.parametrize("operation", ["GetInstanceProfile", "GetRolePolicy", "PutRolePolicy", "DeleteRolePolicy"])
async def test_what_we_may_not_is_named(wire: Wire, iam: Iam, quick: Session, operation: str) -> None:
    wire.answer = lambda asked, form: _refusal("AccessDenied") if asked == operation else iam.answer(asked, form)
    roles = IamRoles(quick)
    act = roles.allow if operation == "DeleteRolePolicy" else roles.deny
    with pytest.raises(PermanentError, match=f"iam:{operation}"):
        await act(PROFILE, "j-1")
