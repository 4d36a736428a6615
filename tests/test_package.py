"""What the package promises from outside: its names, and that importing it costs next to nothing."""

import subprocess
import sys

import convsim_nb as cs


def test_importing_loads_no_vendor():
    """`import convsim_nb` loads neither mlflow nor litellm nor pandas, nor even pydantic."""
    vendors = {"mlflow", "litellm", "pandas", "IPython", "pydantic"}
    program = f"import sys, convsim_nb; print(sorted({vendors} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert loaded.stdout.strip() == "[]"


def test_every_public_name_is_there():
    """`__all__` says what there is: each name loads, and Tab finds it."""
    assert sorted(cs.__all__) == cs.__all__
    for name in cs.__all__:
        assert getattr(cs, name).__name__ == name
    assert set(cs.__all__) <= set(dir(cs))


def test_simulating_loads_no_widgets():
    """Jobs and the command line never pay for IPython or widgets."""
    program = """
import sys, convsim_nb as cs
from convsim_nb.testing import ScriptedAgent, ScriptedChat
options = {"journal": False, "mlflow": False, "progress": False}
cs.simulate([{"goal": "x"}], ScriptedAgent(), user_model=ScriptedChat.happy(), **options).wait()
print(sorted({"mlflow", "litellm", "pandas", "IPython", "ipywidgets", "anywidget"} & set(sys.modules)))
"""
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert loaded.stdout.strip() == "[]"
