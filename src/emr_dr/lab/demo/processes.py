"""Runs the installed emr-dr as a user would: each verb a process of its own, which does not outlive ours."""

import asyncio
import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

from emr_dr.errors import PermanentError

COMMAND = (sys.executable, "-m", "emr_dr")


class VerbError(PermanentError):
    """A verb that the story needs failed; the message has what it said."""


async def run_verb(*args: str, env: Mapping[str, str], seconds: float) -> str:
    """Run one verb to its end and return what it printed.

    Raises:
        VerbError: It failed, or did not end in time.
    """
    process = await _start(*args, env=env)
    try:
        async with asyncio.timeout(seconds):
            out, err = await process.communicate()
    except TimeoutError as error:
        raise VerbError(f"did not end within {seconds:g} s", where=" ".join(("emr-dr", *args))) from error
    finally:
        await end(process)
    if process.returncode != 0:
        said = (err or out).decode(errors="replace").strip()
        raise VerbError(f"exit code {process.returncode}: {said}", where=" ".join(("emr-dr", *args)))
    return out.decode()


async def start_watch(spec: str, *, env: Mapping[str, str]) -> asyncio.subprocess.Process:
    """Start `emr-dr watch --json`; its events are JSON lines on standard error."""
    return await _start("watch", "--spec", spec, "--json", env=env)


async def read_events(process: asyncio.subprocess.Process, told: Callable[[dict[str, Any]], None]) -> None:
    """Tell each event that `watch` logs, until it ends; a line that is no event is told as one called `said`."""
    assert process.stderr is not None  # noqa: S101 - it was started with a pipe
    async for line in process.stderr:
        try:
            told(json.loads(line))
        except json.JSONDecodeError:
            told({"event": "said", "text": line.decode(errors="replace").rstrip()})


async def end(process: asyncio.subprocess.Process, seconds: float = 10) -> None:
    """End a process and its group: politely, then for good. A no-op when it has ended."""
    if process.returncode is not None:
        return
    for name in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, name)
        except ProcessLookupError:
            break
        try:
            async with asyncio.timeout(seconds):
                await process.wait()
        except TimeoutError:
            continue
        return
    await process.wait()


async def _start(*args: str, env: Mapping[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *COMMAND,
        *args,
        env={k: v for k, v in os.environ.items() if not k.startswith("AWS_")} | dict(env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        preexec_fn=_die_with_parent,
        limit=1 << 20,
    )


_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """Ask the kernel to end this process with its parent, however the parent ends (prctl(2))."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
