"""A thousand conversations on a Spark of this machine: over 1, 2 and 4 partitions, and without Spark.

    python benchmarks/spark.py                      # needs Java and `pip install convsim-nb[spark]`
    python benchmarks/spark.py --cases 200 --json FILE

One model server on loopback answers user and judge after a tenth of a second. The agent waits (as one that
calls models does) or computes (as one that has the interpreter to itself). Workers are warm: a run before has
imported what they need. Nothing is written to MLflow. What Spark can win is processes: as many as there are cores.
"""

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TURNS = 2
AT_ONCE = 100


async def waiting(messages: list[dict[str, Any]]) -> str:
    """An agent that waits for something else."""
    await asyncio.sleep(0.3)
    return f"The answer to number {len(messages)} is on its way."


async def computing(messages: list[dict[str, Any]]) -> str:
    """An agent that takes 5 ms of the processor."""
    until = time.process_time() + 0.005
    while time.process_time() < until:
        sum(range(1000))
    return f"The answer to number {len(messages)} is on its way."


for each in (waiting, computing):
    each.__module__ = "__main__"  # sent whole, as from a notebook


@contextlib.contextmanager
def model_server() -> Iterator[str]:
    """The model server in a process of its own; gives its URL."""
    command = [sys.executable, str(HERE / "model_server.py"), "--latency", "0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip() if process.stdout else ""
        finally:
            process.terminate()


def played(many: int, agent: Any, server: str, folder: Path, **on: Any) -> float:
    """Seconds of one run."""
    import convsim_nb as cs

    start = time.monotonic()
    run = cs.simulate(
        [{"goal": f"Find out about matter {n}"} for n in range(many)],
        agent,
        user_model=f"{server}/v1#x",
        max_turns=TURNS,
        concurrency=AT_ONCE,
        mlflow=False,
        progress=False,
        journal=folder,
        **on,
    ).wait()
    stops = {c.stop for c in run.conversations}
    if stops != {"max_turns"} or run.state.notices.get("spark"):
        raise SystemExit(f"{stops} {run.problems[:3]}")
    return time.monotonic() - start


def session(slots: int) -> Any:
    """A Spark with so many slots."""
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master(f"local[{slots},4]").config("spark.ui.enabled", "false")
    spark = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def measured(many: int, agent: Any, folder: Path) -> Iterator[dict[str, Any]]:
    """A row for each number of partitions; 0 is without Spark."""
    with model_server() as server:
        for partitions in (0, 1, 2, 4):
            spark = session(partitions) if partitions else None
            on = {"on": spark, "partitions": partitions} if spark else {}
            played(8, agent, server, folder, **on)
            seconds = played(many, agent, server, folder, **on)
            yield {"agent": agent.__name__, "partitions": partitions, "wall_s": round(seconds, 2), "cases": many}
            if spark:
                spark.stop()


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--json", type=Path, help="write the rows as JSON")
    options = parser.parse_args()
    found = []
    print(f"{options.cases} conversations of {TURNS} turns, {AT_ONCE} at once, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        for agent in (waiting, computing):
            for row in measured(options.cases, agent, Path(folder)):
                found.append(row)
                where = f"{row['partitions']} partitions" if row["partitions"] else "no Spark"
                print(f"{row['agent']:<10} {where:<14} {row['wall_s']:>8} s", flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
