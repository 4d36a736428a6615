"""`%load_ext convsim_nb`, and what a run loads by itself under a live kernel."""

from typing import Any

from convsim_nb.workflow.display import show_in

_MAGIC = "convsim"
_rewriting: dict[int, Any] = {}


def attach(shell: Any = None) -> None:
    """Show runs in this notebook, and let its cells wait for them; no magics yet."""
    from IPython.core.getipython import get_ipython

    from convsim_nb.notebook.display import NotebookDisplay
    from convsim_nb.notebook.formatters import register_formatters

    shell = shell or get_ipython()
    place = NotebookDisplay(shell)
    show_in(place)
    register_formatters(shell, place)


def load_ipython_extension(shell: Any) -> None:
    """Bring `%convsim` and `%%convsim`, and Tab behind them."""
    from convsim_nb.notebook.completion import completer
    from convsim_nb.notebook.magics import ConvsimMagics
    from convsim_nb.notebook.rewriting import Rewriting
    from convsim_nb.notebook.shell_pump import answers_while_awaiting

    attach(shell)
    shell.register_magics(ConvsimMagics)
    for key in (f"%{_MAGIC}", f"%%{_MAGIC}"):
        shell.set_hook("complete_command", completer(shell), str_key=key)
    if answers_while_awaiting(getattr(shell, "kernel", None)):
        rewriting = _rewriting[id(shell)] = Rewriting(shell)
        rewriting.register()


def unload_ipython_extension(shell: Any) -> None:
    """Take the magics out again; runs show themselves as text."""
    from convsim_nb.notebook.formatters import unregister_formatters

    if rewriting := _rewriting.pop(id(shell), None):
        rewriting.unregister()
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop(_MAGIC, None)
    for key in (f"%{_MAGIC}", f"%%{_MAGIC}"):
        shell.strdispatchers["complete_command"].strs.pop(key, None)
    unregister_formatters(shell)
    show_in(None)
