"""The whole way on built-in sessions, agents and model."""

import logging
import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convsim_nb.analysis.compare import REACH
from convsim_nb.domain.errors import UsageError
from convsim_nb.views.comparison import p_words
from convsim_nb.views.words import percent
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


_FAULT = "hb-4101"
"""The case of a Saturday: version 1 gives index levels of the day before as if they were live."""
_QUESTIONS = (
    "Where does the DAX stand?",
    "Where does the Euro Stoxx stand?",
    "Where does the S&P 500 stand?",
    "What is the level of the FTSE 100?",
    "How is the Nasdaq 100 doing?",
    "Where is the IBEX 35?",
    "What do the DAX and the FTSE stand at?",
    "How are the S&P 500 and the Nasdaq doing?",
)
"""The same day and the same fault, asked otherwise."""


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
    proof: Comparison | None = None
    """The same, on the cases that were written for one fault of the first."""

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
        if self.found is None or self.proof is None:
            return
        yield "And compared, with all numbers, by:"
        for found in (self.found, self.proof):
            yield f"  convsim compare {found.first.run_id} {found.others[0].run_id} {journal}"
        yield "What differs between the two versions of the agent, over all cases:"
        yield from (f"- {said}" for said in self.found.sentences)
        yield f"One fault that v1 shows there, {_FAULT}: on a Saturday it gives index levels as if they were live."
        yield f"{len(_QUESTIONS)} cases were written for that fault, and played with both versions:"
        yield from (f"- {said}" for said in _proved(self.proof))

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
            "targeted": self.proof.to_dict() if self.proof is not None else None,
        }

    @property
    def _open_mlflow(self) -> str:
        if self.tracking_uri.startswith(("http://", "https://")):
            return f"open {self.tracking_uri}, experiment {EXPERIMENT}"
        return f"mlflow ui --backend-store-uri {shlex.quote(self.tracking_uri)}   # experiment {EXPERIMENT}"


def demo(*, out: Path, progress: bool = True) -> DemoOutcome:
    """Record, distill, simulate two versions of the agent, score, report.

    Raises:
        StoreError: the tracking store cannot be written.
        UsageError: the folder cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"out={str(out)!r} is no folder that can be written: {error.strerror}: name another") from None
    with _tracking(out) as uri:
        from convsim_nb.demo.record import record_sessions

        record_sessions(experiment=EXPERIMENT)
        sessions = search_sessions(experiment=EXPERIMENT)
        cases = distill(sessions, model=MODEL, journal=False, progress=progress)
        cases.save(out / "cases.yaml")
        runs = tuple(_played(cases, version, out, progress=progress) for version in ("v1", "v2"))
        for run in runs:
            run.evaluate()
        aimed = _aimed(cases)
        targeted = [_played(aimed, version, out, of=" closed market", progress=progress) for version in ("v1", "v2")]
    reports = tuple(run.report(out / f"report-{run.state.run_name}.html") for run in runs)
    return DemoOutcome(out, uri, sessions, cases, runs, reports, compare(*runs), compare(*targeted))


def _aimed(cases: CaseSet) -> CaseSet:
    """Cases for the one fault: the same withheld fact, other questions."""
    (seen,) = [case for case in cases if case.case_id == _FAULT]
    return CaseSet(
        seen.edited(goal=f"Get an answer to: {question}", case_id=f"closed-market-{number}", source=None)
        for number, question in enumerate(_QUESTIONS, start=1)
    )


def _played(cases: CaseSet, version: str, out: Path, *, of: str = "", progress: bool) -> Run:
    return simulate(
        cases,
        f"convsim_nb.demo:support_agent_{version}",
        user_model=MODEL,
        max_turns=8,
        experiment=EXPERIMENT,
        run_name=version + of,
        journal=out / RUNS,
        progress=progress,
    ).wait()


def _result(run: Run) -> str:
    numbers = run.summary
    of = numbers.reached + numbers.not_reached
    return (
        f"{run.state.run_name}: {numbers.corrections} corrections (faults of the agent that the user had to point out),"
        f" {numbers.reached} of {of} goals reached, {numbers.void} void"
    )


def _proved(proof: Comparison) -> Iterator[str]:
    """What the cases of one fault show, and what they do not."""
    compared = proof.found[0]
    by_name = {metric.name: metric for metric in compared.metrics}
    corrected, reach = by_name["corrections"], by_name[REACH]
    cases = len(compared.cases)
    yield (
        f"v1 had to be corrected {corrected.first:.2f} times a conversation, v2 {corrected.second:.2f} times, "
        f"over {cases} cases: {p_words(corrected.gap.p)}"
    )
    yield (
        f"the goal was reached in {percent(reach.first)} with v1, {percent(reach.second)} with v2: "
        "a rate alone does not show who had to object first"
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
