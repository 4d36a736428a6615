"""What a page asks of a run: done once, in order, and answered."""

import json
import time

import pytest

import convsim_nb as cs
from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.events import MessageSent
from convsim_nb.domain.score import Score
from convsim_nb.domain.session import Message, ToolCall
from convsim_nb.notebook.live.desk import RunDesk
from convsim_nb.notebook.live.protocol import event_json
from convsim_nb.notebook.live.run_view import RunView
from convsim_nb.testing import ScriptedAgent, ScriptedChat
from tests.notebook.test_run_view import Comm

KEY = "kettle/ScriptedAgent/1"


def somebody(messages):
    """An agent of the notebook."""
    return "It is somebody."


def number_of(value):
    """Not an agent."""
    return value


def played(folder):
    chat = ScriptedChat(user=("Refund!", "Well?", "So?"))
    options = {"journal": folder, "mlflow": False, "progress": False, "max_turns": 2}
    return cs.simulate([{"goal": "Refund", "case_id": "kettle"}], ScriptedAgent(), user_model=chat, **options).wait(20)


class Page:
    """A view of a run, and its page."""

    def __init__(self, run, names=None):
        self.run, self.comm = run, Comm()
        desk = RunDesk(run, names or {"somebody": somebody, "number_of": number_of, "Agent": ScriptedAgent, "n": 3})
        self.view = RunView(run.state, stop=run.stop, desk=desk)
        self.view.comm = self.comm

    def ask(self, what, id_="1", **given):
        """Ask, and wait for the answer."""
        before = len(self._answers())
        self.comm.say(type="do", view="v", id=id_, what=what, given=given)
        deadline = time.monotonic() + 20
        while len(self._answers()) == before and time.monotonic() < deadline:
            time.sleep(0.005)
        return self._answers()[-1]

    def _answers(self):
        return [one for one in self.comm.sent if one["type"] in ("done", "refused")]


@pytest.fixture
def page(tmp_path):
    """A page on a run that has ended."""
    return Page(played(tmp_path))


def test_a_wish_is_done_once(page):
    """A double click, or a message that comes twice, forks once; the answer goes to the view that asked."""
    answer = page.ask("again", key=KEY)
    page.comm.say(type="do", view="v", id="1", what="again", given={"key": KEY})
    page.ask("label", "2", key=KEY, value="reached")  # wishes are done in order: the second of the same id is over
    page.run.wait(20)

    assert answer == {"type": "done", "to": "v", "id": "1", "result": {"keys": [f"{KEY}~1"]}}
    assert len(page.run.conversations) == 2


@pytest.mark.parametrize(
    ("what", "given", "problem"),
    [
        ("dance", {}, "this kernel does not know 'dance': reload the page"),
        ("fork", {"key": KEY, "turn": 9}, "has no turn 9: it has 2"),
        ("fork", {"turn": 1}, "missing a required argument: 'key': reload the page"),
        ("label", {"key": KEY, "value": "good"}, "label 'good': give one of reached"),
        ("again", {"key": KEY, "times": 1000}, "times=1000: give 100 at most"),
        ("fork", {"key": KEY, "turn": 1, "agent": "n"}, "3 is no agent"),
        (
            "fork",
            {"key": KEY, "turn": 1, "agent": "suport"},
            "agent 'suport': the notebook has no such name: define it",
        ),
        ("drop_case", {"case_id": "none"}, "keeps no case 'none': it keeps 0"),
        ("spans", {"trace_id": "tr-none"}, "tr-none"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_line(page, what, given, problem, monkeypatch):
    """Whatever a page sends, it gets an answer, and nothing breaks."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////no/such/folder/m.db")
    answer = page.ask(what, **given)
    assert answer["type"] == "refused"
    assert problem in answer["problem"]
    assert len(page.run.conversations) == 1


def test_agents_are_offered_by_their_names(page):
    """What takes a conversation: no classes, no numbers, no other functions."""
    assert page.ask("agents")["result"] == {"names": ["somebody"]}


def test_an_agent_is_found_as_a_magic_finds_it(page):
    """By a name of the notebook; the fork says who played it."""
    key = page.ask("fork", key=KEY, turn=2, agent=" somebody ")["result"]["key"]
    page.run.wait(20)
    assert page.run.conversation(key).agent == "somebody"
    assert page.run.conversation(key).messages[-1].content == "It is somebody."


def test_every_view_hears_what_one_did(page):
    """After a label all views get the labels; after what changes nothing they get nothing."""
    page.ask("agents", "1")
    assert page.comm.of("batch") == []
    page.ask("label", "2", key=KEY, value="not_reached", note="rude")
    deadline = time.monotonic() + 5
    while not page.comm.of("batch") and time.monotonic() < deadline:
        time.sleep(0.005)
    steering = page.comm.of("batch")[-1]["header"]["steering"]
    assert steering["labels"] == {KEY: {"value": "not_reached", "note": "rude"}}
    assert steering["live"] is False


def test_a_case_is_kept_and_shown(page):
    """It stands in `run.kept`, in the folder, and in the answer as YAML; the same one again is kept once."""
    result = page.ask("case", "1", key=KEY, turn=2)["result"]
    page.ask("case", "2", key=KEY, turn=2)

    assert [case.case_id for case in page.run.kept] == [result["case_id"]]
    assert cs.load_cases(page.run.folder / "kept.yaml")[0] == page.run.kept[0]
    assert cs.load_run(page.run.run_id, journal=page.run.folder.parent).kept == page.run.kept
    assert "script:" in result["yaml"]
    assert "wire" not in result["yaml"]
    assert page.ask("case", "3", key=KEY, turn=2)["result"]["new"] is False
    assert page.ask("drop_case", "4", case_id=result["case_id"])["result"] == {"kept": 0}
    assert cs.load_run(page.run.run_id, journal=page.run.folder.parent).kept == cs.CaseSet()


def test_a_page_hears_that_the_kernel_is_there(page):
    """A ping is answered, to the view that asked."""
    page.comm.say(type="ping", view="v")
    assert page.comm.sent == [{"type": "pong", "to": "v"}]


def test_the_clock_goes_on_where_a_run_is_played_on(page):
    """A repeat of a run that is over adds its time to what the run had played, in the page and in the sentences."""
    first = page.run.state.seconds
    page.run.again(KEY)
    page.run.wait(20)
    page.comm.say(type="hello", view="v")
    told = page.comm.sent[-1]

    assert told["state"]["before"] == first > 0
    assert told["state"]["at"] == told["elapsed"] > 0
    assert cs.load_run(page.run.run_id, journal=page.run.folder.parent).state.seconds == first + told["elapsed"]


def test_what_is_held_is_known(tmp_path):
    """All, or one by one; and how many play at once, as it is now."""
    chat = ScriptedChat(user=[f"Message {n}" for n in range(50)])
    cases = [{"goal": "Refund", "case_id": f"case-{n}"} for n in range(2)]
    options = {"journal": tmp_path, "mlflow": False, "progress": False, "max_turns": 50}
    run = cs.simulate(cases, ScriptedAgent({"never": ""}), user_model=chat, **options)
    run.pause()
    run.set_concurrency(7)
    desk = RunDesk(run, {})
    deadline = time.monotonic() + 5
    while not (run.is_paused and run.concurrency == 7) and time.monotonic() < deadline:
        time.sleep(0.005)
    paused = desk.steering()
    desk.do("resume", {"key": "case-0/ScriptedAgent/1"})
    while run.is_paused and time.monotonic() < deadline:
        time.sleep(0.005)
    one = desk.steering()
    with pytest.raises(UsageError, match="concurrency=0"):
        desk.do("concurrency", {"value": 0})
    run.stop()
    run.wait(20)

    assert (paused["live"], paused["paused"], paused["concurrency"]) == (True, True, 7)
    assert (one["paused"], one["held"]) == (False, ["case-1/ScriptedAgent/1"])


def test_scores_come_to_the_page_that_asks_and_a_new_scoring_is_told(page):
    """Those of turns beside those of the whole; who shows the conversation asks again when they changed."""
    run, comm = page.run, page.comm
    run.hear(page.view.tell_beside)
    comm.say(type="hello", view="v", open=KEY)
    before = comm.of("state")[-1]
    run.scores = (Score(key=KEY, name="polite", value=True, turn=2, rationale="says <please>"),)
    run.tell_hearers()
    told = comm.of("batch")[-1]["header"]["steering"]["scored"]
    comm.say(type="open", view="v", key=KEY)
    run.evaluate(["turns_to_goal", "corrections"])
    again = comm.of("batch")[-1]["header"]["steering"]["scored"]

    assert before["scores"] == {KEY: {"as_of": 0, "said": []}}
    polite = {"words": "✓ polite: yes", "tone": "good", "because": "says <please>"}
    assert comm.of("details")[-1]["scores"] == {
        KEY: {"as_of": told, "said": [{"turn": None, **polite}, {"turn": 2, **polite}]}
    }
    assert again > told > 0


def test_a_label_given_in_a_cell_comes_to_every_page(page):
    """The page hears what Python was told, as it hears what another page said."""
    page.run.hear(page.view.tell_beside)
    page.run.label(KEY, "reached", note="by hand")
    assert page.comm.of("batch")[-1]["header"]["steering"]["labels"] == {KEY: {"value": "reached", "note": "by hand"}}


def test_a_page_holds_no_more_of_a_tool_than_anybody_reads(page):
    """Arguments and results are cut and say so: fifty conversations with a megabyte each would fill the page."""
    call = ToolCall(name="look", arguments={"q": "x" * 30_000}, result=["y"] * 9_000, error=None)
    message = Message(role="assistant", content="Found.", source="agent", tool_calls=(call,))
    event = event_json(MessageSent(at=1.0, key=KEY, turn=1, message=message))
    (sent,) = event["message"]["tool_calls"]
    assert len(json.dumps(event)) < 60_000
    assert sent["arguments"].endswith("more characters")
    assert sent["result"].startswith('[\n  "y"')
