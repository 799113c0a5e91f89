"""Connections from the balancer's own address, which is what targets of an NLB see that are registered by IP."""

import asyncio
import socket
import ssl

# From linux/in.h. The port is chosen when it connects, so that one is free as long as one to this target is.
_IP_BIND_ADDRESS_NO_PORT = 24


async def connect(
    source: str, host: str, port: int, *, limit: int, tls: ssl.SSLContext | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection from an address (empty: whatever the kernel takes); `limit` is of the reader's buffer.

    Raises:
        OSError: it was refused, or nobody answers for as long as the kernel asks.
    """
    ours = socket.socket()
    try:
        ours.setblocking(False)
        if source:
            ours.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
            ours.bind((source, 0))
        await asyncio.get_running_loop().sock_connect(ours, (host, port))
        return await asyncio.open_connection(sock=ours, limit=limit, ssl=tls, server_hostname=host if tls else None)
    except BaseException:
        ours.close()
        raise
