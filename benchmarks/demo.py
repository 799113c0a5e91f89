"""Three demos, and what watching costs while nothing happens: writes build/bench-demo.json and prints the medians."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

COMMAND = (sys.executable, "-m", "emr_dr")
RUNS = 3
QUIET_SECONDS = 60
FIGURES = (
    "detect_seconds",
    "launch_seconds",
    "prove_seconds",
    "switch_seconds",
    "rto_seconds",
    "overhead_seconds",
    "total_seconds",
)


def main() -> None:
    """Measure and write."""
    console = Console()
    console.print(f"{RUNS} demos, one after the other; load now {os.getloadavg()[0]:.1f}")
    runs = [_demo(number, console) for number in range(1, RUNS + 1)]
    medians = {name: statistics.median(run[name] for run in runs) for name in FIGURES}
    with tempfile.TemporaryDirectory(prefix="emr-dr-bench-") as folder:
        quiet = _quiet(Path(folder))
    result = {"runs": runs, "medians": medians, "quiet": quiet, "help_seconds": _help(), "cores": os.cpu_count()}
    out = Path("build/bench-demo.json")
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(result, indent=2) + "\n")
    table = Table("figure", *(f"run {n}" for n in range(1, RUNS + 1)), "median")
    for name in FIGURES:
        table.add_row(name, *(f"{run[name]:.1f}" for run in runs), f"{medians[name]:.1f}")
    table.add_row("load at the start", *(f"{run['load']:.1f}" for run in runs), "")
    console.print(table)
    for name, value in {**quiet, "help_seconds": result["help_seconds"]}.items():
        console.print(f"{name}: {value}")
    console.print(f"written: {out}")


def _demo(number: int, console: Console) -> dict[str, Any]:
    report = Path(f"build/demo-{number}.json")
    load = os.getloadavg()[0]
    subprocess.run(
        [*COMMAND, "demo", "active-passive", "--json", str(report)], check=True, timeout=600, stdout=subprocess.DEVNULL
    )
    told: dict[str, Any] = json.loads(report.read_text())
    console.print(f"demo {number}: rto {told['rto_seconds']} s")
    return {**{name: told[name] for name in FIGURES}, "batches": told["batches"], "load": round(load, 1)}


def _quiet(folder: Path) -> dict[str, float]:
    """A lab with one member: how long until it serves, and what `watch` costs while nothing happens."""
    env = {**os.environ, "EMR_DR_LAB_DIR": str(folder / "lab")}
    spec = folder / "emr-dr.yaml"
    begun = time.monotonic()
    _verb(env, "lab", "up", "--detach", "--owner", str(os.getpid()))
    try:
        env |= json.loads(_verb(env, "lab", "env", "--json"))
        spec.write_text(_verb(env, "lab", "spec", "active-passive"))
        _verb(env, "apply", "--spec", str(spec))
        up = time.monotonic() - begun
        watch = subprocess.Popen([*COMMAND, "watch", "--spec", str(spec), "--json"], env=env, stderr=subprocess.DEVNULL)
        try:
            return {"lab_up_with_one_member_seconds": round(up, 1), **_cost(env, psutil.Process(watch.pid))}
        finally:
            watch.terminate()
            watch.wait(30)
    finally:
        _verb(env, "lab", "down")


def _cost(env: dict[str, str], watch: psutil.Process) -> dict[str, float]:
    time.sleep(15)  # its first rounds are not what is measured
    before, cpu, begun = _calls(env), sum(watch.cpu_times()[:2]), time.monotonic()
    time.sleep(QUIET_SECONDS)
    seconds = time.monotonic() - begun
    used = sum(watch.cpu_times()[:2]) - cpu
    made = _calls(env) - before
    rounds = made["elasticmapreduce:ListClusters"]
    return {
        "watch_rss_mb": round(watch.memory_info().rss / 2**20, 1),
        "watch_cpu_percent": round(100 * used / seconds, 2),
        "aws_calls_a_quiet_round": round(made.total() / max(rounds, 1), 2),
        "quiet_rounds_a_minute": round(60 * rounds / seconds, 1),
    }


def _calls(env: dict[str, str]) -> Counter[str]:
    return Counter(json.loads(_verb(env, "lab", "status", "--json"))["calls"])


def _help() -> float:
    times = []
    for _ in range(5):
        begun = time.monotonic()
        subprocess.run([*COMMAND, "--help"], check=True, stdout=subprocess.DEVNULL)
        times.append(time.monotonic() - begun)
    return round(statistics.median(times), 3)


def _verb(env: dict[str, str], *args: str) -> str:
    return subprocess.run([*COMMAND, *args], env=env, check=True, capture_output=True, text=True, timeout=300).stdout


if __name__ == "__main__":
    main()
