"""Waiting for work on the background loop, with a look at how far it is; an interrupt ends it at once."""

from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as NotYet
from typing import Any, TypeVar

from convsim_nb.workflow import background
from convsim_nb.workflow.display import Steps

Result = TypeVar("Result")
_SLICE = 0.2
"""Seconds between two looks at how far it is."""


def waited(
    work: Coroutine[Any, Any, Result],
    *,
    steps: Steps | None,
    done: Callable[[], int],
    outcome: Callable[[], str],
) -> Result:
    """The result of `work`; `steps` show how much is `done`, and at the end what came of it."""
    future: Future[Result] = background.submit(work)
    try:
        while not _is_over(future):
            if steps:
                steps.at(done())
        result = future.result()
    except BaseException as error:
        future.cancel()
        if steps:
            steps.close(done(), "interrupted" if isinstance(error, KeyboardInterrupt) else "failed")
        raise
    if steps:
        steps.close(done(), outcome())
    return result


def _is_over(future: "Future[Any]") -> bool:
    try:
        future.exception(timeout=_SLICE)
    except NotYet:
        return False
    except CancelledError:
        return True
    return True
