"""A server that gives each request for a batch's state an answer at once: what the clients could reach at most."""

import asyncio
import os
import sys
from typing import cast

import uvloop


class Trivial(asyncio.Protocol):
    """One connection."""

    __slots__ = ("_transport",)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer about whatever batch was asked for."""
        number = data[13 : data.index(b"/", 13)]
        body = b'{"id":%s,"state":"running"}' % number
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=utf-8\r\nContent-Length: %d\r\n\r\n"
        self._transport.write(head % len(body) + body)


async def serve(host: str, port: int) -> None:
    """Answer until ended."""
    server = await asyncio.get_running_loop().create_server(Trivial, host, port)
    await server.serve_forever()


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(sys.argv[3])})
    uvloop.run(serve(sys.argv[1], int(sys.argv[2])))
