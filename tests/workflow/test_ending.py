"""The end of a run, where it is not the usual one."""

import asyncio
import time

import pytest

import convsim_nb as cs
from convsim_nb.testing import ScriptedChat

QUIET = {"mlflow": False, "progress": False, "journal": False}


async def hanging(messages):
    """An agent that never answers."""
    await asyncio.Event().wait()


@pytest.mark.parametrize("milliseconds", [0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5])
def test_a_stop_is_never_lost(milliseconds):
    """However early it comes, before the first step or in the moment of an answer, the run ends and says so."""
    for _ in range(6):
        run = cs.simulate([{"goal": "x"}, {"goal": "y"}], hanging, user_model=ScriptedChat.happy(), **QUIET)
        time.sleep(milliseconds / 1000)
        run.stop()
        run.wait(2)

        assert run.ended.is_set()
        assert [c.stop for c in run.conversations] == ["cancelled", "cancelled"]
        assert run.state.stopped


def test_a_reader_that_cannot_close_keeps_nobody_waiting():
    """Its error comes out of `wait()`, and the run has ended all the same."""

    class Stuck:
        def __call__(self, event):
            """Hear it."""

        def close(self):
            raise OSError("the disk is full")

    options = {"user_model": ScriptedChat.happy(), "sinks": [Stuck()], **QUIET}
    run = cs.simulate([{"goal": "x"}], lambda messages: "done", **options)
    with pytest.raises(OSError, match="the disk is full"):
        run.wait(5)

    assert [c.stop for c in run.conversations] == ["goal_reached"]
