"""A comparison to look into: the cases that changed, worst first, each with both transcripts side by side."""

from collections.abc import Sequence
from typing import Any

from anywidget import AnyWidget
from IPython.display import DisplayHandle

from convsim_nb.analysis.alignment import telling_trials
from convsim_nb.analysis.compare import CaseChange
from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.errors import UsageError
from convsim_nb.notebook.display import folded
from convsim_nb.notebook.live.protocol import (
    WORDS,
    conversation_html,
    conversation_json,
    conversation_quotes,
    scores_json,
    sendable,
)
from convsim_nb.notebook.page import STATIC, tell
from convsim_nb.notebook.wishes import Wishes
from convsim_nb.views.comparison import table_rows
from convsim_nb.views.side_by_side import Sided
from convsim_nb.views.words import standing
from convsim_nb.workflow.compare import Comparison


class CompareView(AnyWidget):
    """Shows what `cs.compare` found; transcripts are sent when they are opened, and none is in the widget's state."""

    _esm = (STATIC / "compare_view.js").read_text(encoding="utf-8")
    _css = (STATIC / "compare_view.css").read_text(encoding="utf-8")

    def __init__(self, comparison: Comparison, **traits: Any) -> None:
        super().__init__(**traits)
        self._desk = _Desk(comparison)
        self._wishes = Wishes(self._desk.do, tell=self._tell, name="convsim-compare")
        self.on_msg(self._asked)

    def _asked(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """What a page wants; what is not known is left alone, for pages may be older than the kernel."""
        match content:
            case {"type": "hello", "view": str(view)}:
                self._tell({"type": "state", "to": view, **self._desk.state()})
            case {"type": "ping", "view": str(view)}:
                self._tell({"type": "pong", "to": view})
            case {"type": "do", "view": str(), "id": str(), "what": str(), "given": dict()}:
                self._wishes.take(content)

    def _tell(self, message: dict[str, Any]) -> None:
        tell(self, message)


class _Desk:
    """What a page is told of a comparison."""

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison
        self._sides = [comparison.sides(place) for place in range(len(comparison.others))]

    def state(self) -> dict[str, Any]:
        """Everything but the transcripts."""
        names, found = self._comparison.names, self._comparison.found
        others = [
            {
                "name": names[place + 1],
                "said": [*self._comparison.said(place), *self._comparison.corrected],
                "rows": table_rows(
                    compared, first=names[0], second=names[place + 1], corrected=self._comparison.ps(place)
                ),
                "cases": [_case_json(change, self._sides[place]) for change in compared.cases],
            }
            for place, compared in enumerate(found)
        ]
        return {"words": WORDS, **sendable({"name": names[0], "others": others})}

    def do(self, what: str, given: Any) -> dict[str, Any]:
        """Give two transcripts: of a case, by the number of the other run and the places of two trials.

        Raises:
            UsageError: there is no such run, case or trial.
        """
        match what, given:
            case "pair", {"other": int(place), "case": int(case), "first": int(first), "second": int(second)}:
                try:
                    change = self._comparison.found[place].cases[case]
                    trials = _trials(change, self._sides[place])
                    pair = zip(self._sides[place], (trials[0][first], trials[1][second]), strict=True)
                except IndexError:
                    raise UsageError("there is no such transcript: reload the page") from None
                one, other = (_side_json(side, conversation) for side, conversation in pair)
                return {"first": one, "second": other}
        raise UsageError(f"this kernel does not know {what!r}: reload the page")


def _trials(change: CaseChange, sides: tuple[Sided, Sided]) -> tuple[Sequence[Conversation], Sequence[Conversation]]:
    one, other = (side.by_case.get(change.case_id, ()) for side in sides)
    return one, other


def _case_json(change: CaseChange, sides: tuple[Sided, Sided]) -> dict[str, Any]:
    trials = _trials(change, sides)
    return {
        "case_id": change.case_id,
        "goal": change.goal,
        "gap": change.gap,
        "reached": [f"{sum(each)} of {len(each)}" for each in (change.first, change.second)],
        "trials": [[[each.trial, standing(each)] for each in side] for side in trials],
        "start": telling_trials(*trials),
    }


def _side_json(side: Sided, conversation: Conversation) -> dict[str, Any]:
    return {
        "conversation": conversation_json(conversation),
        "html": conversation_html(conversation),
        "quotes": conversation_quotes(conversation),
        "scores": scores_json(side.scores.get(conversation.key, ())),
    }


def show_comparison(comparison: Comparison) -> None:
    """Show a comparison in the cell that is running, with the form that a saved notebook keeps folded below it."""
    DisplayHandle().display(CompareView(comparison))  # type: ignore[no-untyped-call]
    bundle = {"text/html": comparison._repr_html_(), "text/plain": repr(comparison)}
    DisplayHandle().display(folded(bundle), raw=True)  # type: ignore[no-untyped-call]
