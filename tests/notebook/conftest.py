"""What the browser tests share."""

import pytest

from tests.notebook.lab import FAILED, chromium, lab, notebook7, tab
from tests.notebook.node import installed

__all__ = ["chromium", "installed", "lab", "notebook7", "tab"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Let the fixtures know that the test failed."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report
