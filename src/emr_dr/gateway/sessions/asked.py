"""How a POST /sessions becomes what its member is sent."""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from emr_dr.core.session import NewSession, Session
from emr_dr.gateway.calls import Caller, RefusedError
from emr_dr.gateway.livy.answers import refusal, rendered

_TAGS = "spark.yarn.tags"
_APP_NAME = "spark.app.name"


@dataclass(frozen=True, slots=True)
class AskedSession:
    """A session as it was asked for; what Livy refuses, its member is left to refuse."""

    request: Mapping[str, object]
    name: str | None
    proxy_user: str | None
    kind: str

    def new(self, token: str, cluster_id: str, at: float, caller: Caller) -> NewSession:
        """Return what the ledger is given."""
        return NewSession(token, cluster_id, at, self.kind, caller.user or None, self.proxy_user, self.name)

    def sent(self, session: Session) -> bytes:
        """Return what its member is sent: a name that no other session has or had, also as YARN's tag."""
        given = self.request.get("conf")
        conf = dict(given) if isinstance(given, dict) else {}
        tags = [str(conf.get(_TAGS) or ""), session.unique_name]
        conf[_TAGS] = ",".join(filter(None, tags))
        if self.name is not None:
            conf.setdefault(_APP_NAME, self.name)
        request = {**self.request, "name": session.unique_name}
        if given is None or isinstance(given, dict):
            request["conf"] = conf
        if self.proxy_user is not None:
            request["proxyUser"] = self.proxy_user
        return rendered(request)


def read_session(body: bytes, do_as: str, caller: Caller) -> AskedSession:
    """Read what is asked for, in the name of who asks, unless they may act for others; doAs beats the body.

    Raises:
        RefusedError: It is no JSON object, or names are no text.
    """
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RefusedError(400, rendered(str(error))) from error
    if not isinstance(request, dict):
        raise RefusedError(400, rendered("a JSON object is expected"))
    texts = {key: request.get(key) for key in ("name", "proxyUser", "kind")}
    for key, value in texts.items():
        if value is not None and not isinstance(value, str):
            raise refusal(f"{key} has to be a text")
    user = do_as or texts["proxyUser"]
    if caller.user and not (caller.superuser and user):
        user = caller.user
    return AskedSession(request, texts["name"], user or None, texts["kind"] or "")
