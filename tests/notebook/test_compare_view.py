"""The kernel's end of the comparison's view: what it tells a page, and when."""

import json
import time

import pytest

import convsim_nb as cs
from convsim_nb.domain.score import Score
from convsim_nb.notebook.live.compare_view import CompareView
from tests.notebook.test_run_view import Comm
from tests.notebook.versions import FAILS, LONG, play


@pytest.fixture(scope="module")
def runs():
    """Three versions of the agent."""
    return [play(name, trials=2) for name in FAILS]


class Page:
    """A view of a comparison, and its page."""

    def __init__(self, comparison):
        self.comm = Comm()
        self.view = CompareView(comparison)
        self.view.comm = self.comm
        self.asked = 0

    def hello(self):
        """What the page is told first."""
        self.comm.say(type="hello", view="v")
        return self.comm.of("state")[-1]

    def pair(self, **given):
        """The transcripts of two trials, or what is refused."""
        asked = {"other": 0, "case": 0, "first": 0, "second": 0, **given}
        self.asked += 1
        number = str(self.asked)
        self.comm.say(type="do", view="v", id=number, what="pair", given=asked)
        deadline = time.monotonic() + 20
        while not any(one.get("id") == number for one in self.comm.sent) and time.monotonic() < deadline:
            time.sleep(0.005)
        return next(one for one in self.comm.sent if one.get("id") == number)


def test_the_page_is_told_the_answer_the_numbers_and_the_cases_worst_first(runs):
    """Everything but the transcripts, for each of the other runs."""
    told = Page(cs.compare(*runs)).hello()

    assert (told["name"], [other["name"] for other in told["others"]]) == ("v1", ["v2", "v3"])
    assert told["others"][0]["said"][0].startswith("v2 reached the goal in 33 %, v1 in 67 %")
    assert told["others"][0]["rows"][1][0] == "reach rate"
    cases = told["others"][0]["cases"]
    assert [(case["case_id"], case["gap"], case["reached"]) for case in cases] == [
        ("kettle", -1.0, ["2 of 2", "0 of 2"]),
        ("pot", -1.0, ["2 of 2", "0 of 2"]),
        ("cup", 1.0, ["0 of 2", "2 of 2"]),
    ]
    assert cases[0]["trials"] == [[[1, "reached"], [2, "reached"]], [[1, "not_reached"], [2, "not_reached"]]]
    assert LONG not in json.dumps(told)


def test_transcripts_come_when_they_are_asked_for(runs):
    """Both sides, with safe HTML and the scores of each; of the trials that were chosen."""
    first, second, _ = runs
    key = second["kettle"][1].key
    second.scores = (Score(key=key, name="polite", value=False, turn=1),)
    answer = Page(cs.compare(*runs)).pair(first=0, second=1)["result"]
    second.scores = ()

    assert answer["first"]["conversation"]["key"] == first["kettle"][0].key
    assert answer["second"]["conversation"]["trial"] == 2
    assert answer["second"]["html"][f"{key}#1.1"] == "<p>It is not to be had.</p>\n"
    assert [score["words"] for score in answer["second"]["scores"]] == ["✗ polite: no", "✗ polite: no"]


@pytest.mark.parametrize("given", [{"other": 7}, {"case": 9}, {"second": 2}, {"first": "a"}])
def test_what_is_not_there_is_refused(runs, given):
    """A page of another comparison gets a line, and the kernel goes on."""
    assert "reload the page" in Page(cs.compare(*runs)).pair(**given)["problem"]


def test_nothing_of_the_runs_is_saved_with_the_widget(runs):
    """The state of the widget, which a saved notebook may hold, has no word of a conversation."""
    view = CompareView(cs.compare(*runs))
    state = {name: value for name, value in view.get_state().items() if name not in ("_esm", "_css")}
    assert "kettle" not in json.dumps(state, default=str)
