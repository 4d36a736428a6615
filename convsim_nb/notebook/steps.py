"""Progress through a known number of steps, in the output of a cell: one line, redrawn in place."""

from html import escape

from IPython.display import DisplayHandle


class NotebookSteps:
    """A bar and a line while the steps are done; the line alone when they are over, as the notebook keeps it."""

    def __init__(self, total: int, noun: str) -> None:
        self._total, self._noun, self._done = total, noun, 0
        self._handle = DisplayHandle()  # type: ignore[no-untyped-call]
        self._handle.display(self._bundle(), raw=True)  # type: ignore[no-untyped-call]

    def at(self, done: int) -> None:
        """So many steps are done."""
        if done != self._done:
            self._done = done
            self._handle.update(self._bundle(), raw=True)  # type: ignore[no-untyped-call]

    def close(self, done: int, outcome: str) -> None:
        """No more will be done; say what came of them."""
        self._done = done
        line = f"{self._line}: {outcome}"
        self._handle.update({"text/plain": line, "text/html": f"<div>{escape(line)}</div>"}, raw=True)  # type: ignore[no-untyped-call]

    def _bundle(self) -> dict[str, str]:
        bar = f'<progress value="{self._done}" max="{self._total}"></progress>'
        return {"text/plain": self._line, "text/html": f"<div>{bar} {escape(self._line)}</div>"}

    @property
    def _line(self) -> str:
        return f"{self._done}/{self._total} {self._noun}"
