"""The verb `simulate`: on the background loop, or on the caller's."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Unpack

from convsim_nb.adapters.journal import JOURNALS
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
    earlier = _begun_before(options)
    with said_if_long("loading the agent and the models", progress=options.get("progress", True)):
        planned = plan(cases, agent, resumed=earlier is not None, **options)
    check(planned)
    if earlier is None:
        return go_on(Run(RunState(), folder=folder_of(planned)), planned)
    refuse_differences(earlier, planned)
    if is_finished(earlier.state):
        sys.stderr.write(f"convsim: run {earlier.run_id} with run_key {planned.options['run_key']!r} is finished\n")
        return earlier
    return go_on(earlier, planned.of(earlier.state))


@spelled_out
async def simulate_async(cases: Any, agent: Any, **options: Unpack[SimulateOptions]) -> Run:
    """Do what `simulate` does on the caller's own event loop, and return the run at its end.

    For agents whose clients are bound to that loop. Cancelling it, or interrupting the kernel, stops the
    run and keeps what was done.

    Raises:
        UsageError: an argument is wrong, said before any model is called.
    """
    planned = plan(cases, agent, **options)
    run = Run(RunState(), folder=folder_of(planned))
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


def _begun_before(options: SimulateOptions) -> Run | None:
    """The run that the same `run_key` began: a job that is tried again pays for nothing twice."""
    key, where = options.get("run_key"), options.get("journal", True)
    if key is None or where is False:
        return None
    return with_key(key, JOURNALS if isinstance(where, bool) else Path(where))
