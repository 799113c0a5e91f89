"""The machines that EMR counts to a cluster."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_emr.type_defs import ListInstancesInputTypeDef

    from emr_dr.aws.cluster_facts import Json
    from emr_dr.aws.session import Session


class EmrInstances:
    """Machines of clusters, as EMR lists them."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._client = session.emr()

    async def not_terminated(self, cluster_id: str) -> frozenset[str]:
        """EC2's ids of those that EMR does not call terminated, which it notices late; EMR's own id before it has one.

        Raises:
            PermanentError: We may not ask.
            TransientError: No good answer.
        """
        found = set[str]()
        request: ListInstancesInputTypeDef = {"ClusterId": cluster_id}
        while True:
            page = await self._session.call("EMR", "ListInstances", self._sender(request))
            for each in page.get("Instances") or ():
                if (each.get("Status") or {}).get("State") != "TERMINATED":
                    found.add(str(each.get("Ec2InstanceId") or each.get("Id") or ""))
            if not page.get("Marker"):
                return frozenset(found)
            request = {**request, "Marker": page["Marker"]}

    def _sender(self, request: "ListInstancesInputTypeDef") -> "Callable[[], Json]":
        return lambda: self._client.list_instances(**request)
