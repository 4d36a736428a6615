"""The states that most views are drawn from."""

import pytest

from convsim_nb.domain.state import RunState
from tests.views.scene import whole_run


@pytest.fixture(scope="session")
def state():
    """A run of 12 conversations."""
    return RunState.replay(whole_run())


@pytest.fixture(scope="session")
def large_state():
    """A run of 48 conversations."""
    return RunState.replay(whole_run(trials=4))
