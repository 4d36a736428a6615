"""Our own model calls leave no trace, whatever autologging is on. Importing this does not import MLflow."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from convsim_nb.engine.ports import Chat, ChatReply, ChatRequest


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
