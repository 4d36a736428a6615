"""convsim-nb and `mlflow.genai.simulators` side by side: the same model server, the same agent, in one go.

    python benchmarks/engine.py                      # all rows
    python benchmarks/engine.py --quick --json FILE  # the two rows of 40 x 5, under three minutes
    python benchmarks/engine.py --rows zero          # rows whose name holds a word

Each side of a row runs in a process of its own, after a conversation to warm up, against a sqlite store that
was made before. The ideal is the path that nobody can beat: the opening message, then for each turn the agent
and the slower of judge and next message, in as many waves as the places need.
"""

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    cases: int = 40
    turns: int = 5
    places: int = 40
    model: float = 0.5
    """Seconds for one call of the model."""
    agent: float = 0.5
    """Seconds for one reply of the agent."""
    traced: bool = True
    pending: bool = False
    """A third of the cases have a fact whose trigger never fires, which makes their turns serial."""
    goal_check: str = "every_turn"
    incumbent: bool = True

    @property
    def ideal(self) -> float:
        """Seconds of the ideal path."""
        between = 0.0 if self.goal_check == "function" else self.model
        serial = self.model if self.pending else 0.0
        last = 0.0 if self.goal_check == "function" else self.model
        one = self.model + self.turns * self.agent + (self.turns - 1) * (between + serial) + last
        return ceil(self.cases / self.places) * one


ROWS = (
    Row("40 x 5, 10 at once", places=10),
    Row("40 x 5, 40 at once"),
    Row("40 x 5, 40 at once, untraced", traced=False, incumbent=False),
    Row("40 x 5, 40 at once, on_end", goal_check="on_end", incumbent=False),
    Row("40 x 5, 40 at once, function", goal_check="function", incumbent=False),
    Row("40 x 5, 40 at once, a third pending", pending=True, incumbent=False),
    Row("40 x 5, zero latency", model=0, agent=0),
    Row("40 x 5, zero latency, untraced", model=0, agent=0, traced=False, incumbent=False),
    Row("200 x 5, zero latency", cases=200, model=0, agent=0),
    Row("5000 x 5, zero latency", cases=5000, model=0, agent=0, incumbent=False),
    Row("5000 x 5, zero latency, untraced", cases=5000, model=0, agent=0, traced=False, incumbent=False),
)
QUICK = ROWS[:2]


# --- one side of a row, in a process of its own ------------------------------------------


def play_ours(row: Row, server: str, *, warm: bool) -> int:
    """Our engine; gives the number of traces stored."""
    import convsim_nb as cs

    def agent(messages: list[dict[str, Any]]) -> str:
        time.sleep(row.agent)
        return f"The answer to number {len(messages)} is on its way."

    trigger = {"fact": "It is Saturday", "after": "the agent sings"}
    cases = [
        {"goal": f"Find out about matter {n}", "withheld": [trigger] if row.pending and n % 3 == 0 else []}
        for n in range(row.cases)
    ]
    check: Any = (lambda _conversation: False) if row.goal_check == "function" else row.goal_check
    run = cs.simulate(
        cases,
        agent,
        user_model=f"{server}/v1#x",
        max_turns=row.turns,
        concurrency=row.places,
        goal_check=check,
        mlflow=row.traced,
        progress=False,
    ).wait()
    stops = {c.stop for c in run.conversations}
    if stops != {"max_turns"} or run.problems:
        raise SystemExit(f"{row.name}: {stops} {run.problems[:3]}")
    return 0 if warm or not row.traced else stored(run.run_id)


def play_theirs(row: Row, server: str, *, warm: bool) -> int:
    """MLflow's simulator."""
    os.environ |= {"OPENAI_API_KEY": "none", "OPENAI_API_BASE": f"{server}/v1"}
    os.environ["MLFLOW_GENAI_SIMULATOR_MAX_WORKERS"] = str(row.places)
    from mlflow.genai.simulators import ConversationSimulator

    def agent(input: list[dict[str, Any]], **_: Any) -> dict[str, Any]:  # noqa: A002
        time.sleep(row.agent)
        text = f"The answer to number {len(input)} is on its way."
        return {"choices": [{"message": {"role": "assistant", "content": text}}]}

    cases = [{"goal": f"Find out about matter {n}"} for n in range(row.cases)]
    simulator = ConversationSimulator(test_cases=cases, max_turns=row.turns, user_model="openai:/x")
    traces = simulator.simulate(agent)
    return 0 if warm else sum(len(conversation) for conversation in traces)


def stored(run_id: str) -> int:
    """Traces of a run, as the store counts them."""
    import mlflow

    where = f"metadata.`convsim.run_id` = '{run_id}'"
    client, count, page = mlflow.MlflowClient(), 0, None
    while True:
        found = client.search_traces(
            locations=["0"], filter_string=where, include_spans=False, max_results=500, page_token=page
        )
        count, page = count + len(found), found.token
        if not page:
            return count


def side(row: Row, which: str, server: str) -> dict[str, float]:
    """Play one side and measure it; the process's own CPU, the model server not included."""
    play = play_ours if which == "ours" else play_theirs
    with contextlib.redirect_stdout(sys.stderr):
        play(replace(row, cases=1, turns=1, agent=0.0), server, warm=True)
        _post(f"{server}/reset")
        cpu, start = _cpu(), time.monotonic()
        traces = play(row, server, warm=False)
        wall, cpu = time.monotonic() - start, _cpu() - cpu
    stats = json.loads(urllib.request.urlopen(f"{server}/stats").read())
    return {
        "wall_s": round(wall, 2),
        "cpu_ms_per_turn": round(1000 * cpu / (row.cases * row.turns), 2),
        "traces": traces,
        "calls": stats["calls"],
        "connections": stats["connections"],
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _post(url: str) -> None:
    urllib.request.urlopen(urllib.request.Request(url, method="POST")).read()


# --- the table ---------------------------------------------------------------------------


@contextlib.contextmanager
def model_server(latency: float) -> Iterator[str]:
    """The model server in a process of its own; gives its URL."""
    command = [sys.executable, str(HERE / "model_server.py"), "--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip() if process.stdout else ""
        finally:
            process.terminate()


def measured(row: Row, which: str, folder: Path) -> dict[str, float]:
    """One side of a row."""
    store = f"sqlite:///{folder}/{which}.db"
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "MLFLOW_TRACKING_URI": store}
    env = {**os.environ, **quiet, "PYTHONWARNINGS": "ignore"}
    subprocess.run(
        [sys.executable, "-c", "import mlflow; mlflow.search_experiments()"], env=env, check=True, capture_output=True
    )
    with model_server(row.model) as server:
        command = [sys.executable, __file__, "--side", which, "--server", server, "--row", json.dumps(asdict(row))]
        done = subprocess.run(command, env=env, cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode:
        return {"failed": (done.stderr.strip() or "no word").splitlines()[-1][:200]}  # type: ignore[dict-item]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compare(row: Row) -> dict[str, Any]:
    """Both sides of a row, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        ours = measured(row, "ours", Path(folder))
        theirs = measured(row, "theirs", Path(folder)) if row.incumbent else None
    return {"name": row.name, "ideal_s": round(row.ideal, 2), **ours, "incumbent": theirs}


def line(found: dict[str, Any]) -> str:
    """A row as text."""
    if "failed" in found:
        return f"{found['name']:<38} FAILED: {found['failed']}"
    ratio = f"{found['wall_s'] / found['ideal_s']:.2f}" if found["ideal_s"] else "-"
    theirs = found["incumbent"]
    text = (
        f"{found['name']:<38} {found['wall_s']:>8} {ratio:>6} {found['cpu_ms_per_turn']:>8} {found['calls']:>7}"
        f" {found['connections']:>6} {found['peak_mb']:>6} {found['traces']:>7}"
    )
    if theirs and "failed" in theirs:
        return f"{text}   {theirs['failed']}"
    if theirs:
        return f"{text}   {theirs['wall_s']:>8} {found['wall_s'] / theirs['wall_s']:.2f} {theirs['cpu_ms_per_turn']:>8} {theirs['connections']:>6} {theirs['peak_mb']:>6} {theirs['traces']:>7}"  # noqa: E501
    return text


HEAD = (
    f"{'':<38} {'wall s':>8} {'/ideal':>6} {'ms/turn':>8} {'calls':>7} {'conns':>6} {'MB':>6} {'traces':>7}"
    f"   incumbent: wall s, ours/theirs, CPU ms a turn, connections, MB, traces"
)


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the two rows of 40 x 5 alone")
    parser.add_argument("--rows", default="", help="rows whose name holds this")
    parser.add_argument("--json", type=Path, help="write the rows as JSON")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--server", help=argparse.SUPPRESS)
    parser.add_argument("--row", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(side(Row(**json.loads(options.row)), options.side, options.server)))
        return
    rows = QUICK if options.quick else [row for row in ROWS if options.rows in row.name]
    print(HEAD)
    found = []
    for row in rows:
        found.append(compare(row))
        print(line(found[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
