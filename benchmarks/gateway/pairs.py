"""Submits to several addresses in turn, and tells how long each answer took: a program of its own, as clients are.

python -m benchmarks.gateway.pairs '{"bases": {"direct": "http://…:8998"}, "body": {…}, "turns": 300}'
"""

import asyncio
import json
import statistics
import sys
import time
from typing import Any

import aiohttp

WARM = 30
PAUSE = 0.05
"""Seconds between two turns: twenty submissions a second."""


async def paired(bases: dict[str, str], body: dict[str, object], turns: int) -> dict[str, Any]:
    """Milliseconds at each address: median and the 99th of a hundred."""
    took: dict[str, list[float]] = {who: [] for who in bases}
    async with aiohttp.ClientSession() as session:
        for turn in range(WARM + turns):
            await asyncio.sleep(PAUSE)
            for who, base in bases.items():
                begun = time.perf_counter()
                async with session.post(f"{base}/batches", json=body) as answer:
                    await answer.read()
                    answer.raise_for_status()
                if turn >= WARM:
                    took[who].append(1000 * (time.perf_counter() - begun))
    medians = {f"{who}_ms": round(statistics.median(each), 2) for who, each in took.items()}
    return medians | {f"{who}_p99_ms": round(sorted(each)[len(each) * 99 // 100], 2) for who, each in took.items()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(paired(**json.loads(sys.argv[1])))) + "\n")
