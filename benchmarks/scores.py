"""How long it takes to score a finished run of 200 traces, and what the incumbent takes for the same.

    python benchmarks/scores.py [--cases 40] [--turns 5]

Two trivial scorers, one of sessions and one of single turns, into a fresh SQLite store. `mlflow.genai.evaluate`
is given the very same traces.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import mlflow
from mlflow.genai import scorer

import convsim_nb as cs
from convsim_nb.testing import ScriptedChat


@scorer
def messages_said(session: list[Any]) -> int:
    """How many turns the session has."""
    return len(session)


@scorer
def has_answer(outputs: Any) -> bool:
    """Whether anything was answered."""
    return bool(outputs)


def played(folder: Path, *, cases: int, turns: int) -> cs.Run:
    """A run of that size, in MLflow's current store."""

    def says(request: Any) -> dict[str, str]:
        return {"action": "say", "text": f"Tell me more of it, part {len(request.messages)}.", "because": ""}

    return cs.simulate(
        [cs.TestCase(goal=f"Find out about matter {n}", case_id=f"case-{n}") for n in range(cases)],
        lambda messages: f"Answer {len(messages)}",
        user_model=ScriptedChat(says, name="scripted"),
        goal_check=lambda _: False,
        max_turns=turns,
        guards="off",
        journal=folder,
        progress=False,
    ).wait()


def main() -> None:
    """Print both times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--skip-mlflow", action="store_true", help="ours alone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        mlflow.set_experiment("scores")
        run = played(folder / "runs", cases=options.cases, turns=options.turns)
        size = sum(len(one.trace_ids) for one in run.conversations)
        for word in ("first", "again"):
            began = time.perf_counter()
            frame = run.evaluate([messages_said, has_answer])
            print(f"run.evaluate, {word}: {time.perf_counter() - began:.2f} s for {size} traces, {len(frame)} scores")
        if not options.skip_mlflow:
            began = time.perf_counter()
            traces = mlflow.search_traces(run_id=run.mlflow_run_id)
            mlflow.genai.evaluate(data=traces, scorers=[messages_said, has_answer])
            print(f"mlflow.genai.evaluate: {time.perf_counter() - began:.2f} s for {len(traces)} traces")


if __name__ == "__main__":
    main()
