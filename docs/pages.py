"""What mkdocs is told beside the pages: their order, the reference of all public names, links into the repository."""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import convsim_nb

FIRST = ("index.md", "getting-started.md")
SECTIONS: dict[str, tuple[str, ...]] = {
    "Ideas": ("concepts.md", "simulated-user.md", "limits.md"),
    "Coming from": ("mlflow-drop-in.md", "coming-from.md"),
}
"""The pages of a section in their order. A page that stands nowhere here is a how-to."""
HOW_TO = (
    "picking-sessions.md",
    "test-cases.md",
    "workbench.md",
    "agents.md",
    "stateful-agents.md",
    "models.md",
    "notebook.md",
    "comparing.md",
    "jobs.md",
    "databricks.md",
    "spark.md",
)
"""The order of the how-tos; those that are not named come after, by their names."""
GROUPS: dict[str, tuple[str, ...]] = {
    "Sessions and test cases": (
        *("search_sessions", "list_sessions", "load_sessions", "SessionList", "Session", "Message"),
        *(
            "distill",
            "start_distill",
            "Distilling",
            "estimate_distill",
            "draft",
            "load_cases",
            "CaseSet",
            "TestCase",
            "Withheld",
            "StyleCard",
        ),
        *("behaviours", "Behaviour"),
    ),
    "Running": (
        *("simulate", "simulate_async", "Run", "Conversation", "GoalCheck", "estimate", "Estimate"),
        *("resume", "load_run", "runs", "push", "chat", "Talk", "register_prompts", "ConvsimError"),
    ),
    "Results": (
        *("compare", "Comparison", "gate", "Gate", "fidelity", "Fidelity", "selftest", "SelfTest"),
        *("calibrate", "Calibration", "lineage", "Lineage"),
    ),
}
"""The public names by page; one that stands in none is found under `In the notebook`."""
BESIDE = {
    "The drop-in for MLflow": "convsim_nb.mlflow",
    "Fakes for tests": "convsim_nb.testing",
    "Ports": "convsim_nb.engine.ports",
}
REPOSITORY = "https://github.com/convsim-nb/convsim-nb/blob/HEAD/"


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made: the reference."""
    for name, text in _reference():
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    return files


def on_config(config: Any) -> Any:
    """The order of the pages."""
    there = sorted(path.name for path in Path(config.docs_dir).glob("*.md"))
    placed = {page for pages in SECTIONS.values() for page in pages} | set(FIRST)
    rest = [page for page in there if page not in placed]
    how_to = sorted(rest, key=lambda page: (HOW_TO.index(page) if page in HOW_TO else len(HOW_TO), page))
    sections = [{"How to": how_to}, *({name: [p for p in pages if p in there]} for name, pages in SECTIONS.items())]
    reference = [{title: f"reference/{_slug(title)}.md"} for title in (*_grouped(), *BESIDE, "Command line", "Magics")]
    config.nav = [*(page for page in FIRST if page in there), *sections, {"Reference": reference}]
    return config


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links that leave the pages go to the repository; what only the tests need is left out."""
    markdown = re.sub(r"^<!-- run\n.*?^-->\n", "", markdown, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"\]\(\.\./([^)]+)\)", rf"]({REPOSITORY}\1)", markdown)


# --- the reference -------------------------------------------------------------------


def _reference() -> Iterator[tuple[str, str]]:
    for title, names in _grouped().items():
        yield _slug(title), _page(title, (f"convsim_nb.{name}" for name in names))
    for title, module in BESIDE.items():
        yield _slug(title), _page(title, [module])
    yield "command-line", _command_line()
    yield "magics", _magics()


def _grouped() -> dict[str, tuple[str, ...]]:
    grouped = {name for names in GROUPS.values() for name in names}
    missing = tuple(name for name in convsim_nb.__all__ if name not in grouped)
    return {**GROUPS, **({"In the notebook": missing} if missing else {})}


def _page(title: str, places: Any) -> str:
    return f"# {title}\n\n" + "\n\n".join(f"::: {place}" for place in places) + "\n"


def _slug(title: str) -> str:
    return re.sub(r"\W+", "-", title.lower())


def _command_line() -> str:
    from convsim_nb.__main__ import _parser

    parser = _parser()
    (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    parts = ["# Command line", "What `convsim --help` and `convsim COMMAND --help` print."]
    for name, each in [("convsim", parser), *((f"convsim {name}", one) for name, one in commands.choices.items())]:
        each.formatter_class = lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=100)
        parts += [f"## {name}", f"```text\n{each.format_help()}```"]
    return "\n\n".join(parts) + "\n"


def _magics() -> str:
    from convsim_nb.notebook.magics.verb_help import help_text
    from convsim_nb.notebook.magics.verbs import verbs

    parts = ["# Magics", "What `%convsim help VERB` prints."]
    for name in verbs():
        parts += [f"## %convsim {name}", f"```text\n{help_text([name])}\n```"]
    return "\n\n".join(parts) + "\n"
