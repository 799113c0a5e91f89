"""Denies everything to the role of a cluster that is lost, and takes it back."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from emr_dr.aws.errors import NotFoundError, RefusedError
from emr_dr.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from emr_dr.aws.cluster_facts import Json
    from emr_dr.aws.session import Session

_DENIED = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
"""Without a condition: it holds for every session of the role, whenever that began."""
_PREFIX = "emr-dr-deny-"
_NO_SUCH = "NoSuchEntity"
"""IAM's code for a role, profile or policy that is not there."""


class IamRoles:
    """The port `Roles` over the IAM API: an inline policy a cluster, so that no other policy is touched."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._client = session.iam()
        self._roles = dict[str, str]()

    async def deny(self, profile: str, cluster_id: str) -> None:
        """Deny the profile's role everything, and read it back. See `Roles.deny`.

        Raises:
            NotFoundError: There is no such instance profile, or it has no role.
            PermanentError: We may not.
            TransientError: No good answer, or it is not to be read back yet.
        """
        async with self._session.within("denying a role"):
            role, name = await self._role(profile), policy_name(cluster_id)
            body = json.dumps(_DENIED)
            await self._session.call(
                "IAM",
                "PutRolePolicy",
                lambda: self._client.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=body),
            )
            if not await self._there(role, name):
                raise TransientError("the denial is not to be read back yet", where=f"role {role}", remedy="look again")

    async def allow(self, profile: str, cluster_id: str) -> None:
        """Take back what was denied for this cluster. See `Roles.allow`.

        Raises:
            NotFoundError: There is no such instance profile, or it has no role.
            PermanentError: We may not.
            TransientError: No good answer.
        """
        async with self._session.within("taking the denial of a role back"):
            role, name = await self._role(profile), policy_name(cluster_id)
            try:
                await self._session.call(
                    "IAM",
                    "DeleteRolePolicy",
                    lambda: self._client.delete_role_policy(RoleName=role, PolicyName=name),
                )
            except RefusedError as error:
                if error.code != _NO_SUCH:
                    raise

    async def denied(self, profile: str, cluster_id: str) -> bool:
        """Whether the denial made for this cluster is there, and whole. See `Roles.denied`.

        Raises:
            NotFoundError: There is no such instance profile, or it has no role.
            PermanentError: We may not look.
            TransientError: No good answer.
        """
        async with self._session.within("looking whether a role is denied"):
            return await self._there(await self._role(profile), policy_name(cluster_id))

    async def denials(self, profile: str) -> Sequence[str]:
        """The clusters for whose sake the profile's role is denied, over all pages. See `Roles.denials`.

        Raises:
            NotFoundError: There is no such instance profile, or it has no role.
            PermanentError: We may not look.
            TransientError: No good answer.
        """
        found, more = list[str](), dict[str, str]()
        async with self._session.within("looking for denials of a role"):
            role = await self._role(profile)
            while True:
                page = await self._session.call("IAM", "ListRolePolicies", self._lister(role, more))
                names = (str(name) for name in page.get("PolicyNames") or ())
                found += (name.removeprefix(_PREFIX) for name in names if name.startswith(_PREFIX))
                if not page.get("IsTruncated"):
                    return found
                more = {"Marker": page["Marker"]}

    def _lister(self, role: str, more: "Mapping[str, str]") -> "Callable[[], Json]":
        return lambda: self._client.list_role_policies(RoleName=role, **more)

    async def _there(self, role: str, name: str) -> bool:
        try:
            answer = await self._session.call(
                "IAM", "GetRolePolicy", lambda: self._client.get_role_policy(RoleName=role, PolicyName=name)
            )
        except RefusedError as error:
            if error.code != _NO_SUCH:
                raise
            return False
        return bool(answer.get("PolicyDocument") == _DENIED)

    async def _role(self, profile: str) -> str:
        """The role in an instance profile, which has one at the most; it is put there once."""
        name = profile.rpartition("/")[2]
        if name not in self._roles:
            where = f"instance profile {name}"
            try:
                answer = await self._session.call(
                    "IAM",
                    "GetInstanceProfile",
                    lambda: self._client.get_instance_profile(InstanceProfileName=name),
                )
            except RefusedError as error:
                if error.code != _NO_SUCH:
                    raise
                raise NotFoundError("there is none", where=where, remedy="correct placements in the spec") from error
            roles = (answer.get("InstanceProfile") or {}).get("Roles") or ()
            if not roles:
                raise NotFoundError("has no role", where=where, remedy="add its role to it")
            self._roles[name] = roles[0]["RoleName"]
        return self._roles[name]


def policy_name(cluster_id: str) -> str:
    """Return the name of the inline policy that denies a role for this cluster's sake."""
    return f"{_PREFIX}{cluster_id}"
