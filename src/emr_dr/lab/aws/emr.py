"""The EMR API: one method an operation, over the region's clusters."""

import base64
import binascii
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from emr_dr.lab.aws import emr_describe as show
from emr_dr.lab.aws.emr_launch import Surroundings, check_managed_scaling, invalid, launch
from emr_dr.lab.aws.emr_lifecycle import ending
from emr_dr.lab.aws.emr_model import Cluster, Collection
from emr_dr.lab.aws.emr_region import Region
from emr_dr.lab.aws.protocol import AwsError, JsonObject, Operations

_T = TypeVar("_T")
_PAGE = 50


class Emr:
    """EMR of one region. Every operation raises AwsError as AWS would; the caller serialises."""

    def __init__(self, region: Region, around: Callable[[], Surroundings], default_groups: dict[str, str]) -> None:
        self._region = region
        self._around = around
        self._default_groups = default_groups
        self.operations: Operations = {
            "RunJobFlow": self._run_job_flow,
            "DescribeCluster": self._describe_cluster,
            "ListClusters": self._list_clusters,
            "ListInstances": self._list_instances,
            "ListInstanceGroups": self._list_instance_groups,
            "ListInstanceFleets": self._list_instance_fleets,
            "ListBootstrapActions": self._list_bootstrap_actions,
            "ListSteps": self._list_steps,
            "ModifyInstanceGroups": self._modify_instance_groups,
            "ModifyCluster": self._modify_cluster,
            "TerminateJobFlows": self._terminate_job_flows,
            "SetTerminationProtection": self._set_termination_protection,
            "SetKeepJobFlowAliveWhenNoSteps": self._set_keep_alive,
            "SetUnhealthyNodeReplacement": self._set_unhealthy_node_replacement,
            "SetVisibleToAllUsers": self._set_visible_to_all_users,
            "AddTags": self._add_tags,
            "RemoveTags": self._remove_tags,
            "PutManagedScalingPolicy": self._put_managed_scaling_policy,
            "GetManagedScalingPolicy": self._get_managed_scaling_policy,
            "RemoveManagedScalingPolicy": self._remove_managed_scaling_policy,
            "PutAutoTerminationPolicy": self._put_auto_termination_policy,
            "GetAutoTerminationPolicy": self._get_auto_termination_policy,
            "RemoveAutoTerminationPolicy": self._remove_auto_termination_policy,
        }

    def _find(self, cluster_id: str | None) -> Cluster:
        """Refuse unknown ids for good, as AWS does; moto answers HTTP 500, which clients repeat."""
        cluster = self._region.clusters.get(cluster_id or "")
        if cluster is None:
            raise AwsError(
                "InvalidRequestException",
                f"Cluster id '{cluster_id}' is not valid.",
                members={"ErrorCode": "NoSuchCluster"},
            )
        return cluster

    def _run_job_flow(self, asked: JsonObject) -> JsonObject:
        cluster = launch(asked, self._region.clock(), self._around())
        self._region.clusters[cluster.id] = cluster
        return {"JobFlowId": cluster.id, "ClusterArn": show.arn(cluster)}

    def _describe_cluster(self, asked: JsonObject) -> JsonObject:
        return {"Cluster": show.describe(self._find(asked.get("ClusterId")), self._default_groups)}

    def _list_clusters(self, asked: JsonObject) -> JsonObject:
        after, before = _seconds(asked.get("CreatedAfter")), _seconds(asked.get("CreatedBefore"))
        states = asked.get("ClusterStates")
        found = [
            each
            for each in sorted(self._region.clusters.values(), key=lambda each: (each.created, each.id), reverse=True)
            if (after is None or each.created >= after)
            and (before is None or each.created <= before)
            and (not states or each.state in states)
        ]
        page, marker = _page(found, asked.get("Marker"))
        return {"Clusters": [show.summary(each) for each in page], **marker}

    def _list_instances(self, asked: JsonObject) -> JsonObject:
        cluster = self._find(asked.get("ClusterId"))
        roles = set(asked.get("InstanceGroupTypes") or [])
        if asked.get("InstanceFleetType"):
            roles.add(asked["InstanceFleetType"])
        collection = asked.get("InstanceGroupId") or asked.get("InstanceFleetId")
        if collection and collection not in {each.id for each in cluster.collections}:
            raise AwsError("InvalidRequestException", f"Instance group or fleet id '{collection}' is not valid.")
        states = asked.get("InstanceStates")
        found = [
            each
            for each in cluster.instances
            if (not roles or each.role in roles)
            and (not collection or each.collection_id == collection)
            and (not states or show.instance_state(each) in states)
        ]
        page, marker = _page(found, asked.get("Marker"))
        return {"Instances": [show.instance(cluster, each) for each in page], **marker}

    def _list_instance_groups(self, asked: JsonObject) -> JsonObject:
        cluster = self._find(asked.get("ClusterId"))
        if cluster.uses_fleets:
            raise AwsError("InvalidRequestException", "Instance fleets and instance groups are mutually exclusive.")
        return {"InstanceGroups": [show.group(cluster, each) for each in cluster.collections]}

    def _list_instance_fleets(self, asked: JsonObject) -> JsonObject:
        cluster = self._find(asked.get("ClusterId"))
        if not cluster.uses_fleets:
            raise AwsError("InvalidRequestException", "Instance fleets and instance groups are mutually exclusive.")
        return {"InstanceFleets": [show.fleet(cluster, each) for each in cluster.collections]}

    def _list_bootstrap_actions(self, asked: JsonObject) -> JsonObject:
        cluster = self._find(asked.get("ClusterId"))
        shown = [
            {
                "Name": each["Name"],
                "ScriptPath": each["ScriptBootstrapAction"]["Path"],
                "Args": each["ScriptBootstrapAction"].get("Args", []),
            }
            for each in cluster.request.get("BootstrapActions", [])
        ]
        return {"BootstrapActions": shown}

    def _list_steps(self, asked: JsonObject) -> JsonObject:
        self._find(asked.get("ClusterId"))
        return {"Steps": []}

    def _modify_instance_groups(self, asked: JsonObject) -> JsonObject:
        """Resize at once: the lab's core and task machines are only entries, the primary runs everything."""
        for change in asked.get("InstanceGroups", []):
            cluster, group = self._find_group(change["InstanceGroupId"])
            if group.role == "MASTER":
                raise invalid("The master instance group cannot be resized.")
            if "InstanceCount" in change:
                self._resize(cluster, group, int(change["InstanceCount"]))
        return {}

    def _find_group(self, group_id: str) -> tuple[Cluster, Collection]:
        for cluster in self._region.clusters.values():
            for group in cluster.collections:
                if group.id == group_id and not ending(cluster):
                    return cluster, group
        raise AwsError("InvalidRequestException", f"Instance group id '{group_id}' is not valid.")

    def _resize(self, cluster: Cluster, group: Collection, count: int) -> None:
        group.count = count
        if not cluster.instances:
            return  # not provisioned yet: STARTING reads the new count
        living = [each for each in cluster.instances if each.collection_id == group.id and each.ended is None]
        self._region.add_instances(cluster, group, count - len(living))
        for surplus in living[count:]:
            surplus.ended = self._region.clock()

    def _modify_cluster(self, asked: JsonObject) -> JsonObject:
        cluster = self._find(asked.get("ClusterId"))
        cluster.step_concurrency = int(asked.get("StepConcurrencyLevel", cluster.step_concurrency))
        return {"StepConcurrencyLevel": cluster.step_concurrency}

    def _terminate_job_flows(self, asked: JsonObject) -> JsonObject:
        """End what is not protected even if something else in the call is: so does AWS."""
        clusters = [self._find(each) for each in asked["JobFlowIds"]]
        now = self._region.clock()
        for cluster in clusters:
            if not cluster.termination_protected:
                cluster.begin_to_end(now, "USER_REQUEST", "Terminated by user request")
        if any(each.termination_protected and not ending(each) for each in clusters):
            raise invalid("Could not shut down one or more job flows since they are termination protected.")
        return {}

    def _set_termination_protection(self, asked: JsonObject) -> JsonObject:
        for cluster in self._modifiable(asked):
            cluster.termination_protected = bool(asked["TerminationProtected"])
        return {}

    def _modifiable(self, asked: JsonObject) -> list[Cluster]:
        clusters = [self._find(each) for each in asked["JobFlowIds"]]
        for cluster in clusters:
            if ending(cluster):
                raise invalid(f"Cluster {cluster.id} is terminating or terminated and cannot be modified.")
        return clusters

    def _set_keep_alive(self, asked: JsonObject) -> JsonObject:
        for cluster in self._modifiable(asked):
            cluster.keep_alive = bool(asked["KeepJobFlowAliveWhenNoSteps"])
        return {}

    def _set_unhealthy_node_replacement(self, asked: JsonObject) -> JsonObject:
        for cluster in self._modifiable(asked):
            cluster.unhealthy_node_replacement = bool(asked["UnhealthyNodeReplacement"])
        return {}

    def _set_visible_to_all_users(self, asked: JsonObject) -> JsonObject:
        for cluster in self._modifiable(asked):
            cluster.request["VisibleToAllUsers"] = bool(asked["VisibleToAllUsers"])
        return {}

    def _add_tags(self, asked: JsonObject) -> JsonObject:
        cluster = self._find(asked.get("ResourceId"))
        new = {tag["Key"]: tag.get("Value", "") for tag in asked["Tags"]}
        if any(key.startswith("aws:") for key in new):
            raise invalid("Tag keys that start with aws: are reserved.")
        cluster.tags.update(new)
        return {}

    def _remove_tags(self, asked: JsonObject) -> JsonObject:
        cluster = self._find(asked.get("ResourceId"))
        for key in asked["TagKeys"]:
            cluster.tags.pop(key, None)
        return {}

    def _put_managed_scaling_policy(self, asked: JsonObject) -> JsonObject:
        cluster = self._find(asked.get("ClusterId"))
        check_managed_scaling(asked["ManagedScalingPolicy"])
        cluster.managed_scaling = asked["ManagedScalingPolicy"]
        return {}

    def _get_managed_scaling_policy(self, asked: JsonObject) -> JsonObject:
        policy = self._find(asked.get("ClusterId")).managed_scaling
        return {"ManagedScalingPolicy": policy} if policy else {}

    def _remove_managed_scaling_policy(self, asked: JsonObject) -> JsonObject:
        self._find(asked.get("ClusterId")).managed_scaling = None
        return {}

    def _put_auto_termination_policy(self, asked: JsonObject) -> JsonObject:
        self._find(asked.get("ClusterId")).auto_termination = asked.get("AutoTerminationPolicy")
        return {}

    def _get_auto_termination_policy(self, asked: JsonObject) -> JsonObject:
        policy = self._find(asked.get("ClusterId")).auto_termination
        return {"AutoTerminationPolicy": policy} if policy else {}

    def _remove_auto_termination_policy(self, asked: JsonObject) -> JsonObject:
        self._find(asked.get("ClusterId")).auto_termination = None
        return {}


def _seconds(naive_utc: datetime | None) -> float | None:
    """Read what moto's parser gives: naive UTC."""
    return None if naive_utc is None else naive_utc.replace(tzinfo=UTC).timestamp()


def _page(found: list[_T], marker: str | None) -> tuple[list[_T], JsonObject]:
    try:
        start = int(base64.urlsafe_b64decode(marker or b"MA=="))
    except (binascii.Error, ValueError) as error:
        raise AwsError("InvalidRequestException", f"Marker '{marker}' is not valid.") from error
    end = start + _PAGE
    more = {"Marker": base64.urlsafe_b64encode(str(end).encode()).decode()} if end < len(found) else {}
    return found[start:end], more
