"""Drop-ins for `mlflow.genai.simulators`: the same names and arguments, played by convsim-nb.

```python
from convsim_nb.mlflow import ConversationSimulator, generate_test_cases

simulator = ConversationSimulator(test_cases=generate_test_cases(sessions), max_turns=8)
mlflow.genai.evaluate(data=simulator, predict_fn=my_agent, scorers=[...])
```
What is the same and what is better on purpose stands in `docs/mlflow-drop-in.md`.
"""

import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import mlflow
from mlflow.entities import Trace
from mlflow.environment_variables import MLFLOW_GENAI_EVAL_ASYNC_TIMEOUT
from mlflow.exceptions import MlflowException
from mlflow.genai import simulators
from mlflow.genai.simulators import BaseSimulatedUserAgent, SimulatorContext
from mlflow.genai.simulators.prompts import DEFAULT_PERSONA
from mlflow.genai.simulators.utils import get_default_simulation_model

from convsim_nb.adapters.mlflow.expectations import reach_session_scorers
from convsim_nb.adapters.mlflow.lineage import traces_of_run
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.errors import CaseError, ConvsimError, UsageError
from convsim_nb.engine.ports import UserView
from convsim_nb.workflow.cases import CaseSet
from convsim_nb.workflow.datasets import dataset_cases, names_dataset
from convsim_nb.workflow.distill import distill
from convsim_nb.workflow.drop_in import DropIn, Generate, play
from convsim_nb.workflow.run import Run
from convsim_nb.workflow.sessions import Sessions, load_sessions

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities.session import Session
    from mlflow.genai.datasets import EvaluationDataset

__all__ = ["ConversationSimulator", "generate_test_cases"]

_logger = logging.getLogger(__name__)
_THEIRS = ("goal", "persona", "context", "expectations", "simulation_guidelines")
_OURS = tuple(name for name in TestCase.model_fields if name not in _THEIRS)
_MANAGED = ("databricks", "gpt-oss-120b")
"""MLflow's names for the managed model of Databricks."""
_CONCURRENCY = 20
_WORKERS = "MLFLOW_GENAI_SIMULATOR_MAX_WORKERS"


class ConversationSimulator(simulators.ConversationSimulator):
    """MLflow's conversation simulator, played by convsim-nb: `mlflow.genai.evaluate(data=...)` takes it as its own.

    Test cases may also be a `CaseSet`, or hold its further fields: facts, withheld, history, script.
    """

    run: Run | None = None
    """The latest simulation as convsim-nb has it: verdicts, stops, usage, `report()`."""

    def __init__(
        self,
        test_cases: "Sequence[Mapping[str, Any] | TestCase] | pd.DataFrame | EvaluationDataset",
        max_turns: int = 10,
        user_model: str | None = None,
        user_agent_class: type[BaseSimulatedUserAgent] | None = None,
        **user_llm_params: Any,
    ) -> None:
        """As MLflow's own.

        Raises:
            ValueError: there are no test cases, or one has no goal, or a context that cannot be; or `max_turns` is
                no whole number above 0.
            TypeError: `user_agent_class` is no class of simulated users.
        """
        given: Any = test_cases
        turns: Any = max_turns  # whatever it is, and an integer of numpy's too
        if not isinstance(turns, Integral) or turns < 1:
            raise ValueError(f"max_turns={max_turns!r}: give a whole number above 0")
        super().__init__(given, max_turns, user_model, user_agent_class, **user_llm_params)
        self._own_class = user_agent_class

    def simulate(self, predict_fn: Callable[..., Any]) -> list[list[Trace]]:
        """Play every test case against the agent; gives the traces of each one's turns, in order.

        Raises:
            MlflowException: the agent takes neither `messages` nor `input`, or both; a model or its key is
                missing; the store failed; or no conversation came to a first answer.
        """
        try:
            run = self.run = play(self._drop_in(), predict_fn)
            found = _stored(run)
        except ConvsimError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error
        traces = [[found[one] for one in _answered(c.messages) if one in found] for c in run.conversations]
        if not any(traces):
            why = next((f": {c.stop}: {c.detail}" for c in run.conversations if c.detail), "")
            raise MlflowException(f"Simulation produced no traces: every conversation failed{why}")
        reach_session_scorers()
        return traces

    def _drop_in(self) -> DropIn:
        rows: list[dict[str, Any]] = self.test_cases  # type: ignore[assignment]  # it was made so when it was set
        cases = CaseSet([_case(row) for row in rows])
        own, active = self._own_class, mlflow.active_run()
        given = {case.case_id: row for case, row in zip(cases, rows, strict=True)}
        return DropIn(
            cases=cases,
            contexts={case_id: row["context"] for case_id, row in given.items() if row.get("context")},
            max_turns=self.max_turns,
            user_model="databricks" if self.user_model in _MANAGED else self.user_model,
            llm_params=self.user_llm_params,
            user=(lambda: _generating(own(model=self.user_model, **self.user_llm_params), given)) if own else None,
            user_name=own.__name__ if own else "",
            concurrency=int(os.environ.get(_WORKERS) or _CONCURRENCY),
            async_seconds=float(MLFLOW_GENAI_EVAL_ASYNC_TIMEOUT.get()),  # type: ignore[no-untyped-call]
            run_id=active.info.run_id if active else None,
            run_name=(active.info.run_name or "") if active else "",
            model_id=mlflow.get_active_model_id() or "",
        )

    # --- what the base class asks when `test_cases` is set ---------------------------

    def _normalize_test_cases(self, test_cases: Any) -> Any:
        if names_dataset(test_cases):
            try:
                return [_row(case) for case in dataset_cases(test_cases)[0]]
            except CaseError as error:
                raise ValueError(str(error)) from None
        if hasattr(test_cases, "to_dict") and hasattr(test_cases, "columns"):
            return [_present(row) for row in test_cases.to_dict("records")]
        return [_row(case) if isinstance(case, TestCase) else case for case in test_cases]

    def _validate_test_cases(self, test_cases: list[dict[str, Any]]) -> None:
        """As MLflow does; our own fields are not unknown to us."""
        super()._validate_test_cases([_without_ours(row) for row in test_cases])


def generate_test_cases(
    sessions: "Sequence[Session] | Sequence[Sequence[Trace]]", *, model: str | None = None
) -> list[dict[str, Any]]:
    """Distill a test case out of each recorded session, as plain dicts for any conversation simulator.

    Facts, and what the user holds back until something happens, are among the `simulation_guidelines`.
    A session that fails is left out.

    Raises:
        MlflowException: it is no list, or the model or its key is missing.
    """
    try:
        listed = list(sessions)
    except TypeError:
        said = f"sessions={sessions!r}: give a list of sessions, such as mlflow.search_sessions() gives"
        raise MlflowException.invalid_parameter_value(said) from None
    try:
        read = load_sessions(listed, simulated=True) if listed else Sessions()
    except UsageError as error:
        read = Sessions(problems=[str(error)])
    cases: Sequence[TestCase] = _distilled(read, model or get_default_simulation_model()) if read else ()
    for problem in read.problems:
        _logger.warning("%s", problem)
    return [case.as_mlflow() for case in cases]


def _distilled(sessions: Sessions, model: str) -> CaseSet:
    try:
        cases = distill(sessions, model="databricks" if model in _MANAGED else model, split=False, journal=False)
    except UsageError as error:
        raise MlflowException.invalid_parameter_value(str(error)) from error
    for problem in cases.problems:
        _logger.warning("%s", problem)
    return cases


# --- test cases ----------------------------------------------------------------------


def _row(case: TestCase) -> dict[str, Any]:
    """A case as a mapping; its id stands there only where it was given one."""
    row = case.as_mapping()
    return row if "case_id" in case.model_fields_set else {k: v for k, v in row.items() if k != "case_id"}


def _present(row: Mapping[str, Any]) -> dict[str, Any]:
    """A frame's row without its missing cells."""
    return {name: value for name, value in row.items() if not (value is None or (_single(value) and value != value))}  # noqa: PLR0124


def _single(value: object) -> bool:
    return not isinstance(value, str | Sequence | Mapping) and not hasattr(value, "shape")


def _without_ours(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _OURS or not _fits(name, value)}


def _fits(name: str, value: Any) -> bool:
    """Whether it is a field of ours, and not something else that goes by its name."""
    try:
        TestCase.model_validate({"goal": "any", name: value})
    except CaseError:
        return False
    return True


def _case(row: Mapping[str, Any]) -> TestCase:
    """The case of a row: what MLflow has no use for is left out, what is no JSON stands there as text."""
    own = {name: row[name] for name in _OURS if name in row and _fits(name, row[name])}
    plain = {name: _plain(row[name]) for name in ("context", "expectations") if isinstance(row.get(name), Mapping)}
    persona = str(row.get("persona") or DEFAULT_PERSONA)
    guidelines = row.get("simulation_guidelines") or ()
    fields = {"goal": str(row["goal"]), "persona": persona, "simulation_guidelines": guidelines, **plain, **own}
    return TestCase.model_validate(fields)


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=repr))


# --- the simulated user --------------------------------------------------------------


def _generating(user: BaseSimulatedUserAgent, rows: Mapping[str, Mapping[str, Any]]) -> Generate:
    """What a user of MLflow's says, asked as MLflow asks."""

    def said(view: UserView) -> str:
        row = rows[view.case.case_id]
        folded = row.keys() - set(_THEIRS)
        context = SimulatorContext(
            goal=row["goal"],
            persona=row.get("persona") or DEFAULT_PERSONA,
            conversation_history=[{"role": each.role, "content": each.content} for each in view.messages],
            turn=view.turn - 1,
            simulation_guidelines=view.case.as_mlflow().get("simulation_guidelines")
            if folded
            else row.get("simulation_guidelines"),
        )
        return str(user.generate_message(context) or "")

    return said


# --- traces --------------------------------------------------------------------------


def _answered(messages: Sequence[Any]) -> list[str]:
    return [message.trace_id for message in messages if message.source == "agent" and message.trace_id]


def _stored(run: Run) -> dict[str, Trace]:
    """The run's traces as they lie in the store, by id, with their spans and what was found of them."""
    sink = run.mlflow
    if sink is None or sink.destination is None or sink.failure:
        reason = sink.failure if sink else "nothing was written"
        raise UsageError(f"the simulation was not written to MLflow: {reason}")
    return traces_of_run(sink.destination, run.run_id)
