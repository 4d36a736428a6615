"""Where runs are shown in a notebook, and how a cell waits for them."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, Literal
from weakref import WeakKeyDictionary, WeakSet

from IPython.display import DisplayHandle, display

from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.events import RunEvent
from convsim_nb.engine.ports import Sink
from convsim_nb.notebook.interrupts import Interrupts, interrupted
from convsim_nb.notebook.live.shell_pump import ShellPump, answers_while_awaiting, shell_pump
from convsim_nb.notebook.steps import NotebookSteps
from convsim_nb.views.static_html import run_html
from convsim_nb.views.steps import StepProgress
from convsim_nb.views.text import TextProgress
from convsim_nb.workflow.cases import CaseSet
from convsim_nb.workflow.display import Plain, Steps, wait_in_slices
from convsim_nb.workflow.run import Run
from convsim_nb.workflow.stopping import is_ending

Bundle = dict[str, str]
ViewKind = Literal["live", "plain", "text"]
SWITCH = "CONVSIM_VIEW"
"""The environment variable that forces a kind of view."""
PROBE_SECONDS = 8.0
"""So long a page may take to ask for the live view's state, before plain widgets stand in for it."""
_SLICE = 0.05
"""Seconds between two looks at whether the run has ended."""
STATIC = "run.html"
"""What stood in the notebook at the end, in the run's folder."""


_SHOWN_BY: ContextVar[Callable[[Run], "ShownRun"] | None] = ContextVar("shown_by", default=None)


@contextmanager
def shown_by(show: Callable[[Run], "ShownRun"]) -> Iterator[None]:
    """Runs that this thread begins meanwhile are shown by what `show` gives, and not in a cell: by a workbench."""
    before = _SHOWN_BY.set(show)
    try:
        yield
    finally:
        _SHOWN_BY.reset(before)


class NotebookDisplay:
    """Runs in the output of a cell: live where there is a front end, else as text; as static HTML at the end."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self._pump: ShellPump | None = shell_pump(getattr(shell, "kernel", None))
        self._live: dict[Run, ShownRun] = {}
        self._lasting: WeakKeyDictionary[Run, ShownRun] = WeakKeyDictionary()
        """Views of runs that have ended, which may go on."""
        self._cells: WeakKeyDictionary[Run, set[str]] = WeakKeyDictionary()
        self._owed: WeakSet[Run] = WeakSet()
        self._running = cell_of(shell)

    def register(self) -> None:
        """Know from now on which cell runs."""
        self.shell.events.register("pre_execute", self._begins)
        self.shell.events.register("post_execute", self._ends)

    def unregister(self) -> None:
        """Leave the shell as it was."""
        self.shell.events.unregister("pre_execute", self._begins)
        self.shell.events.unregister("post_execute", self._ends)

    # --- the port --------------------------------------------------------------------

    def show(self, run: Run) -> Sink:
        """Begin to show a run in the cell that starts it."""
        if (shown_by := _SHOWN_BY.get()) is not None:
            self.adopt(run, shown_by(run))
        shown = self._live[run] = self._lasting.get(run) or ShownRun(run, self)
        if run in self._lasting:  # a fork of a run that has ended, or one that a workbench shows
            return shown
        shown.begin(view_kind(self.shell))
        self.stands_here(run)
        return shown

    def wait(self, run: Run, timeout: float | None) -> bool:
        """Wait, and answer the messages of widgets meanwhile: a Stop button has to be heard."""
        over = self._wait(run, timeout)
        if over:
            self._pay(run)
        return over

    def _wait(self, run: Run, timeout: float | None) -> bool:
        if self._pump is None or not self._pump.usable:
            return _wait_plainly(run, timeout)
        until = None if timeout is None else time.monotonic() + timeout
        with Interrupts() as interrupts, self._pump() as serve:
            while not run.ended.is_set() and not interrupts.heard and (until is None or time.monotonic() < until):
                serve(_SLICE)
        if interrupts.heard:
            raise interrupted(run)
        return run.ended.is_set()

    @contextmanager
    def awaiting(self, run: Run) -> Iterator[None]:
        """Hear the kernel's interrupt, which would cancel the cell before the run has ended, and widgets."""
        if not _is_the_cell(asyncio.current_task()):
            yield
            return
        with Interrupts(run.stop) as interrupts, self._answering():
            yield
        self._pay(run)
        if interrupts.heard:
            raise interrupted(run)

    def _answering(self) -> AbstractContextManager[object]:
        """Answers widgets while the cell awaits, where the kernel does not do so by itself."""
        by_itself = answers_while_awaiting(getattr(self.shell, "kernel", None))
        return nullcontext() if by_itself or self._pump is None or not self._pump.usable else self._pump()

    def edit(self, cases: CaseSet, *, path: str | None = None) -> Any:
        """Show cases in a grid, in the cell that is running; where there is no kernel, say what to do."""
        if not self.has_kernel:
            return Plain().edit(cases, path=path)
        from convsim_nb.notebook.grid.shown import open_grid  # it reads the built view, which nobody may need

        return open_grid(cases, self.shell, path=path)

    def steps(self, total: int, noun: str) -> Steps:
        """A line in the cell, redrawn in place; where there is no kernel, text on stderr."""
        return NotebookSteps(total, noun) if self.has_kernel else StepProgress(total, noun)

    # --- what is shown where ---------------------------------------------------------

    def show_again(self, run: Run) -> bool:
        """Show a run once more in a view to step into; False where it can only be shown as it is."""
        shown = self._live.get(run) or self._lasting.get(run)
        if shown is not None:
            return shown.add_view()
        over = run.state.ended or run.ended.is_set()  # the second for one whose process died
        if not over or view_kind(self.shell) != "live":
            return False
        self._lasting[run] = shown = ShownRun(run, self, lasts=True)
        shown.begin("live")
        return True

    def adopt(self, run: Run, shown: "ShownRun") -> None:
        """From now on `shown` shows the run, wherever it goes on and wherever it is shown again."""
        self._lasting[run] = shown

    def stands_here(self, run: Run) -> None:
        """Keep in mind that the output of this cell has the run."""
        if cell := cell_of(self.shell):
            self._cells.setdefault(run, set()).add(cell)

    def is_here(self, run: Run) -> bool:
        """Whether the output of this cell has the run already."""
        return cell_of(self.shell) in self._cells.get(run, ())

    def forget(self, run: Run) -> None:
        """The run has ended: it is live no more."""
        self._live.pop(run, None)

    def put_down(self, run: Run, bundle: Bundle) -> None:
        """Show how a run ended in the cell that began it; where that is over, in the cell that waits for it.

        What comes after the end of its cell, nbclient throws away.
        """
        if self._running and self._running in self._cells.get(run, ()):
            display(bundle, raw=True)  # type: ignore[no-untyped-call]
        else:
            self._owed.add(run)

    def _pay(self, run: Run) -> None:
        if run in self._owed:
            self._owed.discard(run)
            display(bundle_of(run), raw=True)  # type: ignore[no-untyped-call]
            self.stands_here(run)

    def _begins(self) -> None:
        self._running = cell_of(self.shell)

    def _ends(self) -> None:
        self._running = ""

    @property
    def has_kernel(self) -> bool:
        """False in a terminal, where text is all."""
        return getattr(self.shell, "kernel", None) is not None


class ShownRun:
    """One run while it is shown: a sink of its events."""

    name = "NotebookDisplay"

    def __init__(self, run: Run, place: NotebookDisplay, *, lasts: bool = False) -> None:
        """`lasts`: the view stays at the end, with the static form folded below it."""
        self._run, self._place, self._lasts = run, place, lasts
        self._view: Any = None
        self._below: list[DisplayHandle] = []
        self._plain: Any = None
        self._probe: threading.Timer | None = None
        self._changing = threading.Lock()
        self._handles: list[DisplayHandle] = []
        self._sink: Sink | None = None

    def begin(self, kind: ViewKind) -> None:
        """Show the run in the cell that is running; as text there is nothing to begin."""
        if kind == "plain":
            self._begin_plain()
        elif kind == "live":
            self._begin_live()

    def make_view(self) -> Any:
        """The live view of the run, which hears its events from now on; it stands nowhere yet."""
        from convsim_nb.notebook.live.desk import RunDesk
        from convsim_nb.notebook.live.run_view import RunView

        desk = RunDesk(self._run, self._place.shell.user_ns)
        self._sink = self._view = RunView(self._run.state, stop=self._run.stop, desk=desk, heard=self._heard)
        self._run.hear(self._beside_changed)
        return self._view

    def _beside_changed(self) -> None:
        """Scores or labels have changed: the view is told, and what stands below it is drawn anew."""
        self._view.tell_beside()
        for handle in self._below if self._run.ended.is_set() else ():
            handle.update(folded(bundle_of(self._run)), raw=True)  # type: ignore[no-untyped-call]

    def _begin_live(self) -> None:
        self.make_view()
        self.add_view()
        if not self._lasts:
            self._probe = threading.Timer(PROBE_SECONDS, self._begin_plain)
            self._probe.daemon = True
            self._probe.start()

    def _begin_plain(self) -> None:
        """Redrawn HTML and plain buttons: by choice, or where no page has asked for the live view's state."""
        from convsim_nb.notebook.live.plain_view import PlainView

        with self._changing:
            if self._run.ended.is_set() and self._view is not None:
                return
            plain = PlainView(self._run)
            plain.show()
            self._plain = plain

    def _heard(self) -> None:
        """A page shows the live view: what stood in for it goes."""
        if self._probe is not None:
            self._probe.cancel()
        with self._changing:
            plain, self._plain = self._plain, None
        if plain is not None:
            plain.close()

    def add_view(self) -> bool:
        """One more view of the widget, in the cell that is running; False where there is none."""
        if self._view is None:
            return False
        handle = DisplayHandle()  # type: ignore[no-untyped-call]
        handle.display(self._view)  # type: ignore[no-untyped-call]
        self._handles.append(handle)
        if self._lasts:
            below = DisplayHandle()  # type: ignore[no-untyped-call]
            below.display(folded(bundle_of(self._run)), raw=True)  # type: ignore[no-untyped-call]
            self._below.append(below)
        return True

    def __call__(self, event: RunEvent) -> None:
        """Show one event."""
        if self._plain is not None:
            self._plain(event)
            if self._view is None:
                return
        if self._sink is None:
            self._sink = TextProgress(state=self._run.state)
        self._sink(event)

    def close(self) -> None:
        """The run has ended: static HTML takes the place of what was live, and is kept."""
        self._place.forget(self._run)
        if not self._place.has_kernel or is_ending():  # a kernel that ends shows nothing any more
            return
        bundle = bundle_of(self._run)
        if self._probe is not None:
            self._probe.cancel()
        with self._changing:
            plain, self._plain = self._plain, None
        if plain is not None:
            plain.close(None if self._view is not None else bundle)
        if plain is not None and self._view is None:
            pass
        elif self._view is None:
            self._place.put_down(self._run, bundle)
        elif self._lasts:
            self._view.close_stream()
            for handle in self._below:
                handle.update(folded(bundle), raw=True)  # type: ignore[no-untyped-call]
        else:
            self._view.close_stream()
            for handle in self._handles:
                handle.update(bundle, raw=True)  # type: ignore[no-untyped-call]
            self._view.layout.close()
            self._view.close()  # what is open is saved with the notebook, scripts and styles too
        self._keep(bundle["text/html"])

    def _keep(self, html: str) -> None:
        if self._run.folder is None:
            return
        path = self._run.folder / STATIC
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                file.write(html)
        except OSError as error:
            sys.stderr.write(f"convsim: what is shown of the run could not be kept in {path}: {error}\n")


def bundle_of(run: Run) -> Bundle:
    """A run as a saved notebook shows it."""
    return {"text/html": run_html(run.state, scores=run.scores), "text/plain": repr(run)}


def folded(bundle: Bundle, *, as_of: str = "") -> Bundle:
    """The form that a saved notebook keeps, below a view to step into; `as_of` is when it was drawn."""
    inner, when = bundle["text/html"], f", as of {as_of}" if as_of else ""
    return {**bundle, "text/html": f"<details><summary>As the saved notebook shows it{when}</summary>{inner}</details>"}


def _wait_plainly(run: Run, timeout: float | None) -> bool:
    try:
        return wait_in_slices(run.ended, timeout)
    except KeyboardInterrupt:
        raise interrupted(run) from None


def view_kind(shell: Any) -> ViewKind:
    """How a run is shown: as `CONVSIM_VIEW` says, else as the place can.

    Raises:
        UsageError: the variable holds no kind of view.
    """
    if getattr(shell, "kernel", None) is None:
        return "text"
    asked = os.environ.get(SWITCH, "").strip().lower()
    match asked:
        case "live" | "plain" | "text":
            return asked
        case "":
            return _fitting(shell)
    raise UsageError(f"{SWITCH}={asked}: give live, plain or text, or leave it out")


def _fitting(shell: Any) -> ViewKind:
    if not has_front_end(shell):
        return "text"
    # Databricks draws the widgets of ipywidgets, and none that bring their own script.
    return "plain" if "DATABRICKS_RUNTIME_VERSION" in os.environ else "live"


def has_front_end(shell: Any) -> bool:
    """Whether somebody who draws widgets asked for this cell.

    No kernel is told who is on the other side. Notebooks name the cell in the request, nbclient, papermill
    and consoles do not; Colab and Databricks draw widgets and name no cell.
    """
    if getattr(shell, "kernel", None) is None:
        return False
    if "google.colab" in sys.modules or "DATABRICKS_RUNTIME_VERSION" in os.environ:
        return True
    return bool(cell_id(shell))


def cell_id(shell: Any) -> str:
    """What the notebook calls the cell that runs; empty where the host does not say."""
    return str(_request(shell).get("metadata", {}).get("cellId", ""))


def _is_the_cell(task: "asyncio.Task[Any] | None") -> bool:
    """Whether a task is the running cell, and not one that the cell started and that may outlive it."""
    return getattr(task and task.get_coro(), "__name__", "") == "run_cell_async"


def cell_of(shell: Any) -> str:
    """The id of the request that runs the cell; empty where there is none."""
    return str(_request(shell).get("header", {}).get("msg_id", ""))


def _request(shell: Any) -> dict[str, Any]:
    asked = getattr(shell, "get_parent", None)
    return (asked() if asked else None) or {}
