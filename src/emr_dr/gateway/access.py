"""Who asks: the interface of all schemes, and the scheme in which everybody may."""

from typing import Protocol

from emr_dr.gateway.calls import Caller


class NotSignedInError(Exception):
    """Nobody is known by what the request brought, or it brought nothing.

    Attributes:
        why: For the log; clients are not told.
        user: Who they said they are; empty if they said nothing.
    """

    def __init__(self, why: str, user: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.user = user


class Access(Protocol):
    """Tells who asks by the Authorization header."""

    challenge: str
    """What WWW-Authenticate says; empty where nobody has to sign in."""

    def known(self, authorization: bytes | None) -> Caller | None:
        """Who asks, if that is known without any work; None says nothing."""

    async def caller(self, authorization: bytes | None) -> Caller:
        """Who asks.

        Raises:
            NotSignedInError: Nobody known.
            UnavailableError: Too many are being checked.
        """


class Everybody:
    """Whoever reaches the address may ask, as whomever they say, as Livy is set up on EMR."""

    challenge = ""

    def __init__(self) -> None:
        self._anybody = Caller()

    def known(self, authorization: bytes | None) -> Caller:
        """Anybody."""
        del authorization
        return self._anybody

    async def caller(self, authorization: bytes | None) -> Caller:
        """Anybody."""
        return self.known(authorization)
