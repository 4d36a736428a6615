"""Executes the notebooks of this folder and saves their outputs: `python notebooks/regenerate.py [NAME ...]`.

`--check` saves nothing. It says what is wrong with the saved notebooks, and exits with 1 if anything is:
a machine's path, widget state, an error, a cell that was not executed; a source or a setting that this
command would write otherwise; or outputs that are no longer what the cells give. Outputs are compared by
their kinds and their words; times, ids and token counts are left out of it.
"""

import argparse
import copy
import difflib
import html
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).parent
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
METADATA = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
SHOWN_FOLDER = "/tmp/convsim-quickstart"
"""Stands in saved outputs for the folder that a notebook made for itself."""
MOST_BYTES = 2_000_000
"""Of a saved notebook: what is larger, hosts refuse to show."""

_MACHINE = re.compile(r"(?<![\w.])/(?:home|root|Users|work|private|usr|opt|mnt|tmp(?!/convsim-quickstart\b))/\S*")
_ALARM = re.compile(r"warning|error|traceback", re.IGNORECASE)
_CHANGING = (
    (r"\d{8}-\d{6}-[0-9a-f]+", "RUN"),
    (r"(?<=\w)-\d{6}\b", "-TIME"),  # of a run without a name
    (r"\b(?:sim|tr)-[0-9a-f]{8,}", "ID"),
    (r"\b[0-9a-f]{32}\b", "ID"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "DATE"),
    (r"\b\d[\d.,]* ?(?:ms|s|min|tokens)\b", "AMOUNT"),
    (r"\d+:\d\d\b", "CLOCK"),
    (r"(?<=agent seconds a reply)(?:[\s|]+[-+<]*(?:\d[-+\d.e]*|AMOUNT))+", " AMOUNTS"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Regenerate or check the notebooks; gives the exit code."""
    options = _options(arguments)
    wrong = []
    for path in [_found(each) for each in options.notebooks] or notebooks():
        saved = nbformat.read(path, as_version=4)
        made = executed(saved)
        found = [*problems(saved), *differences(saved, made)] if options.check else [*problems(made)]
        wrong += [f"{path.name}: {each}" for each in found]
        if not options.check and not found:
            nbformat.write(settled(saved, made), path)
            sys.stdout.write(f"{path}: {path.stat().st_size:,} bytes\n")
    for each in wrong:
        sys.stderr.write(f"{each}\n")
    if wrong and options.check:
        sys.stderr.write("To save what the notebooks give now: python notebooks/regenerate.py\n")
    return 1 if wrong else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", metavar="NAME", help="a notebook; by default all of them")
    parser.add_argument("--check", action="store_true", help="save nothing, and say what is wrong")
    return parser.parse_args(arguments)


def _found(name: str) -> Path:
    """A path as it is given, or a name in this folder."""
    return Path(name) if Path(name).exists() else FOLDER / name


def notebooks() -> list[Path]:
    """All that we ship."""
    return sorted(FOLDER.glob("*.ipynb"))


# --- making --------------------------------------------------------------------------


def executed(saved: NotebookNode) -> NotebookNode:
    """The notebook with the outputs of a fresh kernel, in a folder of its own, tidied.

    Raises:
        CellExecutionError: a cell failed.
    """
    book = copy.deepcopy(saved)
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "TMPDIR": folder, "IPYTHONDIR": f"{folder}/ipython", "MPLCONFIGDIR": folder}
        NotebookClient(book, timeout=120, resources={"metadata": {"path": folder}}).execute(env=env)
        return tidied(book, folder)


def tidied(book: NotebookNode, folder: str) -> NotebookNode:
    """An executed notebook without what belongs to the machine, the kernel or the hour; `folder` was its TMPDIR."""
    book.metadata = nbformat.from_dict(METADATA)
    own = re.compile(rf"{re.escape(folder)}/convsim-\w+")
    for cell in book.cells:
        cell.metadata = nbformat.from_dict({name: kept for name, kept in cell.metadata.items() if name == "tags"})
        if cell.cell_type == "code":
            cell.outputs = [_tidied_output(one, own) for one in cell.outputs if not _is_progress(one)]
    return book


def _is_progress(output: NotebookNode) -> bool:
    """Text on stderr, which a notebook with a page in front of it shows live instead; alarms are kept, to be seen."""
    return output.output_type == "stream" and output.name == "stderr" and not _ALARM.search(output.text)


def _tidied_output(output: NotebookNode, own: re.Pattern[str]) -> NotebookNode:
    if output.output_type == "stream":
        output.text = own.sub(SHOWN_FOLDER, output.text)
    for kind, content in output.get("data", {}).items():
        if isinstance(content, str):
            output.data[kind] = own.sub(SHOWN_FOLDER, content)
    return output


def settled(saved: NotebookNode, made: NotebookNode) -> NotebookNode:
    """What was made, where it says something new; else what was saved: no change that is one of times alone."""
    before = {cell.id: cell for cell in saved.cells}
    for cell in made.cells:
        old = before[cell.id]
        if cell.cell_type == "code" and old.get("outputs") and _said(old) == _said(cell):
            if _styled(old) == _styled(cell):
                cell.outputs = old.outputs
    return made


# --- looking -------------------------------------------------------------------------


def problems(book: NotebookNode) -> Iterator[str]:
    """What no saved notebook may hold."""
    if "widgets" in book.metadata:
        yield "it holds widget state"
    size = len(nbformat.writes(book).encode())
    if size > MOST_BYTES:
        yield f"it has {size:,} bytes, above {MOST_BYTES:,}"
    counts = [cell.execution_count for cell in book.cells if cell.cell_type == "code"]
    if counts != [*range(1, len(counts) + 1)]:
        yield f"its cells were not executed in order: {counts}"
    for cell in book.cells:
        yield from (f"cell {cell.id!r}: {each}" for each in _cell_problems(cell))


def _cell_problems(cell: NotebookNode) -> Iterator[str]:
    for output in cell.get("outputs", ()):
        if output.output_type == "error":
            yield f"it failed: {output.ename}: {output.evalue}"
        if output.get("name") == "stderr":
            yield f"it wrote to stderr: {output.text.strip()[:200]}"
        if any("widget" in kind for kind in output.get("data", ())):
            yield "it shows a widget, which is empty without a kernel"
    text = "\n".join(_texts(cell))
    for found in sorted({*_MACHINE.findall(text), *(own for own in _own_paths() if own in text)}):
        yield f"it holds a machine's path: {found[:80]}"


def _own_paths() -> set[str]:
    return {str(path) for path in (Path.home(), Path.cwd(), FOLDER.parent, Path(sys.prefix)) if len(path.parts) > 1}


def _texts(cell: NotebookNode) -> Iterator[str]:
    """All text of a cell: its source, and every form of its outputs."""
    yield cell.source
    for output in cell.get("outputs", ()):
        yield output.get("text", "")
        yield from (str(content) for _, content in sorted(output.get("data", {}).items()))


def differences(saved: NotebookNode, made: NotebookNode) -> Iterator[str]:
    """Where a saved notebook is not what it gives: metadata, sources, kinds of outputs, words."""
    if saved.metadata != made.metadata:
        yield f"its metadata are {dict(saved.metadata)}"
    for old, new in zip(saved.cells, made.cells, strict=True):
        if (old.id, old.source, old.metadata) != (new.id, new.source, new.metadata):
            yield f"cell {old.id!r}: its source or its metadata would be saved otherwise"
        if old.cell_type == "code" and _said(old) != _said(new):
            yield f"cell {old.id!r}: its saved output is outdated: {_first_change(_said(old), _said(new))}"


def _first_change(old: list[str], new: list[str]) -> str:
    changes = [line for line in difflib.ndiff(old, new) if line[0] in "+-"]
    return " ".join(changes[:6])


def _said(cell: NotebookNode) -> list[str]:
    """The kinds of a cell's outputs and the words of their richest form; what changes from run to run is left out."""
    said: list[str] = []
    for output in cell.outputs:
        data = output.get("data", {})
        rich = re.sub(r"<[^>]*>", " ", html.unescape(data["text/html"])) if "text/html" in data else None
        said += [output.output_type, *sorted(data)]
        said += _masked(rich or output.get("text") or data.get("text/plain", "")).split()
    return said


def _styled(cell: NotebookNode) -> list[str]:
    """The outputs as they are but for what changes from run to run: how they look counts."""
    return [_masked(text) for text in _texts(cell)]


def _masked(text: str) -> str:
    for pattern, word in _CHANGING:
        text = re.sub(pattern, word, text)
    return text


if __name__ == "__main__":
    sys.exit(main())
