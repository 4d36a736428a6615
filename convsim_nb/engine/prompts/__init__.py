"""The prompts: a file each, with a version and the reasons for its wording at its head."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

NAMES = ("user", "judge", "split", "distill", "draft", "failure")


@dataclass(frozen=True)
class Prompt:
    """A prompt as it is sent, and the version of its wording."""

    name: str
    version: str
    text: str


@cache
def prompt(name: str) -> Prompt:
    """Read `NAME.md`: `version:` and `why:` lines between two `---`, then the text."""
    _, head, text = files(__package__).joinpath(f"{name}.md").read_text("utf-8").split("---\n", 2)
    version = next(line for line in head.splitlines() if line.startswith("version:"))
    return Prompt(name=name, version=version.removeprefix("version:").strip(), text=text.strip())


def versions(instead: Mapping[str, Prompt] | None = None) -> dict[str, str]:
    """The version of each prompt of a run, by its name; of those that stand in the place of ours, theirs."""
    own = {name: prompt(name) for name in ("user", "judge")}
    return {name: used.version for name, used in {**own, **(instead or {})}.items()}
