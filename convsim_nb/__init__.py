"""Test chat agents with simulated users, distilled from recorded sessions.

```python
import convsim_nb as cs

sessions = cs.search_sessions(experiment="support-agent", last="7d")
cases = cs.distill(sessions, model="openai:/gpt-5-mini")
run = cs.simulate(cases, my_agent, user_model="openai:/gpt-5-mini").wait()
```
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convsim_nb.domain.behaviours import Behaviour, behaviours
    from convsim_nb.domain.case import TestCase, Withheld
    from convsim_nb.domain.conversation import Conversation, GoalCheck
    from convsim_nb.domain.errors import ConvsimError
    from convsim_nb.domain.session import Message, Session
    from convsim_nb.domain.style import StyleCard
    from convsim_nb.notebook.grid.case_grid import CaseGrid
    from convsim_nb.notebook.live.compare_view import CompareView
    from convsim_nb.notebook.picker.session_picker import SessionPicker
    from convsim_nb.notebook.workbench.workbench import Workbench
    from convsim_nb.workflow.browse import SessionList, list_sessions
    from convsim_nb.workflow.calibrate import Calibration, calibrate
    from convsim_nb.workflow.cases import CaseSet, load_cases
    from convsim_nb.workflow.chat import Talk, chat
    from convsim_nb.workflow.compare import Comparison, compare
    from convsim_nb.workflow.distill import distill, start_distill
    from convsim_nb.workflow.distill_estimate import estimate_distill
    from convsim_nb.workflow.distilling import Distilling
    from convsim_nb.workflow.draft import draft
    from convsim_nb.workflow.estimate import Estimate, estimate
    from convsim_nb.workflow.fidelity import Fidelity, fidelity
    from convsim_nb.workflow.gate import Gate, gate
    from convsim_nb.workflow.lineage import Lineage, lineage
    from convsim_nb.workflow.push import push
    from convsim_nb.workflow.registry import register_prompts
    from convsim_nb.workflow.resume import resume
    from convsim_nb.workflow.run import Run
    from convsim_nb.workflow.runs import load_run, runs
    from convsim_nb.workflow.selftest import SelfTest, selftest
    from convsim_nb.workflow.sessions import load_sessions, search_sessions
    from convsim_nb.workflow.simulate import simulate, simulate_async

__all__ = [
    "Behaviour",
    "Calibration",
    "CaseGrid",
    "CaseSet",
    "CompareView",
    "Comparison",
    "Conversation",
    "ConvsimError",
    "Distilling",
    "Estimate",
    "Fidelity",
    "Gate",
    "GoalCheck",
    "Lineage",
    "Message",
    "Run",
    "SelfTest",
    "Session",
    "SessionList",
    "SessionPicker",
    "StyleCard",
    "Talk",
    "TestCase",
    "Withheld",
    "Workbench",
    "behaviours",
    "calibrate",
    "chat",
    "compare",
    "distill",
    "draft",
    "estimate",
    "estimate_distill",
    "fidelity",
    "gate",
    "lineage",
    "list_sessions",
    "load_cases",
    "load_run",
    "load_sessions",
    "push",
    "register_prompts",
    "resume",
    "runs",
    "search_sessions",
    "selftest",
    "simulate",
    "simulate_async",
    "start_distill",
]

__version__ = "0.1.0"

_HOMES = {
    "domain.behaviours": ("Behaviour", "behaviours"),
    "domain.case": ("TestCase", "Withheld"),
    "domain.conversation": ("Conversation", "GoalCheck"),
    "domain.errors": ("ConvsimError",),
    "domain.session": ("Message", "Session"),
    "domain.style": ("StyleCard",),
    "notebook.grid.case_grid": ("CaseGrid",),
    "notebook.live.compare_view": ("CompareView",),
    "notebook.picker.session_picker": ("SessionPicker",),
    "notebook.workbench.workbench": ("Workbench",),
    "workflow.browse": ("SessionList", "list_sessions"),
    "workflow.calibrate": ("Calibration", "calibrate"),
    "workflow.cases": ("CaseSet", "load_cases"),
    "workflow.chat": ("Talk", "chat"),
    "workflow.compare": ("Comparison", "compare"),
    "workflow.distill": ("distill", "start_distill"),
    "workflow.distill_estimate": ("estimate_distill",),
    "workflow.distilling": ("Distilling",),
    "workflow.draft": ("draft",),
    "workflow.estimate": ("Estimate", "estimate"),
    "workflow.fidelity": ("Fidelity", "fidelity"),
    "workflow.gate": ("Gate", "gate"),
    "workflow.lineage": ("Lineage", "lineage"),
    "workflow.push": ("push",),
    "workflow.registry": ("register_prompts",),
    "workflow.resume": ("resume",),
    "workflow.run": ("Run",),
    "workflow.runs": ("load_run", "runs"),
    "workflow.selftest": ("SelfTest", "selftest"),
    "workflow.sessions": ("load_sessions", "search_sessions"),
    "workflow.simulate": ("simulate", "simulate_async"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: the import alone costs next to nothing."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = found
    return found


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext convsim_nb`: bring `%convsim`."""
    import_module(f"{__name__}.notebook.extension").load_ipython_extension(shell)


def unload_ipython_extension(shell: Any) -> None:
    """`%unload_ext convsim_nb`: take it out again."""
    import_module(f"{__name__}.notebook.extension").unload_ipython_extension(shell)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
