"""The notebooks that we ship: executed as they are, and looked at as they are saved."""

import os
import re
import shutil
import subprocess
import sys
from html import unescape
from types import SimpleNamespace

import nbformat
import nh3
import pytest
from nbformat import v4

from notebooks import regenerate
from tests.views.page import Page

SHIPPED = regenerate.notebooks()
QUICKSTART = regenerate.FOLDER / "01_quickstart.ipynb"
# What GitHub keeps of a cell's HTML: tags and their nesting; no style, no class, no script.
_A_LINE = 20
"""Words: an output of so few is a line, and needs no table."""
GITHUB_TAGS = {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "div", "span", "br", "hr", "blockquote", "details", "summary"),
    *("strong", "em", "b", "i", "s", "a", "code", "pre", "ul", "ol", "li"),
    *("table", "thead", "tbody", "tfoot", "tr", "th", "td", "caption"),
}
GITHUB_ATTRIBUTES = {"details": {"open"}, "a": {"href"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}}


@pytest.fixture(scope="module", params=SHIPPED, ids=[path.stem for path in SHIPPED])
def shipped(request):
    """A notebook that we ship, as it is saved."""
    return request.param


@pytest.fixture(scope="module")
def made(shipped, tmp_path_factory):
    """What nbmake said of the notebook, and the notebook that it wrote."""
    folder = tmp_path_factory.mktemp("made")
    copy = shutil.copy(shipped, folder)
    (folder / "tmp").mkdir()
    env = {**os.environ, "TMPDIR": str(folder / "tmp"), "PYTEST_ADDOPTS": ""}
    command = [sys.executable, "-m", "pytest", "--nbmake", "--overwrite", "-c", os.devnull, "-p", "no:cacheprovider"]
    done = subprocess.run([*command, copy], cwd=folder, env=env, capture_output=True, text=True, check=False)
    book = regenerate.tidied(nbformat.read(copy, as_version=4), str(folder / "tmp"))
    return SimpleNamespace(done=done, book=book, folder=folder)


def html_outputs(path):
    """The HTML of a notebook's outputs."""
    book = nbformat.read(path, as_version=4)
    outputs = [output for cell in book.cells for output in cell.get("outputs", ())]
    return [output.data["text/html"] for output in outputs if "text/html" in output.get("data", {})]


def words(html):
    """The words that a reader sees."""
    bare = re.sub(r"<style.*?</style>|<script.*?</script>|<[^>]*>", " ", html, flags=re.DOTALL)
    return unescape(bare).split()


@pytest.mark.timeout(120)
def test_a_shipped_notebook_runs_and_gives_what_is_saved(shipped, made):
    """nbmake executes it on this version; kinds and words of the outputs are those that the reader of the file sees."""
    saved = nbformat.read(shipped, as_version=4)

    assert made.done.returncode == 0, made.done.stdout[-3000:]
    assert "1 passed" in made.done.stdout
    assert [*regenerate.problems(made.book)] == []
    assert [*regenerate.differences(saved, made.book)] == [], "run: python notebooks/regenerate.py"


@pytest.mark.timeout(120)
def test_a_shipped_notebook_leaves_nothing_beside_it(shipped, made):
    """Store, journals and reports go to a temporary folder, not into the reader's checkout."""
    assert {path.name for path in made.folder.iterdir()} == {shipped.name, "tmp"}


def test_a_saved_notebook_holds_no_machine_no_widget_and_no_error(shipped):
    """It shows everywhere what it showed here, and tells nothing of here."""
    assert [*regenerate.problems(nbformat.read(shipped, as_version=4))] == []


def test_the_quickstart_shows_bubbles_and_that_a_stand_in_plays():
    """Sessions, cases, both runs and the conversation that was corrected, before anything is executed."""
    shown = " ".join(" ".join(words(html)) for html in html_outputs(QUICKSTART))
    banner = nbformat.read(QUICKSTART, as_version=4).cells[0].source

    assert "The model in this notebook is a stand-in" in banner
    assert "Simulated user and judge: a rule-based stand-in, not a language model." in shown
    assert "30 sessions" in shown
    assert re.search(r"\d+ test cases", shown)
    assert re.search(r"v1: \d+ of \d+ reached the goal", shown)
    assert re.search(r"v2: \d+ of \d+ reached the goal", shown)
    assert re.search(r"✗ correction The user now knows: .*[Ss]aturday", shown)


def test_version_2_needs_fewer_corrections_than_version_1():
    """The comparison that the quickstart leads up to comes out as its text says."""
    numbers = next(html for html in html_outputs(QUICKSTART) if "mean_turns" in html)
    rows = [re.findall(r"<t[hd]>(.*?)</t[hd]>", row) for row in numbers.split("<tr>")[1:]]
    head = re.findall(r"<th>(.*?)</th>", numbers.split("</thead>")[0])
    corrections = {row[0]: int(row[head.index("corrections")]) for row in rows if row[0] in ("v1", "v2")}

    assert corrections["v2"] < corrections["v1"]


def test_nbconvert_shows_the_bubbles_without_a_kernel(shipped, tmp_path):
    """A page made of the file alone has every word of the outputs, and names no widget."""
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--output-dir", str(tmp_path), str(shipped)]
    subprocess.run(command, check=True, capture_output=True)
    page = (tmp_path / f"{shipped.stem}.html").read_text(encoding="utf-8")
    body = page[page.index("<body") :]
    shown = " ".join(words(body))

    for html in html_outputs(shipped):
        assert " ".join(words(html)) in shown
    assert "application/vnd.jupyter.widget-view+json" not in body


def test_every_word_outlasts_a_host_that_drops_styles(shipped):
    """GitHub keeps tags and text, and neither styles nor scripts: what is said hangs on neither."""
    for html in html_outputs(shipped):
        kept = nh3.clean(
            html,
            tags=GITHUB_TAGS,
            attributes=GITHUB_ATTRIBUTES,
            clean_content_tags={"style", "script"},
            link_rel=None,
        )
        assert words(kept) == words(html)
        assert Page(kept).tags & {"table", "details"} or len(words(kept)) < _A_LINE


PATHS = [
    ("/home/ada/agents/x.py", True),
    ("File /Users/ada/x", True),
    ("sqlite:////root/mlflow.db", True),
    (f"{regenerate.SHOWN_FOLDER}/mlflow.db", False),
    ("/tmp/pytest-of-ada/x", True),  # noqa: S108 - text
    ("a reply of 20/work/3", False),
    ("http://localhost/home/x", False),
]


@pytest.mark.parametrize(("text", "wrong"), PATHS)
def test_a_machine_path_is_told_from_others(text, wrong):
    """The check finds homes and temporary folders, and nothing in sentences and addresses."""
    book = notebook_of({"output_type": "stream", "name": "stdout", "text": text})

    assert bool([*regenerate.problems(book)]) == wrong


FAULTS = [
    ({"output_type": "error", "ename": "KeyError", "evalue": "x", "traceback": []}, "cell 'c': it failed: KeyError: x"),
    ({"output_type": "stream", "name": "stderr", "text": "Warning: x"}, "cell 'c': it wrote to stderr: Warning: x"),
    (
        {"output_type": "display_data", "metadata": {}, "data": {"application/vnd.jupyter.widget-view+json": {}}},
        "cell 'c': it shows a widget, which is empty without a kernel",
    ),
]


@pytest.mark.parametrize(("output", "said"), FAULTS)
def test_what_no_saved_notebook_may_hold_is_named(output, said):
    """An error, a warning and a widget are found, each with its cell."""
    assert [*regenerate.problems(notebook_of(output))] == [said]


def test_what_changes_from_run_to_run_is_no_difference():
    """Times, ids and dates may differ; another word, another number, another kind of output may not."""
    before = notebook_of(html("<b>run 20261121-123942-89d15e</b> took 1.2 s, session sim-75aa601ffef14a2f: 3 of 4"))
    later = notebook_of(html("<i>run 20270101-000000-000000</i> took 980 ms, session sim-0000000000000000: 3 of 4"))
    other = notebook_of(html("<b>run 20261121-123942-89d15e</b> took 1.2 s, session sim-75aa601ffef14a2f: 2 of 4"))

    assert [*regenerate.differences(before, later)] == []
    assert [*regenerate.differences(before, other)] == ["cell 'c': its saved output is outdated: - 3 + 2"]


def test_regenerating_leaves_alone_what_differs_in_times_only():
    """A new time is no change to the file; a new word or a new look is."""
    before = notebook_of(html("<b>took 1.2 s</b>"))

    def kept(text):
        made = notebook_of(html(text))
        return regenerate.settled(before, made).cells[0].outputs[0].data["text/html"]

    assert kept("<b>took 980 ms</b>") == "<b>took 1.2 s</b>"
    assert kept("<b>lasted 980 ms</b>") == "<b>lasted 980 ms</b>"
    assert kept("<i>took 980 ms</i>") == "<i>took 980 ms</i>"


def notebook_of(output):
    """A notebook of one executed cell."""
    cell = v4.new_code_cell("1", id="c", execution_count=1, outputs=[nbformat.from_dict(output)])
    return v4.new_notebook(cells=[cell], metadata=regenerate.METADATA)


def html(text):
    """An output as HTML."""
    return {"output_type": "display_data", "metadata": {}, "data": {"text/html": text, "text/plain": "x"}}


@pytest.mark.full
def test_a_saved_notebook_reopened_without_a_kernel_shows_its_bubbles(shipped, tab):
    """JupyterLab draws the file as it is: it has not been trusted, and nothing has been executed."""
    shutil.copy(shipped, tab.lab.root)
    tab.page.goto(f"{tab.lab.url}/doc/tree/{shipped.name}?token={tab.lab.token}&reset")
    tab.page.wait_for_selector(".jp-Notebook .jp-RenderedHTMLCommon")
    # Cells are drawn as they come into view: all of them are asked for.
    tab.page.wait_for_function("() => window.jupyterapp?.shell.currentWidget?.content.widgets.length")
    for place in range(len(nbformat.read(shipped, as_version=4).cells)):
        tab.page.evaluate("(k) => window.jupyterapp.shell.currentWidget.content.scrollToItem(k)", place)
    shown = " ".join(" ".join(tab.page.locator(".jp-OutputArea").all_text_contents()).split())

    for text in html_outputs(shipped):
        assert "".join(words(text)) in shown.replace(" ", "")
    assert "model not found" not in shown
    assert tab.page.locator(".jp-OutputArea details[open] table").count() > 0
    assert tab.errors == []
