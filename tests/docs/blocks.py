"""The code of a Markdown page, block by block, with what stands between them for the test alone.

A block that nobody can run without more than this repository says so where readers see it, in its title:

    ```python title="not run by our tests: needs a Databricks workspace"

What a page needs and need not show stands in a comment, which is run in its place:

    <!-- run
    judge = make_judge(...)
    -->
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PIECE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)(?P<info>[^\n]*)\n(?P<code>.*?)^ *```|^<!-- run\n(?P<hidden>.*?)^-->",
    re.MULTILINE | re.DOTALL,
)
_REASON = re.compile(r'title="not run by our tests: ([^"]+)"')


@dataclass(frozen=True)
class Block:
    """One fenced block, or a comment with code."""

    page: str
    line: int
    language: str
    code: str
    reason: str = ""
    """Why it is not run."""
    hidden: bool = False

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """The commands of ours in a console block: lines after `$ `, with those that they go on in."""
        lines = re.sub(r"\\\n\s*", "", self.code).splitlines()
        asked = [part.strip() for line in lines if line.startswith("$ ") for part in line[2:].split("&&")]
        return [one for one in asked if "convsim" in shlex.split(one, comments=True)[:2]]


def pages() -> list[Path]:
    """Every page that people read: new ones are found by themselves."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks_of(path: Path) -> list[Block]:
    """The blocks of a page, in order."""
    text, page = path.read_text("utf-8"), str(path.relative_to(ROOT))
    found = []
    for piece in _PIECE.finditer(text):
        line = text.count("\n", 0, piece.start()) + 1
        if piece["hidden"] is not None:
            found.append(Block(page, line, "python", piece["hidden"], hidden=True))
            continue
        code = re.sub(rf"^{piece['indent']}", "", piece["code"], flags=re.MULTILINE)
        reason = _REASON.search(piece["info"])
        found.append(Block(page, line, piece["language"], code, reason=reason[1] if reason else ""))
    return found
