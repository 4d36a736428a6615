"""What a person does to a run: pause, speak, fork, label, keep. The same for a cell and for the live view."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.label import Label, LabelValue
from convsim_nb.domain.state import RunState
from convsim_nb.engine.control import Control
from convsim_nb.engine.trial import Trial
from convsim_nb.workflow.cases import CaseSet
from convsim_nb.workflow.options import above_zero

if TYPE_CHECKING:
    from convsim_nb.workflow.live import Live
    from convsim_nb.workflow.run import Run


class Steering:
    """The part of a `Run` that changes how it goes on, or says what a person makes of it."""

    state: RunState
    folder: Path | None
    kept: CaseSet
    _live: "Live | None"

    def conversation(self, key: str) -> Conversation:
        """The conversation of a key: the run's."""
        raise NotImplementedError

    # --- while it plays --------------------------------------------------------------

    def pause(self, key: str | None = None) -> None:
        """Let a conversation, or all, wait before the next user message.

        Raises:
            UsageError: the run has no conversation of that key.
        """
        self._tell(key, lambda control: control.pause(key))

    def resume(self, key: str | None = None) -> None:
        """Let a conversation, or all, go on by themselves.

        Raises:
            UsageError: the run has no conversation of that key.
        """
        self._tell(key, lambda control: control.resume(key))

    def say(self, key: str, text: str | None = None) -> None:
        """Send the next user message of a paused conversation yourself; without `text`, the simulated user's.

        A conversation in which a person spoke is `assisted`, and stands outside rates. It waits again
        before the next message.

        Raises:
            UsageError: the run has no conversation of that key, or the text is empty.
        """
        if text is not None and not text.strip():
            raise UsageError("the text is empty: give the next user message, or None for the simulated user's own")
        self._tell(key, lambda control: control.say(key, text))

    def fork(self, key: str, turn: int, text: str | None = None, *, agent: Any = None) -> str:
        """Begin a new conversation from a turn of another, and give its key.

        What was said before that turn is its history. `text` is what you say in it; without it the simulated
        user speaks. `agent` may be another one. A fork stands outside rates. In a run that is over, it plays on;
        one that was brought back has to be given its `agent`.

        Raises:
            UsageError: there is no such conversation or turn, or no agent to play with.
        """
        from convsim_nb.workflow.forking import fork_run

        return fork_run(self._run, key, turn=turn, text=text, agent=agent)

    def again(self, key: str, *, times: int = 1, agent: Any = None) -> tuple[str, ...]:
        """Play a trial again from its beginning, once or more, and give the new keys. They stand outside rates.

        Raises:
            UsageError: there is no such conversation, or no agent to play with.
        """
        from convsim_nb.workflow.forking import again_run

        return again_run(self._run, key, times=times, agent=agent)

    def add(self, trial: Trial) -> bool:
        """Play one more conversation while the run plays; False when it has come to its end."""
        return self._live is not None and self._live.add(trial)

    def cut_off(self) -> None:
        """The process ends before the run: for the workflow, which says so and stops it."""
        if self._live is not None:
            self._live.cut_off()

    def set_concurrency(self, concurrency: int) -> None:
        """Change how many conversations run at once, from now on.

        Raises:
            UsageError: it is no whole number above 0.
        """
        if not above_zero(concurrency, whole=True):
            raise UsageError(f"concurrency={concurrency!r}: give a whole number above 0")

        def change(control: Control) -> None:
            control.places.limit = concurrency

        self._tell(None, change)

    @property
    def concurrency(self) -> int:
        """How many conversations may run at once, now."""
        if self._live is not None:
            return self._live.control.places.limit
        return self.state.settings.concurrency if self.state.settings else 0

    @property
    def is_paused(self) -> bool:
        """Whether all conversations are held before their next user message."""
        return self._live is not None and self._live.control.holds_all

    @property
    def held(self) -> frozenset[str]:
        """The conversations that are held one by one."""
        return self._live.control.held if self._live is not None else frozenset()

    # --- what a person makes of it ---------------------------------------------------

    def label(self, key: str, value: LabelValue | None, *, note: str = "") -> Label:
        """Say what you think of a conversation: `reached`, `not_reached` or `simulator_fault`; None takes it back.

        It is kept in the run's folder, stands in `labels` and `to_frame()`, and changes no rate. Where the run
        is in MLflow it is human feedback on the first trace of the session, from the run's end on.

        Raises:
            StoreError: the folder cannot be written to.
            UsageError: there is no such conversation or label, or nothing was said in it yet.
        """
        from convsim_nb.workflow.labels import label_run

        return label_run(self._run, key, value, note)

    def to_case(self, key: str, *, turn: int = 1, **fields: Any) -> TestCase:
        """A conversation as a test case: what the user said from a turn on is its script, word for word.

        What was said before that turn is its history, the agent's words too. Goal, persona and the rest are
        those of the case that was played; `fields` are of a TestCase, and take their place.

        Raises:
            CaseError: a field is not known, or does not fit.
            UsageError: there is no such conversation or turn.
        """
        from convsim_nb.workflow.kept import case_from

        return case_from(self._run, key, turn=turn, fields=fields)

    def keep_case(self, key: str, *, turn: int = 1, **fields: Any) -> TestCase:
        """Make a conversation into a test case and keep it, in `kept` and as `kept.yaml` in the run's folder.

        Raises:
            CaseError: a field is not known, or does not fit.
            StoreError: the folder cannot be written to.
            UsageError: there is no such conversation or turn.
        """
        from convsim_nb.workflow.kept import keep

        return keep(self._run, self.to_case(key, turn=turn, **fields))

    def drop_case(self, case_id: str) -> None:
        """Take a case out of `kept` and its file again.

        Raises:
            StoreError: the folder cannot be written to.
            UsageError: none of that id is kept.
        """
        from convsim_nb.workflow.kept import drop

        drop(self._run, case_id)

    @property
    def _run(self) -> "Run":
        from convsim_nb.workflow.run import Run

        if not isinstance(self, Run):
            raise TypeError(type(self).__name__)
        return self

    def _tell(self, key: str | None, change: Callable[[Control], None]) -> None:
        if key is not None:
            self.conversation(key)
        if self._live is not None:
            self._live.steer(change)
