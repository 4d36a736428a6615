"""A stand-in for a Spark session: tasks run on threads of this process, and may be made to die and be tried again."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cloudpickle
import pandas as pd

from convsim_nb.domain.events import RunEnded, RunEvent, RunStarted


@dataclass
class StandIn:
    """As much of a session as `on=` asks for. Functions are pickled, as for real workers.

    `dies` is asked for each box and attempt, before it is played and when it has been, whether the task fails there.
    """

    slots: int = 2
    settings: dict[str, str] = field(default_factory=lambda: {"spark.master": "local[2]"})
    dies: Callable[[str, int, int], bool] = lambda when, box, attempt: False
    tries: int = 4
    cancelled: list[str] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)

    @property
    def conf(self) -> Any:
        return self.settings

    @property
    def sparkContext(self) -> Any:  # noqa: N802 - pyspark's name
        return self

    @property
    def defaultParallelism(self) -> int:  # noqa: N802
        return self.slots

    def setJobGroup(self, name: str, _about: str) -> None:  # noqa: N802
        self.jobs.append(name)

    def cancelJobGroup(self, name: str) -> None:  # noqa: N802
        self.cancelled.append(name)

    def range(self, start: int, end: int, step: int, _partitions: int) -> "_Frame":
        return _Frame(self, list(range(start, end, step)))


@dataclass
class _Frame:
    spark: StandIn
    numbers: list[int]
    work: bytes = b""

    def mapInPandas(self, work: Callable[[Iterator[Any]], Iterator[Any]], _schema: str) -> "_Frame":  # noqa: N802
        return _Frame(self.spark, self.numbers, cloudpickle.dumps(work))

    def collect(self) -> list[Any]:
        with ThreadPoolExecutor(self.spark.slots) as pool:
            found = list(pool.map(self._task, self.numbers))
        return [row for rows in found for row in rows]

    def _task(self, number: int) -> list[Any]:
        for attempt in range(self.spark.tries):
            try:
                return self._tried(number, attempt)
            except RuntimeError:
                if attempt == self.spark.tries - 1:
                    raise
        raise AssertionError

    def _tried(self, number: int, attempt: int) -> list[Any]:
        if self.spark.dies("before", number, attempt):
            raise RuntimeError("the worker died before it began")
        frames = cloudpickle.loads(self.work)(iter([pd.DataFrame({"id": [number]})]))
        rows = [row for frame in frames for row in frame.to_dict("records")]
        if self.spark.dies("after", number, attempt):
            raise RuntimeError("the worker died before its rows came")
        return rows


@dataclass
class Aside:
    """A reader that puts the shared folder of a run aside when it ends: it is deleted a moment later."""

    journal: Path
    into: Path
    name: str = "aside"
    _run: str = ""

    def __call__(self, event: RunEvent) -> None:
        if isinstance(event, RunStarted):
            self._run = event.run_id
        if isinstance(event, RunEnded):
            shutil.copytree(self.journal / self._run / "spark", self.into)
