"""An IPython without a terminal, for the magics."""

from dataclasses import dataclass
from typing import Any

from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config


@dataclass
class Done:
    """What came of a cell."""

    ok: bool
    result: Any
    out: str


class Shell:
    """Runs cells, each with what it printed."""

    def __init__(self, capsys: Any) -> None:
        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "nocolor"
        self.ip = InteractiveShell(config=config)
        self._capsys = capsys
        self("%load_ext convsim_nb")

    def __call__(self, cell: str) -> Done:
        self._capsys.readouterr()
        done = self.ip.run_cell(cell)
        return Done(done.success, done.result, self._capsys.readouterr().out)

    def __getitem__(self, name: str) -> Any:
        return self.ip.user_ns[name]

    def tab(self, line: str) -> list[str]:
        """What Tab offers at the end of a line: how the line would end."""
        with provisionalcompleter():
            found = list(self.ip.Completer.completions(line, len(line)))
        return [f"{line[: one.start]}{one.text}{line[one.end :]}" for one in found]

    def close(self) -> None:
        self("%unload_ext convsim_nb")
