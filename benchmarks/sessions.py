"""How quickly recorded sessions are listed and opened in a large experiment on SQLite.

python benchmarks/sessions.py                   # 10,000 sessions of 3 turns
python benchmarks/sessions.py --store FILE.db   # kept, and used again
"""

import argparse
import base64
import os
import secrets
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TURNS = 3


def fill(uri: str, sessions: int) -> None:
    """Record sessions of three turns, ten seconds apart: whole traces with their spans."""
    import mlflow

    from convsim_nb.adapters.mlflow.bulk import together
    from convsim_nb.adapters.mlflow.store import Destination

    mlflow.set_tracking_uri(uri)
    mlflow.search_experiments()
    to = Destination(uri, "0")
    zero = time.time_ns() - sessions * TURNS * 10_000_000_000
    made = []
    os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = "false"
    for turn in range(TURNS):  # a few by MLflow itself, whose shape the others take
        said = {"messages": [{"role": "user", "content": f"And what about part {turn}?"}]}
        span = mlflow.start_span_no_context("agent", inputs=said, metadata={"mlflow.trace.session": "first"})
        span.end(outputs={"choices": [{"message": {"role": "assistant", "content": "It is on its way."}}]})
        made.append(mlflow.get_trace(span.trace_id))
    for start in range(0, sessions, 50):
        with together(to.tracing.store) as writes:
            copies = [
                copied(made[turn], f"s-{number:05}", zero + (number * TURNS + turn) * 10_000_000_000)
                for number in range(start, min(sessions, start + 50))
                for turn in range(TURNS)
            ]
            writes.start_traces([info for info, _ in copies])
            writes.log_spans("0", [span for _, spans in copies for span in spans])


def copied(trace: Any, session: str, at: int) -> tuple[Any, list[Any]]:
    """The same trace under another id, in another session, at another time (nanoseconds)."""
    from mlflow.entities import Span
    from mlflow.entities.trace_info import TraceInfo

    new, told = secrets.token_hex(16), trace.info.to_dict()
    told |= {"trace_id": f"tr-{new}"}
    info = TraceInfo.from_dict(told)
    info.request_time = at // 1_000_000
    info.trace_metadata["mlflow.trace.session"] = session
    info.tags.pop("mlflow.artifactLocation", None)
    (root,) = trace.data.spans
    span = root.to_dict()
    span["trace_id"] = base64.b64encode(bytes.fromhex(new)).decode()
    span["attributes"] = span["attributes"] | {"mlflow.traceRequestId": f'"tr-{new}"'}
    span["start_time_unix_nano"], span["end_time_unix_nano"] = at, at + 1_000_000_000
    return info, [Span.from_dict(span)]


def timed(words: str, work: Callable[[], Any]) -> Any:
    """Do it, and print how long it took."""
    start = time.monotonic()
    result = work()
    print(f"{words:<58} {time.monotonic() - start:>8.2f} s")
    return result


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--store", type=Path)
    options = parser.parse_args()
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with tempfile.TemporaryDirectory() as folder:
        path = options.store or Path(folder) / "sessions.db"
        uri, there = f"sqlite:///{path.resolve()}", path.exists()
        if not there:
            timed(f"(recording {options.sessions:,} sessions of {TURNS} turns)", lambda: fill(uri, options.sessions))
        os.environ["MLFLOW_TRACKING_URI"] = uri
        import mlflow

        import convsim_nb as cs

        mlflow.set_tracking_uri(uri)
        mlflow.search_experiments()
        some = timed("the first page of 100 sessions", lambda: cs.list_sessions(experiment="0", sessions=100))
        timed("the next 100", lambda: some.more(100))
        timed("1,000 more", lambda: some.more(1_000))
        timed("all of them", lambda: some.more(options.sessions))
        print(f"  {len(some):,} listed")
        timed("one opened, from the middle", lambda: some.open(some[len(some) // 2].id))
        timed("one filtered by time: the last hour", lambda: cs.list_sessions(experiment="0", last="1h"))
        timed("100 read whole by search_sessions", lambda: cs.search_sessions(experiment="0", max_sessions=100))


if __name__ == "__main__":
    main()
