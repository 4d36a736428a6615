"""Short ways to play conversations in tests: by the public door, with nothing stored."""

from typing import Any

import convsim_nb as cs
from convsim_nb.testing import EventLog, ScriptedAgent, ScriptedChat


async def play(
    cases: Any, agent: Any = None, chat: ScriptedChat | None = None, **options: Any
) -> tuple[cs.Run, EventLog]:
    """A run on the test's own loop, and the events that it told."""
    log = EventLog()
    options = {"user_model": chat or ScriptedChat(), "mlflow": False, "journal": False, "progress": False, **options}
    run = await cs.simulate_async(cases, agent or ScriptedAgent(), sinks=[log], **options)
    return run, log


def told(run: cs.Run) -> list[tuple[str, str, str]]:
    """Each message of the first conversation: who, whence, what."""
    return [(m.role, m.source, m.content) for m in run.conversations[0].messages]
