"""Apache Spark: one task a box of conversations, by `mapInPandas`; and what can be sent to its workers.

Nothing of pyspark is imported: whoever has a session has brought it.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from convsim_nb.domain.errors import StoreError, UsageError

_SCHEMA = "box long, attempt long, lines long, problem string"
_DEEP = 4
"""How deep it is looked for what does not pickle."""
_SHOWN = 300


class BoxPlayed(NamedTuple):
    """What a task hands back: how much there is to be read of its box."""

    box: int
    attempt: int
    lines: int
    """That the attempt wrote."""
    problem: str = ""
    """Why nothing was played, in a line."""


# --- the session ---------------------------------------------------------------------


def refuse_no_session(spark: Any) -> None:
    """See that this is a Spark session, which nobody has without pyspark.

    Raises:
        UsageError: it is none.
    """
    if not hasattr(spark, "range") or not hasattr(spark, "conf"):
        raise UsageError(
            f"on={spark!r:.80} is no Spark session: give SparkSession.builder.getOrCreate(); "
            "pip install 'convsim-nb[spark]' brings pyspark"
        )


def is_local(spark: Any) -> bool:
    """Whether its workers are processes of this machine, which see the same files."""
    master = str(setting(spark, "spark.master") or "")
    return master.partition("[")[0] in ("local", "local-cluster")


def slots(spark: Any) -> int:
    """How many tasks it runs at once, as far as it says so; 2 where it does not."""
    context = _context(spark)
    if context is not None:
        return max(1, int(context.defaultParallelism))
    said = setting(spark, "spark.default.parallelism") or ""
    return int(said) if said.isdigit() else 2


def setting(spark: Any, name: str) -> str | None:
    """A setting of the session; None where it has none, or does not say."""
    try:
        value = spark.conf.get(name, None)
    except Exception:  # noqa: BLE001 - Spark Connect refuses what it thinks is not the client's to know
        return None
    return None if value is None else str(value)


def _context(spark: Any) -> Any:
    """The Spark context; None for a session by Spark Connect, which has none."""
    try:
        return spark.sparkContext
    except Exception:  # noqa: BLE001 - each release has an error of its own for it
        return None


# --- the job -------------------------------------------------------------------------


def play_boxes(spark: Any, play: Callable[[int], BoxPlayed], *, boxes: int, name: str) -> list[BoxPlayed]:
    """Play every box in a task of its own, and wait for all of them.

    `play` is called with a box's number on a worker, again where the task before died. `name` is what `cancel` takes.

    Raises:
        StoreError: the job failed; the message is what it died of, in a line.
    """

    def work(batches: Iterator[Any]) -> Iterator[Any]:
        import pandas as pd

        for batch in batches:
            played = [play(int(box)) for box in batch["id"]]
            yield pd.DataFrame([tuple(one) for one in played], columns=["box", "attempt", "lines", "problem"])

    _name(spark, name)
    try:
        # `range` puts exactly one number into each partition, which no repartitioning promises.
        rows = spark.range(0, boxes, 1, boxes).mapInPandas(work, _SCHEMA).collect()
    except Exception as error:
        raise StoreError(f"the Spark job failed: {_telling_line(str(error))}") from error
    return [BoxPlayed(int(row["box"]), int(row["attempt"]), int(row["lines"]), row["problem"] or "") for row in rows]


def cancel(spark: Any, name: str) -> None:
    """Cancel a job: its tasks are killed."""
    context = _context(spark)
    if context is not None:
        context.cancelJobGroup(name)
    else:
        spark.interruptTag(name)


def _name(spark: Any, name: str) -> None:
    """Of this thread's jobs."""
    context = _context(spark)
    if context is not None:
        context.setJobGroup(name, f"convsim: {name}")
    else:
        spark.addTag(name)


_CRASHED = "Python worker exited unexpectedly"
_FRAME = re.compile(r"at \S+\(.*\)|\.\.\. \d+ (more|elided)|Traceback .*|File \".*|Driver stacktrace:")
"""Lines of a trace that say where, and not what."""
_CAUSE = re.compile(r"^(?:Caused by: |: )")
"""What stands before the name of an error."""


def _telling_line(text: str) -> str:
    """What a failed job died of: a worker's crash, else the last error that is named: Python's own, if there is one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if crash := next((line for line in lines if _CRASHED in line), ""):
        return f"{_cut(crash[crash.index(_CRASHED) :])}: the process was killed, often for want of memory"
    told = [_CAUSE.sub("", line) for line in lines if not _FRAME.fullmatch(line)]
    raised = [line for line in told if _is_error(line)]
    return _cut((raised or told or ["no reason given"])[-1])


def _cut(said: str) -> str:
    return said if len(said) <= _SHOWN else f"{said[:_SHOWN]}..."


def _is_error(line: str) -> bool:
    name, colon, _ = line.partition(":")
    return bool(colon) and " " not in name and name.rpartition(".")[2].endswith(("Error", "Exception"))


# --- what is sent --------------------------------------------------------------------


def pickled(what: Mapping[str, Any]) -> bytes:
    """Objects by their names, as workers can read them.

    Raises:
        UsageError: one of them does not pickle; the message says which part of it.
    """
    import cloudpickle

    for name, value in what.items():
        error = _why_not(value)
        if error is not None:
            part = _culprit(value, depth=_DEEP)
            where = f": {part}" if part else ""
            raise UsageError(
                f"{name} does not pickle for Spark's workers{where} ({type(error).__name__}: {_line(error)}): "
                f"make it inside the function, or give a name such as 'module:name'"
            ) from None
    return bytes(cloudpickle.dumps(dict(what)))


def unpickled(sent: bytes) -> dict[str, Any]:
    """The same, on a worker. This runs whatever code was sent: workers run it for the driver alone."""
    import cloudpickle

    found: dict[str, Any] = cloudpickle.loads(sent)
    return found


def _why_not(value: Any) -> Exception | None:
    import cloudpickle

    try:
        cloudpickle.dumps(value)
    except Exception as error:  # noqa: BLE001 - each class has an error of its own for it
        return error
    return None


def _culprit(value: Any, *, depth: int) -> str:
    """The path to the innermost part that does not pickle: `its global client, its _lock, a _thread.lock`."""
    for where, part in _parts(value) if depth else ():
        if part is not value and _why_not(part) is not None:
            deeper = _culprit(part, depth=depth - 1)
            return f"{where}, {deeper}" if deeper else f"{where}, a {type(part).__module__}.{type(part).__qualname__}"
    return ""


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if inspect.ismethod(value):
        yield "its object", value.__self__
    elif inspect.isfunction(value):
        held = inspect.getclosurevars(value)
        yield from ((f"its variable {name}", part) for name, part in held.nonlocals.items())
        yield from ((f"its global {name}", part) for name, part in held.globals.items())
    elif hasattr(value, "__dict__"):
        yield from ((f"its {name}", part) for name, part in vars(value).items())


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
