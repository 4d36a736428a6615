"""What it costs to write a turn's trace: our ways and MLflow's own, into SQLite and to a real `mlflow server`.

    python benchmarks/export.py                 # 300 traces a row
    python benchmarks/export.py --traces 1000 --spans 4

Each row runs in a process of its own. `making` is the span in memory, while the agent answers; `writing`
begins when the last is made and ends when the last is stored. CPU is this process's; a server has its own.
"""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WAYS = {
    "together": "ours, one transaction for many",
    "alone": "ours, one trace at a time",
    "documented": "ours, MLflow's exporter flushed in good time",
    "mlflow": "MLflow's own, as it is by default",
}


def ours(way: str, *, traces: int, spans: int) -> dict[str, float]:
    """Write by our export."""
    import mlflow

    from convsim_nb.adapters.mlflow import bulk, net
    from convsim_nb.adapters.mlflow.export import export
    from convsim_nb.adapters.mlflow.store import pin
    from convsim_nb.adapters.mlflow.tracing import TracedAgent
    from convsim_nb.domain.case import TestCase
    from convsim_nb.domain.session import Message
    from convsim_nb.engine.ports import AgentReply, AgentTurn

    if way == "alone":
        bulk._NEEDED = ("nothing of the kind",)
    if way == "documented":
        net._NEEDED = ((net._CLIENT, "nothing of the kind"),)

    async def answer(turn: AgentTurn) -> AgentReply:
        for number in range(spans - 1):
            with mlflow.start_span(f"step {number}") as span:
                span.set_inputs({"number": number})
        return AgentReply(f"The answer to {turn.messages[-1].content}")

    case = TestCase(goal="Find out when it opens", persona="Somebody in a hurry")

    def turn(number: int) -> AgentTurn:
        said = (Message(role="user", content=f"And what about part {number}?", source="simulated"),)
        return AgentTurn(said, case, "key", 1, 1, f"sim-{number}", lambda _: None)

    async def make(agent: TracedAgent) -> None:
        for number in range(traces):
            await agent(turn(number))

    to, out = pin().reach(), export()
    out.experiment_id = to.experiment_id
    run = to.client.create_run(to.experiment_id).info.run_id
    asyncio.run(out.warm())
    agent = TracedAgent(answer, export=out, name="agent", run_id="run")
    making = timed(lambda: asyncio.run(make(agent)))

    def write() -> None:
        while out.write(to, run_id=run, findings={}, everything=True):
            pass

    writing = timed(write)
    out.close()
    return figures(making, writing, traces=traces)


def theirs(*, traces: int, spans: int) -> dict[str, float]:
    """Write by MLflow alone; its queue is made large enough that nothing is dropped."""
    import mlflow

    with mlflow.start_span("warm"):
        pass
    mlflow.flush_trace_async_logging()

    def make() -> None:
        for number in range(traces):
            with mlflow.start_span("agent", span_type="AGENT") as root:
                mlflow.update_current_trace(metadata={"mlflow.trace.session": f"sim-{number}"})
                root.set_inputs({"messages": [{"role": "user", "content": f"And what about part {number}?"}]})
                for step in range(spans - 1):
                    with mlflow.start_span(f"step {step}") as span:
                        span.set_inputs({"number": step})
                root.set_outputs({"content": f"The answer to {number}"})

    # Its exporter writes beside the making: only the sum of the two says what it costs.
    both = timed(lambda: (make(), mlflow.flush_trace_async_logging()))
    return figures((0.0, 0.0), both, traces=traces)


def timed(work: Any) -> tuple[float, float]:
    """Wall and CPU seconds."""
    wall, cpu = time.monotonic(), time.process_time()
    work()
    return time.monotonic() - wall, time.process_time() - cpu


def figures(making: tuple[float, float], writing: tuple[float, float], *, traces: int) -> dict[str, float]:
    """Milliseconds a trace."""
    import mlflow

    found = mlflow.search_traces(locations=["0"], return_type="list", include_spans=False, max_results=traces + 10)
    return {
        "making_cpu_ms": 1000 * making[1] / traces,
        "writing_wall_ms": 1000 * writing[0] / traces,
        "writing_cpu_ms": 1000 * writing[1] / traces,
        "stored": sum(each.info.tags["mlflow.traceName"] == "agent" for each in found),
    }


@contextlib.contextmanager
def server(folder: Path) -> Iterator[str]:
    """A real `mlflow server` over SQLite, in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{folder}/server.db"]
    command += ["--artifacts-destination", str(folder / "art"), "--port", str(port), "--workers", "1"]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with subprocess.Popen(
        command, env={**os.environ, **quiet}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield until_up(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()


def until_up(url: str) -> str:
    """The URL, once the server answers."""
    for _ in range(300):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{url}/health").close()
            return url
        time.sleep(0.2)
    raise SystemExit(f"{url} did not come up in 60 s")


def measured(way: str, uri: str, options: argparse.Namespace) -> dict[str, float]:
    """One row, in a process of its own."""
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONWARNINGS": "ignore"}
    env = {**os.environ, **quiet, "MLFLOW_TRACKING_URI": uri, "MLFLOW_ASYNC_TRACE_LOGGING_MAX_QUEUE_SIZE": "100000"}
    command = [sys.executable, __file__, "--way", way, "--traces", str(options.traces), "--spans", str(options.spans)]
    done = subprocess.run(command, env=env, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{way} on {uri}: {done.stderr.strip().splitlines()[-1]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--traces", type=int, default=300)
    parser.add_argument("--spans", type=int, default=1, help="spans a trace")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        row = theirs if options.way == "mlflow" else lambda **sizes: ours(options.way, **sizes)
        print(json.dumps(row(traces=options.traces, spans=options.spans)))
        return
    rows = []
    print(f"{options.traces} traces of {options.spans} span(s); milliseconds a trace")
    print(f"{'':<58} {'making CPU':>11} {'writing wall':>13} {'writing CPU':>12} {'stored':>7}")
    for place in ("sqlite", "server"):
        for way, words in WAYS.items():
            if place == "server" and way == "alone":
                continue  # over HTTP there is no other way than one at a time, some at once
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                where = (
                    server(Path(folder)) if place == "server" else contextlib.nullcontext(f"sqlite:///{folder}/x.db")
                )
                with where as uri:
                    found = measured(way, uri, options)
            rows.append({"store": place, "way": way, **found})
            told = "ours, requests side by side" if (place, way) == ("server", "together") else words
            numbers = [found[name] for name in ("making_cpu_ms", "writing_wall_ms", "writing_cpu_ms")]
            told = f"{place:<8} {told:<49} {numbers[0]:>11.2f} {numbers[1]:>13.2f} {numbers[2]:>12.2f}"
            print(f"{told} {found['stored']:>7}")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
