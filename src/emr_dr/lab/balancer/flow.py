"""One TCP connection through the balancer: bytes both ways, half-close, backpressure, an idle timeout."""

import asyncio
import socket
import struct

from emr_dr.lab.balancer.connect import connect
from emr_dr.lab.balancer.snapshot import Listener, Target

_CHUNK = 64 * 1024
# NLB forwards packets, so its client meets a silent target itself. We have accepted already: give up after this many
# seconds, within which a client's own connect timeout would have struck.
_CONNECT_TIMEOUT = 10.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def reset(writer: asyncio.StreamWriter) -> None:
    """Close at once with a TCP reset, as NLB ends a connection; safe to repeat."""
    if writer.transport.is_closing():
        return
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()


class Flow:
    """A client's connection and the target it was given to; `run` serves it to its end."""

    def __init__(
        self,
        listener: Listener,
        target: Target,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self.group_arn = listener.group_arn
        self.target = target
        self._client = client
        self._source = listener.address
        self._idle_timeout = listener.idle_timeout
        self._upstream: asyncio.StreamWriter | None = None
        self._last_byte = 0.0

    def cut(self) -> None:
        """Reset both sides; `run` then ends. Safe to repeat."""
        reset(self._client[1])
        if self._upstream is not None:
            reset(self._upstream)

    async def run(self) -> None:
        """Relay until both sides have finished, one breaks, or nothing moved for the idle timeout."""
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT):
                reader, self._upstream = await connect(self._source, self.target.host, self.target.port, limit=_CHUNK)
        except (OSError, TimeoutError):
            self.cut()
            return
        self._last_byte = asyncio.get_running_loop().time()
        watch = asyncio.create_task(self._cut_when_idle())
        pumps = (self._pump(self._client[0], self._upstream), self._pump(reader, self._client[1]))
        try:
            await asyncio.gather(*pumps)
        except OSError:
            self.cut()
        finally:
            watch.cancel()
            for writer in (self._client[1], self._upstream):
                writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Copy one direction. `drain` is the backpressure: no more is read than the other side takes."""
        while data := await reader.read(_CHUNK):
            self._last_byte = asyncio.get_running_loop().time()
            writer.write(data)
            await writer.drain()
        if writer.transport.is_closing():
            raise ConnectionResetError("the other side was cut")
        writer.write_eof()

    async def _cut_when_idle(self) -> None:
        loop = asyncio.get_running_loop()
        # Each byte moves the end, and an event for each byte would cost more than this.
        while (left := self._last_byte + self._idle_timeout - loop.time()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(left)
        self.cut()
