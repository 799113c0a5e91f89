"""How requests about sessions are handed to the relay: with who asks, and with bodies within the limits."""

from emr_dr.gateway.calls import Caller
from emr_dr.gateway.http import App, BrokenOffError, Message, Receive, Scope, Send, header, too_large
from emr_dr.gateway.livy import answers
from emr_dr.gateway.livy.answers import Answer
from emr_dr.spec.gateway import Limits

SESSIONS = b"/sessions"
CALLER = "emr_dr.caller"
"""Key of the ASGI scope under which the relay finds the `Caller`."""
_UPLOADS = (b"/upload-jar", b"/upload-pyfile", b"/upload-file")


class Relaying:
    """Hands requests to the relay."""

    def __init__(self, relay: App | None, limits: Limits) -> None:
        self._relay = relay
        self._limits = limits

    async def answer(self, scope: Scope, receive: Receive, send: Send, caller: Caller) -> Answer | None:
        """Let the relay answer; None if it did.

        Raises:
            RefusedError: The body is too large, and no answer was begun.
            BrokenOffError: The relay broke off within an answer.
        """
        if self._relay is None:
            return answers.NO_SUCH_PATH
        most = self._limits.upload if scope["raw_path"].endswith(_UPLOADS) else self._limits.body
        if int(header(scope, b"content-length") or 0) > most:
            raise too_large(most)
        size, begun = 0, False

        async def bounded() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > most:
                raise too_large(most)
            return message

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._relay({**scope, CALLER: caller}, bounded, noted)
        except Exception as error:
            if begun:
                raise BrokenOffError from error
            raise
        return None
