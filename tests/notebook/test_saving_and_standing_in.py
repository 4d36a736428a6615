"""What is saved from a grid to a store or over another's file, and the plain widgets that stand in for a picker."""

import sys
from pathlib import Path

import pytest

import convsim_nb as cs
from convsim_nb.notebook.grid.case_grid import CaseGrid
from tests.notebook.kernels.page import Page as Kernel
from tests.notebook.test_case_edit import Plain
from tests.notebook.test_case_grid import KETTLE, MARKET, Page
from tests.recorded import recording


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A tracking store that is MLflow's current one."""
    with recording(tmp_path_factory.mktemp("store")):
        yield


@pytest.mark.usefixtures("store")
def test_a_grid_saves_to_a_dataset_and_again(capfd):
    """By the page's Save, with a name that is kept for the next; drafts are left out; what comes back is the same."""
    page = Page(MARKET, KETTLE)
    page.type(1, "goal", "Get the money back")
    page.edit({"op": "insert", "key": "draft", "at": 2, "texts": {"persona": "In a hurry"}})
    first = page.ask("save", path="mlflow:grid-cases")["result"]
    held = cs.load_cases("mlflow:grid-cases")
    page.type(0, "persona", "Terse")
    second = page.ask("save")["result"]

    assert first == second == {"path": "mlflow:grid-cases", "saved": 2, "left": 1}
    assert [case.goal for case in held] == [MARKET.goal, "Get the money back"]
    assert cs.load_cases("mlflow:grid-cases") == cs.CaseSet(page.grid.cases)
    assert cs.load_cases("mlflow:grid-cases")["market"].persona == "Terse"
    assert page.state()["head"]["path"] == "mlflow:grid-cases"
    assert not page.grid.unsaved


def test_save_is_pressed_twice_in_the_plain_form_to_replace_what_is_anothers(tmp_path):
    """The first press asks; another path in between is another question; the second press replaces, and once."""
    theirs, others = tmp_path / "theirs.yaml", tmp_path / "others.yaml"
    for path in (theirs, others):
        path.write_text("- goal: Somebody else's\n")
    form = Plain(CaseGrid([KETTLE]))
    said = []
    for path in (theirs, others, theirs):
        form._path.value = str(path)
        form.press("Save")
        said.append(form._problem.value)
    before = [path.read_text() for path in (theirs, others)]
    form.press("Save")

    assert said == [f"{path} is there already: Save once more replaces it" for path in (theirs, others, theirs)]
    assert before == ["- goal: Somebody else's\n"] * 2
    assert form._problem.value == f"Saved 1 case to {theirs}"
    assert cs.load_cases(theirs) == cs.CaseSet([KETTLE])
    assert others.read_text() == "- goal: Somebody else's\n"


PICKER = """
import time
import convsim_nb as cs, convsim_nb.notebook.picker.shown as shown
from ipywidgets.widgets import widget
shown.PROBE_SECONDS = 0.3

def stands_in():
    places = [each for each in widget._instances.values() if "convsim-plain" in getattr(each, "_dom_classes", ())]
    return [child for place in places for child in place.children if child.comm is not None]

def wait(found):
    until = time.monotonic() + 10
    while bool(stands_in()) != found and time.monotonic() < until:
        time.sleep(0.05)
    return bool(stands_in())

def hears(picker):
    picker._asked(None, {"type": "hello", "view": "v"}, [])

def picker():
    return cs.SessionPicker(sessions=[cs.Session(id="s", messages=[cs.Message(role="user", content="Help me")])])
"""


def test_plain_widgets_stand_in_for_a_picker_that_no_page_asks_for_and_go_when_one_does(tmp_path):
    """A page that asks in time never sees them; one that comes later takes them away."""
    kernel = Kernel(Path(sys.executable), tmp_path)
    try:
        kernel.run(PICKER)
        kernel.run("asked = picker()\nasked")
        in_time = kernel.run("hears(asked); time.sleep(1); print(bool(stands_in()))")
        kernel.run("late = picker()\nlate")
        told = kernel.run("print(wait(True), stands_in()[0].children[1].options)\nhears(late); print(wait(False))")
    finally:
        kernel.close()

    assert in_time.text("stdout") == "False\n"
    assert told.text("stdout").startswith("True (('")
    assert "Help me" in told.text("stdout")
    assert told.text("stdout").endswith("False\n")
