"""What a run's handle says of the results, beyond the conversations themselves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from convsim_nb.analysis.trials import Passed, passes

if TYPE_CHECKING:
    from convsim_nb.engine.ports import Chat
    from convsim_nb.workflow.failures import Failures
    from convsim_nb.workflow.fidelity import Fidelity
    from convsim_nb.workflow.run import Run


class Reading:
    """The part of `Run` that draws conclusions."""

    def passes(self, k: int) -> Passed:
        """pass@k and pass^k: how often at least one of k trials of a case reaches the goal, and how often all do.

        For a case with c good ones of n trials these are 1 - C(n-c, k) / C(n, k) and C(c, k) / C(n, k).

        Raises:
            UsageError: `k` is below 1, or above the trials that any case has.
        """
        return passes(self._run.conversations, k=k)

    def failures(
        self,
        beside: "Sequence[Run]" = (),
        *,
        model: "str | Chat | None" = None,
        llm_params: Mapping[str, Any] | None = None,
        model_timeout: float | None = 300.0,
        max_cost: float | None = None,
        max_tokens: int | None = None,
        prompts: Mapping[str, str] | None = None,
    ) -> "Failures":
        """Every conversation that did not reach its goal: whose part it is, why, and what to do next.

        By rules: `agent`, `case`, simulated `user`, or `infrastructure`. `beside` are other versions' runs: a case
        that none of them passes is the case's fault until somebody shows that it can be passed. Where no rule fits
        a `model` reads the conversation, and has to quote the words that show it. Blocks then.

        Args:
            beside: Runs of other versions.
            model: An MLflow model URI, or any object that fits `Chat`; without it the rules alone.
            llm_params: What goes with every call of the model, such as {"temperature": 1}.
            model_timeout: Seconds for one reply.
            max_cost: US dollars that it may take.
            max_tokens: Tokens that it may take.
            prompts: A prompt in the place of ours, by its name (failure): prompts:/name@alias, or a text.

        Raises:
            UsageError: a run has not ended, or an argument is wrong: said before any model is called.
        """
        from convsim_nb.workflow.ended import refuse_unended
        from convsim_nb.workflow.failures import failures, failures_read

        for run in (self._run, *beside):
            refuse_unended(run, before="run.failures()")
        if model is None:
            return failures(self._run, beside)
        return failures_read(
            self._run,
            beside,
            model=model,
            llm_params=llm_params,
            model_timeout=model_timeout,
            max_cost=max_cost,
            max_tokens=max_tokens,
            prompts=prompts,
        )

    def report(
        self,
        path: str | Path | None = None,
        *,
        beside: "Sequence[Run | str]" = (),
        fidelity: "Fidelity | None" = None,
        failures: "Failures | None" = None,
    ) -> Path:
        """Write the run as one HTML file that needs no script, or with `.md` as Markdown.

        A run that has not ended is written as far as it got, and the report says so.

        Args:
            path: By default `report.html` in the run's folder.
            beside: Earlier runs, or their ids, that it is compared to: then it is logged to MLflow as well.
            fidelity: What `cs.fidelity` found of its simulated users.
            failures: What `run.failures(model=...)` found; by rules alone without it.

        Raises:
            NotFoundError: no run of such an id.
            StoreError: the file cannot be written, or the tracking store failed.
            UsageError: the path ends with neither `.html` nor `.md`.
        """
        from convsim_nb.workflow.report import write_report

        return write_report(
            self._run, Path(path) if path else None, beside=beside, fidelity=fidelity, failures=failures
        )

    def export_test(
        self, key: str, path: str | Path | None = None, *, agent: str | None = None, mlflow_test: bool = False
    ) -> Path:
        """Write a conversation as a test file: what the user said there is said again, word for word.

        It is plain pytest and holds the test case itself. It asserts that the goal is reached, and that nothing
        had to be corrected.

        Args:
            key: The conversation.
            path: The file; by default `test_<case id>.py` in the working folder.
            agent: Where the test finds the agent: `module:name`; CONVSIM_AGENT in the environment goes before.
                Without it the name that the run was started with, where it was one.
            mlflow_test: Make it a test of MLflow's, which its pytest plugin tracks.

        Raises:
            StoreError: the file cannot be written.
            UsageError: there is no such conversation, it has not ended, nothing was said in it, or its agent has
                no name to find it by.
        """
        from convsim_nb.workflow.export_test import export_test

        return export_test(self._run, key, path=Path(path) if path else None, agent=agent, mlflow_test=mlflow_test)

    @property
    def _run(self) -> Any:
        return cast("Run", self)
