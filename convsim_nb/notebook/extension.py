"""`%load_ext convsim_nb`, and what a run loads by itself under a live kernel."""

from typing import TYPE_CHECKING, Any

from convsim_nb.workflow.display import show_in

if TYPE_CHECKING:
    from convsim_nb.notebook.display import NotebookDisplay

_MAGIC = "convsim"
_loaded: dict[str, Any] = {}
"""What unloading has to take out of the shell again."""


def attach(shell: Any = None) -> "NotebookDisplay":
    """Show runs in this notebook, and let its cells wait for them; no magics yet. Gives the place."""
    from IPython.core.getipython import get_ipython

    from convsim_nb.notebook.display import NotebookDisplay
    from convsim_nb.notebook.formatters import register_formatters

    shell = shell or get_ipython()
    if "place" not in _loaded or _loaded["place"].shell is not shell:
        _loaded["place"] = NotebookDisplay(shell)
        _loaded["place"].register()
        register_formatters(shell, _loaded["place"])
    place: NotebookDisplay = _loaded["place"]
    show_in(place)
    return place


def load_ipython_extension(shell: Any) -> None:
    """Bring `%convsim` and `%%convsim`, and Tab behind them."""
    from convsim_nb.notebook.live.shell_pump import answers_while_awaiting
    from convsim_nb.notebook.magics.completion import matcher
    from convsim_nb.notebook.magics.magics import ConvsimMagics
    from convsim_nb.notebook.magics.rewriting import Rewriting

    attach(shell)
    shell.register_magics(ConvsimMagics)
    _loaded["matcher"] = matcher(shell)
    shell.Completer.custom_matchers.append(_loaded["matcher"])
    if answers_while_awaiting(getattr(shell, "kernel", None)):
        _loaded["rewriting"] = Rewriting(shell)
        _loaded["rewriting"].register()


def unload_ipython_extension(shell: Any) -> None:
    """Take the magics out again; runs show themselves as text."""
    from convsim_nb.notebook.formatters import unregister_formatters

    if "rewriting" in _loaded:
        _loaded.pop("rewriting").unregister()
    shell.Completer.custom_matchers.remove(_loaded.pop("matcher"))
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop(_MAGIC, None)
    unregister_formatters(shell)
    _loaded.pop("place").unregister()
    show_in(None)
