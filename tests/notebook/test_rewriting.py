"""Which lines become awaits."""

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from convsim_nb.notebook.magics.rewriting import awaited

CALL = "get_ipython().run_line_magic('convsim', 'run cases --agent a')"
AWAITED = "await get_ipython().run_line_magic('convsim', 'await run cases --agent a')"


def rewritten(cell):
    """The cell as IPython makes Python of it, and we await in it."""
    return awaited(TransformerManager().transform_cell(cell))


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("%convsim run cases --agent a", f"{AWAITED}\n"),
        ("%convsim  run cases \\\n   --agent a", AWAITED.replace("run cases", " run cases    ") + "\n"),
        ("x = %convsim run cases --agent a\ny = 'ü'", f"x = {AWAITED}\ny = 'ü'\n"),
        ("é = 1; s = 'ü'\nif é:\n    %convsim run cases --agent a", f"é = 1; s = 'ü'\nif é:\n    {AWAITED}\n"),
        (
            "for a in agents:\n    %convsim run cases --agent a\n    %convsim run cases --agent a",
            f"for a in agents:\n    {AWAITED}\n    {AWAITED}\n",
        ),
        (
            '%convsim run cases --agent agents["v2"]',
            "await get_ipython().run_line_magic('convsim', 'await run cases --agent agents[\"v2\"]')\n",
        ),
    ],
)
def test_a_run_on_the_top_level_is_awaited(cell, code):
    """As a line, as a value, and within a loop or a condition."""
    assert rewritten(cell) == code
    compile(rewritten(cell), "cell", "exec", flags=0x2000)  # ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


@pytest.mark.parametrize(
    "cell",
    [
        "def f():\n    %convsim run cases --agent a",
        "async def f():\n    %convsim run cases --agent a",
        "class A:\n    %convsim run cases --agent a",
        "f = lambda: " + CALL,
        "%convsim runs",
        "%convsim distill sessions",
        "%%time\n%convsim run cases --agent a",
        "text = '''\n%convsim run cases --agent a\n'''",
        "# %convsim run cases --agent a\nx = 1",
        "convsim = 3",
        "%convsim run cases --agent a\nthis is no Python",
    ],
)
def test_everything_else_is_left_alone(cell):
    """Functions, other verbs, cell magics, strings, and what does not parse."""
    assert rewritten(cell) == TransformerManager().transform_cell(cell)
