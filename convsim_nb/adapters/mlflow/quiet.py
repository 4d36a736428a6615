"""What MLflow does for us alone leaves no trace, and draws no bars. Importing this does not import MLflow."""

import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from convsim_nb.engine.ports import Chat, ChatReply, ChatRequest

_BARS = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"
_inside: list[object] = []
_counting = threading.Lock()


@contextmanager
def untraced() -> Iterator[None]:
    """No autologging leaves a trace of what is called inside, in this task or thread and its children.

    It does not reach into raw thread pools.
    """
    if "mlflow" not in sys.modules:  # then nothing can be autologging, and importing it costs a second
        yield
        return
    import mlflow

    with mlflow.tracing.context(enabled=False):
        yield


def quiet(chat: Chat) -> Chat:
    """The same model, leaving no trace."""

    async def asked(request: ChatRequest) -> ChatReply:
        with untraced():
            return await chat(request)

    return asked


@contextmanager
def barless() -> Iterator[None]:
    """MLflow draws no bars of what is downloaded inside, unless the user has said what it shall do.

    It knows this by its environment alone, which is as it was when the last one leaves.
    """
    mark = object()
    with _counting:
        ours = bool(_inside) or _BARS not in os.environ
        if ours:
            _inside.append(mark)
            os.environ[_BARS] = "false"
    try:
        yield
    finally:
        with _counting:
            if ours:
                _inside.remove(mark)
                if not _inside:
                    os.environ.pop(_BARS, None)


@contextmanager
def wordless(*loggers: str) -> Iterator[None]:
    """What these loggers tell inside is heard from warnings on; a level that somebody set is left alone."""
    ours = [found for found in map(logging.getLogger, loggers) if found.level in (logging.NOTSET, logging.INFO)]
    before = [each.level for each in ours]
    for each in ours:
        each.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for each, level in zip(ours, before, strict=True):
            each.setLevel(level)
