"""The verb `simulate`: on the background loop, or on the caller's."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Unpack

from convsim_nb.adapters.journal import JOURNALS
from convsim_nb.adapters.key_lock import key_held
from convsim_nb.domain.state import RunState
from convsim_nb.workflow.display import display
from convsim_nb.workflow.ended import is_finished
from convsim_nb.workflow.options import SimulateOptions, spelled_out
from convsim_nb.workflow.patience import said_if_long
from convsim_nb.workflow.plan import Plan, plan
from convsim_nb.workflow.resume import refuse_differences
from convsim_nb.workflow.run import Run
from convsim_nb.workflow.runs import with_key
from convsim_nb.workflow.start import begin, folder_of, go_on


@spelled_out
def simulate(cases: Any, agent: Any, **options: Unpack[SimulateOptions]) -> Run:
    """Let a language model play the user of every test case against an agent, many conversations at once.

    Returns at once; the run plays in the background and shows itself. `cases` is a CaseSet, a list of
    TestCase or mappings, a DataFrame, or a file; `agent` a callable that takes `messages` or `input`,
    `module:name`, a URL, or an MLflow model.

    Raises:
        UsageError: an argument is wrong, said before any model is called.
    """
    return begun(cases, agent, options)


def begun(
    cases: Any, agent: Any, options: SimulateOptions, *, check: Callable[[Plan], None] = lambda _planned: None
) -> Run:
    """Do what `simulate` does; `check` may refuse the plan before anything is played.

    Raises:
        UsageError: an argument is wrong, said before any model is called.
    """
    with _of_its_key(options) as earlier:
        run, planned = _planned(cases, agent, options, earlier=earlier, check=check)
        return run if planned is None else go_on(run, planned)


def _planned(
    cases: Any, agent: Any, options: SimulateOptions, *, earlier: Run | None, check: Callable[[Plan], None]
) -> tuple[Run, Plan | None]:
    """The run, new or taken up, and what is to be played of it: None where it is finished."""
    with said_if_long("loading the agent and the models", progress=options.get("progress", True)):
        planned = plan(cases, agent, resumed=earlier is not None, **options)
    check(planned)
    if earlier is None:
        return Run(RunState(), folder=folder_of(planned)), planned
    refuse_differences(earlier, planned)
    if is_finished(earlier.state):
        sys.stderr.write(f"convsim: run {earlier.run_id} with run_key {planned.options['run_key']!r} is finished\n")
        return earlier, None
    return earlier, planned.of(earlier.state)


@spelled_out
async def simulate_async(cases: Any, agent: Any, **options: Unpack[SimulateOptions]) -> Run:
    """Do what `simulate` does on the caller's own event loop, and return the run at its end.

    For agents whose clients are bound to that loop. Cancelling it, or interrupting the kernel, stops the
    run and keeps what was done.

    Raises:
        UsageError: an argument is wrong, said before any model is called.
    """
    with _of_its_key(options) as earlier:
        run, planned = _planned(cases, agent, options, earlier=earlier, check=lambda _planned: None)
        if planned is None:
            return run
        live = begin(run, planned)
    run.follow(live, None)
    playing = asyncio.ensure_future(live.play())
    try:
        with display().awaiting(run):
            await asyncio.shield(playing)
    except asyncio.CancelledError:
        live.stop()
        await asyncio.shield(playing)
        raise
    return run


@contextmanager
def _of_its_key(options: SimulateOptions) -> Iterator[Run | None]:
    """The run that the same `run_key` began: a job that is tried again pays for nothing twice.

    Jobs that are started together come one after the other: the first begins the run, the others find it.
    """
    key, where = options.get("run_key"), options.get("journal", True)
    if not isinstance(key, str) or where is False:
        yield None
        return
    root = JOURNALS if isinstance(where, bool) else Path(where)
    with ExitStack() as held:
        with said_if_long(f"another job is beginning run_key {key!r}", progress=options.get("progress", True)):
            held.enter_context(key_held(root, key))
        yield with_key(key, root)
