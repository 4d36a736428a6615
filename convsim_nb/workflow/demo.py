"""The whole way on built-in sessions, agents and model."""

import logging
import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convsim_nb.workflow.cases import CaseSet
from convsim_nb.workflow.compare import Comparison, compare
from convsim_nb.workflow.distill import distill
from convsim_nb.workflow.run import Run
from convsim_nb.workflow.sessions import Sessions, search_sessions
from convsim_nb.workflow.simulate import simulate

EXPERIMENT = "convsim-demo"
MODEL = "demo:/rules"
RUNS = "runs"
"""The folder of the journals, in that of the demo."""


@dataclass(frozen=True)
class DemoOutcome:
    """What the demo made, and where it lies."""

    out: Path
    tracking_uri: str
    sessions: Sessions
    cases: CaseSet
    runs: tuple[Run, ...]
    reports: tuple[Path, ...]
    found: Comparison | None = None
    """The second version held against the first."""

    def lines(self) -> Iterator[str]:
        """What happened, where the results lie, and the commands that open them."""
        yield f"{len(self.sessions)} recorded sessions were distilled into {len(self.cases)} test cases."
        yield f"User and judge were {MODEL}: a rule-based stand-in, not a language model."
        for run in self.runs:
            yield f"  {_result(run)}"
        yield f"Test cases   {self.out / 'cases.yaml'}"
        for run, report in zip(self.runs, self.reports, strict=True):
            yield f"Report       {report}  ({run.state.run_name})"
        yield "See the traces, sessions and runs in MLflow:"
        yield f"  {self._open_mlflow}"
        yield "Play the cases again, against your own agent and with a language model:"
        cases = shlex.quote(str(self.out / "cases.yaml"))
        yield f"  convsim run {cases} --agent yourmodule:agent --user-model openai:/gpt-5-mini"
        yield "These runs are listed by:"
        journal = f"--journal {shlex.quote(str(self.out / RUNS))}"
        yield f"  convsim runs {journal}"
        if self.found is not None:
            yield "And compared, with all numbers, by:"
            yield f"  convsim compare {' '.join(run.run_id for run in self.runs)} {journal}"
            yield "What differs between the two versions of the agent:"
            yield from (f"- {said}" for said in self.found.sentences)

    def as_json(self) -> Mapping[str, Any]:
        """The same as one JSON document."""
        return {
            "out": str(self.out),
            "tracking_uri": self.tracking_uri,
            "sessions": len(self.sessions),
            "cases": len(self.cases),
            "problems": [*self.cases.problems],
            "runs": [run.to_dict() for run in self.runs],
            "reports": [str(report) for report in self.reports],
        }

    @property
    def _open_mlflow(self) -> str:
        if self.tracking_uri.startswith(("http://", "https://")):
            return f"open {self.tracking_uri}, experiment {EXPERIMENT}"
        return f"mlflow ui --backend-store-uri {shlex.quote(self.tracking_uri)}   # experiment {EXPERIMENT}"


def demo(*, out: Path, progress: bool = True) -> DemoOutcome:
    """Record, distill, simulate two versions of the agent, score, report.

    Raises:
        StoreError: the tracking store, or the folder, cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    with _tracking(out) as uri:
        from convsim_nb.demo.record import record_sessions

        record_sessions(experiment=EXPERIMENT)
        sessions = search_sessions(experiment=EXPERIMENT)
        cases = distill(sessions, model=MODEL, journal=False, progress=progress)
        cases.save(out / "cases.yaml")
        runs = tuple(_played(cases, version, out, progress=progress) for version in ("v1", "v2"))
    reports = tuple(run.report(out / f"report-{run.state.run_name}.html") for run in runs)
    return DemoOutcome(out, uri, sessions, cases, runs, reports, compare(*runs))


def _played(cases: CaseSet, version: str, out: Path, *, progress: bool) -> Run:
    run = simulate(
        cases,
        f"convsim_nb.demo:support_agent_{version}",
        user_model=MODEL,
        max_turns=8,
        experiment=EXPERIMENT,
        run_name=version,
        journal=out / RUNS,
        progress=progress,
    ).wait()
    run.evaluate()
    return run


def _result(run: Run) -> str:
    numbers = run.summary
    of = numbers.reached + numbers.not_reached
    return (
        f"{run.state.run_name}: {numbers.reached} of {of} goals reached, {numbers.corrections} corrections"
        f" (faults of the agent that the user had to point out), {numbers.void} void"
    )


@contextmanager
def _tracking(out: Path) -> Iterator[str]:
    """MLflow's store for the demo: the one that the environment names, else a sqlite file in `out`."""
    import mlflow

    from convsim_nb.adapters.mlflow.store import make_ready

    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)  # how a new store is made is no progress
    if os.environ.get("MLFLOW_TRACKING_URI"):
        yield mlflow.get_tracking_uri()
        return
    before, uri = mlflow.get_tracking_uri(), f"sqlite:///{out / 'mlflow.db'}"
    make_ready(uri)
    mlflow.set_tracking_uri(uri)
    if mlflow.get_experiment_by_name(EXPERIMENT) is None:
        # Without a place of its own, sqlite's artifacts would land in the working folder.
        mlflow.create_experiment(EXPERIMENT, artifact_location=(out / "artifacts").resolve().as_uri())
    try:
        yield uri
    finally:
        mlflow.set_tracking_uri(before)
