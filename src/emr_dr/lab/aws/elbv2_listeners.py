"""The ELBv2 API for listeners: one method an operation."""

from emr_dr.lab.aws import elbv2_attributes as attributes
from emr_dr.lab.aws.elbv2_model import ListenerRecord, LoadBalancer, TargetGroup, new_arn
from emr_dr.lab.aws.elbv2_state import Balancing, not_found, tags_of
from emr_dr.lab.aws.protocol import AwsError, JsonObject, Operations


class ListenerOperations:
    """The operations on listeners, over the state that `Elbv2` shares."""

    def __init__(self, state: Balancing) -> None:
        self._state = state
        self.operations: Operations = {
            "CreateListener": self._create_listener,
            "DescribeListeners": self._describe_listeners,
            "ModifyListener": self._modify_listener,
            "DeleteListener": self._delete_listener,
            "ModifyListenerAttributes": self._modify_listener_attributes,
            "DescribeListenerAttributes": self._describe_listener_attributes,
        }

    def _create_listener(self, asked: JsonObject) -> JsonObject:
        balancer = self._state.load_balancer(asked["LoadBalancerArn"])
        if asked.get("Protocol") != "TCP" or not asked.get("Port"):
            raise AwsError("InvalidConfigurationRequest", "The lab's listeners need a Port and Protocol=TCP")
        taken = {each.port for each in self._listeners_of(balancer)}
        if asked["Port"] in taken:
            raise AwsError("DuplicateListener", f"A listener already exists on port {asked['Port']}")
        group = self._forwarded_to(balancer, asked["DefaultActions"])
        arn = new_arn(f"listener/{balancer.arn.partition('loadbalancer/')[2]}")
        listener = ListenerRecord(arn, balancer.arn, "TCP", asked["Port"], group.arn)
        self._state.listeners[arn] = listener
        self._state.tags[arn] = tags_of(asked)
        try:
            self._state.publish()
        except OSError:
            del self._state.listeners[arn]  # or every later change would fail on the same bind
            raise
        return {"Listeners": [_shown_listener(listener)]}

    def _listeners_of(self, balancer: LoadBalancer) -> list[ListenerRecord]:
        return [each for each in self._state.listeners.values() if each.load_balancer_arn == balancer.arn]

    def _forwarded_to(self, balancer: LoadBalancer, actions: list[JsonObject]) -> TargetGroup:
        if len(actions) != 1 or actions[0].get("Type") != "forward":
            raise AwsError("InvalidLoadBalancerAction", "A network load balancer's listener has one forward action")
        named = [each["TargetGroupArn"] for each in (actions[0].get("ForwardConfig") or {}).get("TargetGroups", [])]
        named = named or [actions[0].get("TargetGroupArn", "")]
        if len(named) != 1:
            raise AwsError("InvalidConfigurationRequest", "The lab forwards to one target group a listener")
        group = self._state.groups.get(named[0])
        if group is None:
            raise not_found("TargetGroup", named)
        user = self._state.balancer_of(group)
        if user is not None and user.arn != balancer.arn:
            raise AwsError(
                "TargetGroupAssociationLimit",
                f"The target group '{group.arn}' cannot be associated with more than one load balancer",
            )
        return group

    def _listener(self, arn: str) -> ListenerRecord:
        if arn not in self._state.listeners:
            raise not_found("Listener", arn)
        return self._state.listeners[arn]

    def _describe_listeners(self, asked: JsonObject) -> JsonObject:
        if asked.get("ListenerArns"):
            found = [self._listener(arn) for arn in asked["ListenerArns"]]
        elif asked.get("LoadBalancerArn"):
            found = self._listeners_of(self._state.load_balancer(asked["LoadBalancerArn"]))
        else:
            raise AwsError("ValidationError", "You must specify either listener ARNs or a load balancer ARN")
        return {"Listeners": [_shown_listener(each) for each in found]}

    def _modify_listener(self, asked: JsonObject) -> JsonObject:
        listener = self._listener(asked["ListenerArn"])
        balancer = self._state.load_balancer(listener.load_balancer_arn)
        port = asked.get("Port", listener.port)
        if port in {each.port for each in self._listeners_of(balancer) if each is not listener}:
            raise AwsError("DuplicateListener", f"A listener already exists on port {port}")
        if asked.get("DefaultActions"):
            listener.target_group_arn = self._forwarded_to(balancer, asked["DefaultActions"]).arn
        listener.port = port
        self._state.publish()
        return {"Listeners": [_shown_listener(listener)]}

    def _delete_listener(self, asked: JsonObject) -> JsonObject:
        del self._state.listeners[self._listener(asked["ListenerArn"]).arn]
        self._state.tags.pop(asked["ListenerArn"], None)
        self._state.publish()
        return {}

    def _modify_listener_attributes(self, asked: JsonObject) -> JsonObject:
        listener = self._listener(asked["ListenerArn"])
        listener.attributes = attributes.changed(attributes.LISTENER, listener.attributes, asked["Attributes"])
        self._state.publish()
        return {"Attributes": attributes.shown(listener.attributes)}

    def _describe_listener_attributes(self, asked: JsonObject) -> JsonObject:
        return {"Attributes": attributes.shown(self._listener(asked["ListenerArn"]).attributes)}


def _shown_listener(listener: ListenerRecord) -> JsonObject:
    forward = {"TargetGroups": [{"TargetGroupArn": listener.target_group_arn}]}
    action = {"Type": "forward", "TargetGroupArn": listener.target_group_arn, "ForwardConfig": forward}
    return {
        "ListenerArn": listener.arn,
        "LoadBalancerArn": listener.load_balancer_arn,
        "Port": listener.port,
        "Protocol": listener.protocol,
        "DefaultActions": [action],
    }
