"""The kernel's end of the picker: what it lists, what pages are told, what is distilled and paid for."""

import asyncio
import socket
import threading
import time

import mlflow
import pytest
from inline_snapshot import snapshot

import convsim_nb as cs
from convsim_nb.domain.errors import ModelNameError, NotFoundError, UsageError
from convsim_nb.testing import ScriptedChat
from tests.notebook.test_run_view import Comm
from tests.recorded import EXPERIMENT, record, recording

HOSTILE = "<img src=x onerror=alert(1)> [go](javascript:alert(1)) **bold** \u202eback"
HELLO = [cs.Message(role="user", content="Hello")]
GOAL = {"goal": {"text": "Get a refund for the kettle", "message": 0, "quote": "a refund"}}


@mlflow.trace(name="agent")
def agent(messages):
    if "break" in messages[-1]["content"]:
        raise ValueError("broken")
    return {"role": "assistant", "content": f"You said: {messages[-1]['content']}"}


def said(text):
    return {"messages": [{"role": "user", "content": text}]}


@pytest.fixture(scope="module", autouse=True)
def _store(tmp_path_factory):
    with recording(tmp_path_factory.mktemp("store")):
        for number in range(5):
            record(f"s{number}", agent, said(f"I want a refund for kettle {number}"))
        record("s1", agent, said("thanks"))
        record("sim-1", agent, said("simulated"))
        with pytest.raises(ValueError, match="broken"):
            record("s2", agent, said("break"))
        record("hostile\u202e", agent, said(HOSTILE))
        mlflow.set_experiment("other")
        record("t0", agent, said("elsewhere"))
        mlflow.set_experiment("bare")
        agent([{"role": "user", "content": "without a session"}])
        mlflow.set_experiment("only-simulated")
        record("sim-2", agent, said("simulated"))
        mlflow.set_experiment(EXPERIMENT)
        yield


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    """Unfinished work lies in the working folder."""
    monkeypatch.chdir(tmp_path)


class Model:
    """Distils kettles; held, it answers once; it fails for the sessions it is told to."""

    name = "counted"

    def __init__(self, *, fails=()):
        self.calls, self.fails, self.held, self.chat = 0, fails, False, ScriptedChat(distill=(GOAL,))

    async def __call__(self, request):
        self.calls += 1
        text = "".join(message.content for message in request.messages)
        if any(each in text for each in self.fails):
            raise RuntimeError("no answer")
        if self.held and self.calls > 1:
            await asyncio.Event().wait()
        return await self.chat(request)


def picker(experiment=EXPERIMENT, **options):
    """A picker that has listed, and the comm that stands for its pages."""
    made = cs.SessionPicker(experiment, **options)
    made.comm = Comm()
    assert made.wait(30)
    return made


def ids(made):
    return [each.id for each in made.listed]


def ask(made, what, **given):
    """Let a page wish for something, and wait for the answer."""
    number = f"w{time.monotonic_ns()}"
    made.comm.say(type="do", view="v", id=number, what=what, given=given)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for kind in ("done", "refused"):
            for message in made.comm.of(kind):
                if message["id"] == number:
                    return message.get("result", message.get("problem"))
        time.sleep(0.005)
    raise AssertionError(f"{what} was not answered")


def hello(made, view="v"):
    """What a new page is told."""
    made.comm.say(type="hello", view=view)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if found := [each for each in made.comm.of("state") if each["to"] == view]:
            return found[-1]
        time.sleep(0.005)
    raise AssertionError("no state came")


# --- the list ------------------------------------------------------------------------


def test_it_lists_in_the_background_what_was_recorded():
    """Newest first, those of a simulator left out and counted; rows and head as the page has them."""
    made = picker()
    state = hello(made)

    assert ids(made) == ["hostile\u202e", "s2", "s1", "s4", "s3", "s0"]
    assert [row["id"] for row in state["rows"]] == ids(made)
    row = next(row for row in state["rows"] if row["id"] == "s2")
    assert {name: row[name] for name in ("name", "turns", "first", "marks", "simulated")} == snapshot(
        {
            "name": "s2",
            "turns": 2,
            "first": "I want a refund for kettle 2",
            "marks": ["1 error"],
            "simulated": False,
        }
    )
    head = state["head"]
    assert (head["place"], head["complete"], head["loading"], head["hidden"]) == (EXPERIMENT, True, False, 1)
    assert repr(made) == f"SessionPicker: {EXPERIMENT}: 0 selected of 6 sessions"


def test_simulated_sessions_are_listed_when_asked_for():
    """Here, or by the page."""
    assert "sim-1" in ids(picker(simulated=True))
    made = picker()
    ask(made, "query", simulated=True)
    made.wait(20)
    assert "sim-1" in ids(made)


def test_more_is_listed_on_demand(monkeypatch):
    """The first page is short; the next ones come when asked for; an older turn that comes later makes its row anew."""
    monkeypatch.setattr("convsim_nb.notebook.picker.picking.PAGE", 2)
    made = picker()
    assert (ids(made), hello(made)["head"]["complete"]) == (["hostile\u202e", "s2"], False)
    ask(made, "more", sessions=2)
    made.wait(20)
    assert len(ids(made)) == 4
    ask(made, "more", sessions=None)
    made.wait(20)
    told = {row["id"]: row["turns"] for batch in made.comm.of("batch") for row in batch["rows"]}
    assert told == {"hostile\u202e": 1, "s2": 2, "s1": 2, "s4": 1, "s3": 1, "s0": 1}
    assert (list(told), hello(made, "w")["head"]["complete"]) == (ids(made), True)


def test_another_experiment_is_chosen_and_the_selection_is_let_go():
    """Names are looked up by a part of them; the list begins anew, and pages are told so."""
    made = picker()
    made.selected = ["s1"]
    names = ask(made, "experiments", text="OTH")["names"]
    ask(made, "query", experiment=names[0]["name"])
    made.wait(20)

    assert [each["name"] for each in names] == ["other"]
    assert (ids(made), made.selected) == (["t0"], ())
    assert [batch["reset"] for batch in made.comm.of("batch")].count(True) == 1


def test_time_and_filter_are_the_stores():
    """A span, days, a filter of MLflow's."""
    made = picker(where="attributes.status = 'ERROR'")
    assert ids(made) == ["s2"]
    ask(made, "query", last="1h")
    made.wait(20)
    assert len(ids(made)) == 6
    ask(made, "query", since=0, until=1000)
    made.wait(20)
    assert (ids(made), hello(made)["head"]["empty"]) == (
        [],
        "No session fits: look further back, or change the filter.",
    )


def test_why_there_is_nothing_to_see_is_said():
    """No session id, simulated ones only, nothing at all."""
    empty = [hello(picker(name))["head"] for name in ("bare", "only-simulated")]
    assert [each["empty"] for each in empty] == snapshot(
        [
            (
                "1 trace, and none names a session: set one where they are made, with "
                "mlflow.update_current_trace(session_id=...)."
            ),
            "No recorded session here: a simulator made the one there is.",
        ]
    )
    assert empty[1]["hidden"] == 1


def test_what_the_store_refuses_is_one_line_with_a_way_on():
    """No such experiment, a filter that is none, a server that is not there: said, never raised, and tried again."""
    gone = picker("nowhere", must_exist=False)
    assert gone.problem.startswith("no experiment 'nowhere' in sqlite://")
    ask(gone, "query", experiment=EXPERIMENT)
    gone.wait(20)
    assert (gone.problem, len(gone.listed)) == ("", 6)
    assert picker(where="nonsense =").problem.startswith("where='nonsense =' is not a filter that MLflow can read")

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri("http://127.0.0.1:9")
    try:
        silent = picker(None)
    finally:
        mlflow.set_tracking_uri(before)
    assert "127.0.0.1:9" in silent.problem
    assert "\n" not in silent.problem
    ask(silent, "retry")
    silent.wait(20)
    assert "127.0.0.1:9" in silent.problem


def test_an_experiment_that_is_not_there_is_one_line_at_once():
    """As the magic says it, before anything is drawn."""
    with pytest.raises(NotFoundError, match=r"^no experiment 'nope' in sqlite://") as raised:
        cs.SessionPicker(experiment="nope")

    assert "\n" not in str(raised.value)


def test_a_store_that_keeps_silent_holds_no_cell(monkeypatch):
    """Whether the experiment is there is not waited for for ever: the list says later what is wrong."""
    monkeypatch.setattr("convsim_nb.workflow.browse.PATIENCE", 0.3)
    before = mlflow.get_tracking_uri()
    with socket.create_server(("127.0.0.1", 0)) as mute:
        mlflow.set_tracking_uri(f"http://127.0.0.1:{mute.getsockname()[1]}")
        began = time.monotonic()
        try:
            made = cs.SessionPicker("support")
        finally:
            mlflow.set_tracking_uri(before)
        seconds = time.monotonic() - began

    assert seconds < 5
    assert made.listed == ()


def test_a_store_that_never_answers_is_said_and_nobody_waits_behind_it(monkeypatch):
    """It takes the connection and keeps silent: a line for the list comes, and another wish is served meanwhile."""
    monkeypatch.setattr("convsim_nb.notebook.picker.picking.SLOW_SECONDS", 0.2)
    silent = cs.SessionPicker()
    held, asked = threading.Event(), threading.Event()
    store, lists = silent._picking.shelf, silent._picking.shelf.list

    def never(query):
        asked.set()
        held.wait(30)
        return lists(query)

    assert silent.wait(30)
    monkeypatch.setattr(store, "list", never)
    silent.comm = Comm()
    silent._picking.ask()
    assert asked.wait(10)
    deadline = time.monotonic() + 10
    while not hello(silent, f"v{time.monotonic_ns()}")["head"]["slow"] and time.monotonic() < deadline:
        time.sleep(0.02)
    head = silent.comm.of("batch")[-1]["head"]
    assert (head["loading"], head["problem"]) == (True, "")
    assert "sqlite" in head["slow"]
    assert head["slow"].endswith("has not answered for 0 seconds. It is still being asked.")
    monkeypatch.setattr(store, "list", lists)
    ask(silent, "retry")
    assert silent.wait(20)
    assert (len(silent.listed), hello(silent, "last")["head"]["slow"]) == (6, "")
    held.set()


@pytest.mark.parametrize("way", [["retry"], ["halt", "more"]])
def test_a_store_that_went_silent_is_asked_anew_and_the_rows_stay(monkeypatch, way):
    """The second page never comes: tried again, or stopped and loaded on, the list goes on where it was."""
    monkeypatch.setattr("convsim_nb.notebook.picker.picking.SLOW_SECONDS", 0.2)
    made = cs.SessionPicker(sessions=[cs.Session(id=f"s{n}", messages=HELLO) for n in range(250)])
    made.comm = Comm()
    assert made.wait(30)
    held, asked, lists = threading.Event(), threading.Event(), made._picking.shelf.list

    def hanging(query):
        found = lists(query)
        more = found.more

        def never(sessions):
            if len(found):
                asked.set()
                held.wait(30)
            return more(sessions)

        monkeypatch.setattr(found, "more", never)
        return found

    monkeypatch.setattr(made._picking.shelf, "list", hanging)
    made._picking.ask()
    assert made.wait(30)
    made.selected = ["s3", "s5"]
    ask(made, "more")
    assert asked.wait(10)
    deadline = time.monotonic() + 10
    while not hello(made, f"v{time.monotonic_ns()}")["head"]["slow"] and time.monotonic() < deadline:
        time.sleep(0.02)
    slow = hello(made, "slow")
    monkeypatch.setattr(made._picking.shelf, "list", lists)
    for what in way:
        ask(made, what)
    assert made.wait(20)
    held.set()
    before = len(made.listed)
    time.sleep(0.2)

    assert (len(slow["rows"]), slow["head"]["loading"]) == (100, True)
    assert (before, len(made.listed), len(hello(made, "after")["rows"])) == (200, 200, 200)
    assert made.selected == ("s3", "s5")
    assert hello(made, "last")["head"]["slow"] == ""
    ask(made, "more")
    assert made.wait(20)
    assert len(made.listed) == 250


def test_the_store_is_that_of_the_moment_it_was_made():
    """A later experiment of MLflow's changes nothing."""
    made = cs.SessionPicker()
    mlflow.set_experiment("other")
    try:
        assert made.wait(30)
        made._picking.ask()
        made.wait(30)
        assert len(made.listed) == 6
    finally:
        mlflow.set_experiment(EXPERIMENT)


# --- what is selected ----------------------------------------------------------------


def test_pages_select_and_python_does():
    """The kernel has the only word: every page hears it; what is not listed is left alone, or refused in Python."""
    made = picker()
    made.comm.say(type="pick", view="v", add=["s0", "s2", "nobody", 7], remove=["s4"], click=1)
    assert made.selected == ("s2", "s0")
    batch = made.comm.of("batch")[-1]
    assert (batch["added"], batch["removed"]) == (["s0", "s2"], [])
    assert made.comm.of("picked") == [{"type": "picked", "to": "v", "click": 1}]
    made.selected = ("s1", "s2")
    batch = made.comm.of("batch")[-1]
    assert (batch["added"], batch["removed"]) == (["s1"], ["s0"])
    assert hello(made)["selected"] == ["s2", "s1"]
    with pytest.raises(NotFoundError, match="no session 'nobody' among the 6 listed so far"):
        made.selected = ["nobody"]
    assert made.selected == ("s2", "s1")


def test_what_is_selected_is_read_whole():
    """In the order of the list; nothing selected is said."""
    made = picker()
    with pytest.raises(UsageError, match="no session is selected"):
        made.read()
    made.selected = ["s0", "s1"]
    assert [session.user_messages for session in made.read()] == [
        ("I want a refund for kettle 1", "thanks"),
        ("I want a refund for kettle 0",),
    ]


def test_batches_are_numbered_and_a_state_says_where_it_stands():
    """So that a page sees a gap, and no batch counts twice."""
    made = picker()
    made.selected = ["s0"]
    state = hello(made)
    made.selected = ["s1"]
    numbers = [batch["seq"] for batch in made.comm.of("batch")]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert made.comm.of("batch")[-1]["seq"] == state["seq"] + 1


def test_a_transcript_is_sanitised_and_hidden_characters_are_shown():
    """Markdown as HTML of few tags; a name is shown as it is, the id stays what it was."""
    made = picker()
    row = next(row for row in hello(made)["rows"] if row["id"].startswith("hostile"))
    shown = ask(made, "preview", session="hostile\u202e")
    html = shown["messages"][0]["html"]

    assert (row["id"], row["name"]) == ("hostile\u202e", "hostile⟨U+202E⟩")
    assert "<strong>bold</strong>" in html
    assert "<img" not in html
    assert "<a" not in html
    assert "⟨U+202E⟩" in html
    assert ask(made, "preview", session="nobody") == "no session 'nobody' among these 6: more() lists further back"


def test_what_pages_get_wrong_is_a_line():
    """A verb that is none, arguments that are none; what is no message is left alone."""
    made = picker()
    assert ask(made, "explode") == "this kernel does not know 'explode': reload the page"
    assert "reload the page" in ask(made, "preview", id="s1")
    made.comm.say(type="pick", view="v", add="s1", remove=[])
    made.comm.say(type="unheard of")
    assert made.selected == ()


# --- sessions at hand ----------------------------------------------------------------


def test_sessions_that_are_given_need_no_store(monkeypatch):
    """A list of them works the same; two of one name are told apart, and what they are is said."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    messages = [cs.Message(role="user", content="I want a refund"), cs.Message(role="assistant", content="Done.")]
    given = [cs.Session(id=name, messages=messages) for name in ("a", "b", "a")]
    made = picker(None, sessions=given)
    made.selected = ["a", "a~2"]

    assert ids(made) == ["a", "b", "a~2"]
    assert [session.id for session in made.read()] == ["a", "a"]
    state = hello(made)
    assert (state["head"]["store"], state["rows"][0]["said"]) == ("", "I want a refund Done.")
    assert ask(made, "experiments", text="") == {"names": [], "complete": True}
    assert ask(made, "preview", session="a~2")["turns"] == 1
    made.distill(Model())
    assert made.wait(20)
    assert [case.case_id for case in made.cases] == ["a", "a~2"]
    with pytest.raises(UsageError, match="sessions and experiment are given"):
        cs.SessionPicker("x", sessions=given)


# --- distilling ----------------------------------------------------------------------


def test_what_is_selected_is_distilled_and_handed_over():
    """On a worker thread, with progress for each session, and kept; the sessions go with the cases."""
    made = picker(model=(model := Model()))
    got = []
    made.on_distilled(lambda cases: got.append((cases, threading.current_thread().name)))
    made.selected = ["s0", "s1"]
    ask(made, "distill")
    assert made.wait(20)

    ((cases, thread),) = got
    assert [case.case_id for case in cases] == ["s1", "s0"]
    assert [session.id for session in cases.sessions] == ["s1", "s0"]
    assert (made.cases, thread) == (cases, "convsim-distill")
    states = [batch["outcomes"] for batch in made.comm.of("batch") if batch["outcomes"]]
    assert [each["state"] for each in states[0].values()] == ["waiting", "waiting"]
    assert {name: each["state"] for name, each in states[-1].items()} == {"s0": "done", "s1": "done"}
    job = made.comm.of("batch")[-1]["head"]["job"]
    told = {name: job[name] for name in ("stage", "total", "done", "failed", "cases", "model", "problem", "problems")}
    assert told == snapshot(
        {
            "stage": "ended",
            "total": 2,
            "done": 2,
            "failed": 0,
            "cases": 2,
            "model": "counted",
            "problem": "",
            "problems": [],
        }
    )
    assert hello(made, "late")["outcomes"]["s0"]["cases"] == 1
    assert model.calls == 3  # s1 has two user messages, and is looked at for several goals


def test_nothing_is_paid_for_twice():
    """What was distilled is left out, a second press changes nothing; `again` asks once more."""
    made = picker(model=(model := Model()))
    made.selected = ["s0"]
    ask(made, "distill")
    made.wait(20)
    made.selected = ["s0", "s3"]
    assert ask(made, "estimate")["known"] == 1
    ask(made, "distill")
    made.wait(20)
    assert (model.calls, len(made.cases)) == (2, 2)
    refused = ask(made, "distill")
    assert refused == snapshot(
        "all 2 sessions were distilled by this model already: see picker.cases, or ask for them again"
    )
    ask(made, "distill", again=True)
    made.wait(20)
    assert (model.calls, len(made.cases)) == (4, 2)


def test_stop_keeps_what_was_done_and_the_rest_is_done_later():
    """From any page, as often as one likes; the cases are handed over, what is missing is said, and not paid for."""
    model = Model()
    model.held = True
    made = picker(model=model)
    got = []
    made.on_distilled(got.append)
    made.selected = ["s0", "s3", "s4"]
    made.distill(concurrency=1)
    while not any(each.state == "done" for each in made._distillery.outcomes.values()):
        time.sleep(0.01)
    assert ask(made, "distill").startswith("sessions are being distilled already")
    ask(made, "stop")
    ask(made, "stop")
    assert made.wait(20)
    assert [len(cases) for cases in got] == [1]
    job = hello(made)["head"]["job"]
    assert (job["stopping"], job["done"], job["failed"]) == (True, 3, 2)
    assert job["problems"] == [["s3", "not distilled: stopped"], ["s0", "not distilled: stopped"]]
    model.held, before = False, model.calls
    ask(made, "distill")
    assert made.wait(20)
    assert (len(made.cases), model.calls - before) == (3, 2)


def test_a_session_that_fails_is_a_problem_beside_the_good_ones():
    """Listed with its session; a callback that fails is said too, and takes nothing away."""
    made = picker(model=Model(fails=["kettle 3"]))

    def broken(_cases):
        raise KeyError("mine")

    made.on_distilled(broken)
    made.selected = ["s0", "s3"]
    made.distill()
    made.wait(20)
    job = hello(made)["head"]["job"]

    assert (job["failed"], job["problems"]) == (1, [["s3", "the model raised RuntimeError: no answer"]])
    assert job["problem"] == "on_distilled: KeyError: 'mine'"
    assert [case.case_id for case in made.cases] == ["s0"]
    assert made.cases.problems == ("session s3: the model raised RuntimeError: no answer",)


def test_a_model_that_is_none_is_refused_in_place():
    """In one line, before anything is read; in Python it is raised."""
    made = picker()
    made.selected = ["s0"]
    assert ask(made, "distill").startswith("no model is named: give model=")
    assert "nonsense" in ask(made, "distill", model="nonsense:/x")
    assert made._distillery.job is None
    with pytest.raises(ModelNameError, match="no model is named"):
        made.distill()
    made.selected = []
    with pytest.raises(UsageError, match="no session is selected"):
        made.distill("demo:/rules")


def test_the_estimate_reads_a_sample_of_many():
    """Calls, tokens and cost of what is selected; the stand-in costs nothing."""
    made = picker()
    made.selected = ["s0", "s1", "s3"]
    few = ask(made, "estimate", model="demo:/rules")
    assert few["said"].startswith("About 6 calls, ")
    assert few["said"].endswith(" tokens, no cost.")
    given = picker(
        None, sessions=[cs.Session(id=f"n{n}", messages=[cs.Message(role="user", content="hello")]) for n in range(200)]
    )
    given.more(None)
    given.wait(20)
    given.selected = ids(given)
    many = ask(given, "estimate")
    assert many["basis"].startswith("From a sample of 50. ")
    assert many["said"].startswith("About 27")
