"""How IPython shows what belongs to us, where the class itself cannot say: the domain knows no HTML."""

from typing import TYPE_CHECKING, Any

from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.session import Session
from convsim_nb.notebook.case_words import case_yaml
from convsim_nb.notebook.display import NotebookDisplay, view_kind
from convsim_nb.views.static_html import cases_html, conversation_html, session_html
from convsim_nb.views.text import transcript
from convsim_nb.workflow.chat import Talk
from convsim_nb.workflow.run import Run

if TYPE_CHECKING:
    from convsim_nb.workflow.compare import Comparison

_COMPARISON = "convsim_nb.workflow.compare.Comparison"
"""By its name: what it is made of takes a second to import, and few compare."""


def register_formatters(shell: Any, place: NotebookDisplay) -> None:
    """Show sessions and conversations as bubbles, and a run once in a cell."""
    formatters = shell.display_formatter.formatters
    formatters["text/html"].for_type(Session, session_html)
    formatters["text/html"].for_type(TestCase, lambda case: cases_html([case]))
    formatters["text/plain"].for_type(TestCase, _plain_case)
    formatters["text/html"].for_type(Conversation, conversation_html)
    formatters["text/plain"].for_type(Conversation, _plain)
    shell.display_formatter.ipython_display_formatter.for_type(Run, lambda run: _show(run, place))
    shell.display_formatter.ipython_display_formatter.for_type(Talk, lambda talk: _show_talk(talk, shell))
    shell.display_formatter.ipython_display_formatter.for_type(
        _COMPARISON, lambda found: _show_comparison(found, shell)
    )


def unregister_formatters(shell: Any) -> None:
    """Show them as Python does."""
    formatters = shell.display_formatter.formatters
    formatters["text/html"].pop(Session, None)
    formatters["text/html"].pop(TestCase, None)
    formatters["text/plain"].pop(TestCase, None)
    formatters["text/html"].pop(Conversation, None)
    formatters["text/plain"].pop(Conversation, None)
    shell.display_formatter.ipython_display_formatter.pop(Run, None)
    shell.display_formatter.ipython_display_formatter.pop(Talk, None)
    shell.display_formatter.ipython_display_formatter.pop(_COMPARISON, None)


def _plain(conversation: Conversation, printer: Any, _cycle: bool) -> None:  # noqa: FBT001 - IPython calls it so
    printer.text(transcript(conversation))


def _plain_case(case: TestCase, printer: Any, _cycle: bool) -> None:  # noqa: FBT001 - IPython calls it so
    printer.text(case_yaml(case))


def _show(run: Run, place: NotebookDisplay) -> None:
    """Nothing where the cell has the run already, a live view while it plays; else IPython goes on to its HTML."""
    if place.is_here(run):
        return
    place.stands_here(run)
    if not place.show_again(run):
        raise NotImplementedError


def _show_talk(talk: Talk, shell: Any) -> None:
    from convsim_nb.notebook.live.chat_view import show_talk  # it reads the built view, which nobody may need

    show_talk(talk, shell)


def _show_comparison(comparison: "Comparison", shell: Any) -> None:
    """A view to look into where somebody draws widgets; else IPython goes on to its HTML."""
    from convsim_nb.notebook.live.compare_view import show_comparison

    if view_kind(shell) != "live":
        raise NotImplementedError
    show_comparison(comparison)
