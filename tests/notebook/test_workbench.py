"""The workbench in Python: what Run plays, what it refuses, what stays, and what a page is told."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import convsim_nb as cs
from convsim_nb.notebook.workbench import workbench as room
from convsim_nb.notebook.workbench.draft import BENCHES
from tests.notebook.shell import Shell
from tests.notebook.test_run_view import Comm

SETUP = """
import convsim_nb as cs
from convsim_nb.testing import ScriptedChat
def my_agent(messages):
    return "Version 1"
chat = ScriptedChat(user=[f"Please help me, {n}." for n in range(9)])
cases = [{"goal": f"Goal {n}", "case_id": f"case-{n}"} for n in range(3)]
options = dict(user_model=chat, max_turns=1, mlflow=False)
"""

NO_MODEL = (
    "no user_model is named: give user_model=, such as openai:/gpt-5-mini or http://localhost:8000/v1#my-model; "
    "demo:/rules is a stand-in that is no language model"
)


@pytest.fixture
def shell(capsys, tmp_path, monkeypatch):
    """A notebook in a folder of its own, with an agent, cases and a model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(room, "_open", {})
    shell = Shell(capsys)
    assert shell(SETUP).ok
    yield shell
    for timer in [each for each in threading.enumerate() if isinstance(each, threading.Timer)]:
        timer.cancel()  # what is told a moment later would look into the folder of the next test
        timer.join(10)
    shell.close()


@pytest.fixture
def page(shell):
    """The bar of a workbench as a page speaks to it."""

    def opened(code="bench = cs.Workbench(my_agent, cases=cases, **options)"):
        assert shell(code).ok
        return Page(shell["bench"])

    return opened


class Page:
    """What a page says and hears."""

    def __init__(self, bench):
        self.bench, self.room = bench, bench._room
        self.room.build()
        self.comm = self.room.bar.comm = Comm()
        self.asked = 0

    def ask(self, what, **given):
        """Wish for something, and wait for the answer."""
        self.asked += 1
        self.room.bar._asked(None, {"type": "do", "view": "v", "id": str(self.asked), "what": what, "given": given}, [])
        return self.wait(lambda: [each for each in self.comm.sent if each.get("id") == str(self.asked)])[0]

    def wait(self, found):
        """Wait until something is found."""
        until = time.monotonic() + 20
        while not (things := found()) and time.monotonic() < until:
            time.sleep(0.02)
        assert things
        return things

    @property
    def state(self):
        """What the page would be told now, as it would arrive."""
        return json.loads(json.dumps(self.room.as_json(), allow_nan=False))


def said_by_the_agent(run):
    return {message.content for each in run.conversations for message in each.messages if message.role == "assistant"}


def test_run_plays_the_grid_against_the_agent_that_the_name_means_now(shell, page):
    """A redefined agent is played at the next Run, with its own source hash; both runs stay, and can be compared."""
    view = page()
    before = view.state["agent"]["hash"]
    first = view.ask("run")
    view.bench.run.wait()
    shell("def my_agent(messages):\n    return 'Version 2'")
    after = view.state["agent"]["hash"]
    second = view.ask("run")
    view.bench.run.wait()
    ids = [first["result"]["run_id"], second["result"]["run_id"]]
    compared = view.ask("compare", first=ids[0], second=ids[1])

    assert [run.run_id for run in view.bench.runs] == ids[::-1]
    assert [said_by_the_agent(run) for run in view.bench.runs] == [{"Version 2"}, {"Version 1"}]
    assert before
    assert after != before
    assert [run.state.agent.source_hash for run in view.bench.runs] == [after, before]
    assert "no difference is shown" in compared["result"]["html"]
    assert [line["run_id"] for line in view.state["runs"] if line["shown"]] == [ids[1]]
    assert view.ask("look_at", run_id=ids[0])["type"] == "done"
    assert [line["run_id"] for line in view.state["runs"] if line["shown"]] == [ids[0]]


def test_marked_rows_are_what_run_plays(page):
    """The page hears of the choice at once; without a mark all cases are played again."""
    view = page()
    grid = view.bench.grid
    grid.comm = Comm()
    grid._asked(None, {"type": "hello", "view": "g"}, [])
    (state,) = view.wait(lambda: grid.comm.of("state"))
    keys = [row["key"] for row in state["rows"]]
    grid._asked(None, {"type": "marked", "keys": keys[1:2]}, [])
    told = view.wait(lambda: [each for each in view.comm.of("batch") if each["counts"]["marked"]])[-1]
    view.ask("run")

    assert told["counts"]["chosen"] == 1
    assert told["estimate"]["words"][0] == "1 conversation"
    assert [case.case_id for case in view.bench.run.wait().cases] == ["case-1"]


def test_what_is_shown_of_a_run_is_a_rate_with_its_interval_void_and_the_cases_that_failed(page):
    """The numbers are of the run's own summary, and the failed cases come with key and reason."""
    view = page()
    view.ask("run")
    view.bench.run.wait()
    (line,) = view.state["runs"]

    assert (line["rate"], line["void"], line["corrections"]) == ("0% reached, 95% interval 0% to 56%", 0, 0)
    assert [each["case_id"] for each in view.state["failed"]] == ["case-0", "case-1", "case-2"]
    assert {each["why"] for each in view.state["failed"]} == {"out of turns"}
    assert view.state["failed"][0]["key"] in view.bench.run.state.by_key


def test_only_the_failed_cases_are_played_again_as_the_grid_has_them_now(page):
    """A case that was taken out of the grid is not played again; what was edited is played as it stands."""
    view = page()
    view.ask("run")
    view.bench.run.wait()
    view.bench.grid.cases = view.bench.grid.cases.without("case-0").with_edit("case-2", goal="Another goal")
    view.ask("run", failed=True)
    view.bench.run.wait()

    assert [case.goal for case in view.bench.run.cases] == ["Goal 1", "Another goal"]


@pytest.mark.parametrize(
    ("opened", "problem"),
    [
        ("agent=my_agent, cases=[], **options", "there is no test case yet: add one in the grid, or distill sessions"),
        ("cases=cases, **options", "there is no agent: name one in the settings, such as my_agent"),
        (
            "agent='nobody', cases=cases, **options",
            "agent 'nobody': the notebook has no such name: define it in a cell, and run again",
        ),
        (
            "agent=my_agent, cases=cases, mlflow=False",
            NO_MODEL,
        ),
        ("agent=my_agent, cases=cases, max_turns=0, user_model=chat", "max_turns=0: give a whole number above 0"),
    ],
)
def test_what_cannot_run_is_one_line_before_any_model_is_asked(shell, page, opened, problem):
    """The page gets the line that Python would raise; no run was begun."""
    view = page(f"bench = cs.Workbench({opened})")
    answer = view.ask("run")

    assert (answer["type"], answer["problem"]) == ("refused", problem)
    assert view.bench.runs == ()
    assert shell["chat"].requests == []


def test_a_person_sets_what_run_plays_with(page):
    """Fields are looked up as a magic's words are; an emptied one means the default; a wrong number is refused."""
    view = page()
    for name, value in (("max_turns", "2"), ("trials", "2"), ("max_tokens", ""), ("agent", "my_agent")):
        view.ask("set", name=name, value=value)
    words = view.state["estimate"]["words"]
    view.ask("run")
    view.bench.run.wait()
    settings = view.bench.run.state.settings
    view.ask("set", name="trials", value="many")

    assert (settings.max_turns, settings.trials, len(view.bench.run.conversations)) == (2, 2, 6)
    assert words[0] == "6 conversations"
    assert "6 to take max_turns" not in view.state["estimate"].get("basis", "")
    assert view.ask("run")["problem"] == "Trials: 'many': give a number above 0, or leave it empty"
    assert view.state["estimate"]["problem"] == "Trials: 'many': give a number above 0, or leave it empty"


def test_a_second_run_waits_for_the_first_and_stop_ends_it(shell, page):
    """While one plays a second is refused; Stop keeps what was done, and does nothing after the end."""
    shell("import asyncio\nasync def my_agent(messages):\n    await asyncio.sleep(60)\n    return 'late'")
    view = page()
    view.ask("run")
    refused = view.ask("run")
    view.ask("stop")
    run = view.bench.run.wait(20)
    view.ask("stop")

    assert refused["problem"] == "a run is playing: stop it first, or wait for its end"
    assert {each.stop for each in run.conversations} == {"cancelled"}
    assert view.state["playing"] is False


def test_distilled_cases_are_appended(page):
    """What the picker distilled stands below what was there, as one edit that can be undone."""
    view = page()
    view.room.desk.take_in(cs.CaseSet([{"goal": "From a session", "case_id": "s-1"}]))
    ids = [case.case_id for case in view.bench.grid.cases]
    view.bench.grid.undo()

    assert ids == ["case-0", "case-1", "case-2", "s-1"]
    assert len(view.bench.grid.cases) == 3


# --- nothing is lost -----------------------------------------------------------------


def test_a_cell_that_is_run_again_gives_the_same_workbench_and_says_that_it_was_edited(shell, page):
    """Edits and runs stay; the cases that were passed are one click away, and that click can be undone."""
    view = page()
    view.bench.grid.cases = view.bench.grid.cases.with_edit("case-0", goal="Edited")
    view.ask("run")
    view.bench.run.wait()
    shell("again = cs.Workbench(my_agent, cases=cases, **{**options, 'max_turns': 3})")
    again = shell["again"]
    said = view.state["notice"]
    fields = {each["name"]: each["value"] for each in view.state["settings"]["fields"]}

    assert again.grid is view.bench.grid
    assert again.runs == view.bench.runs
    assert again.grid.cases["case-0"].goal == "Edited"
    assert "as you left it" in said["text"]
    assert fields["max_turns"] == "3"
    view.ask("bring_back")
    assert again.grid.cases["case-0"].goal == "Goal 0"
    assert view.state["notice"] is None
    again.grid.undo()
    assert again.grid.cases["case-0"].goal == "Edited"


def test_other_cases_open_another_workbench(shell, page):
    """Nothing that was edited in the first is in the second."""
    view = page()
    view.bench.grid.cases = view.bench.grid.cases.with_edit("case-0", goal="Edited")
    shell("other = cs.Workbench(my_agent, cases=cases[:2], **options)")

    assert shell["other"].grid is not view.bench.grid
    assert [case.goal for case in shell["other"].grid.cases] == ["Goal 0", "Goal 1"]


def test_after_a_restart_what_was_edited_is_offered(shell, page, monkeypatch):
    """The edits are on disk, as cases that load_cases reads; the new kernel has what was passed until asked."""
    view = page()
    view.bench.grid.cases = view.bench.grid.cases.with_edit("case-0", goal="Edited")
    (path,) = view.wait(lambda: [*BENCHES.glob("*/cases.yaml")])
    monkeypatch.setattr(room, "_open", {})
    view = page()

    (path,) = path.parent.glob("kept-*.yaml")
    assert path.stat().st_mode & 0o077 == 0
    assert shell(f"cs.load_cases({str(path)!r})['case-0'].goal").result == "Edited"
    assert view.bench.grid.cases["case-0"].goal == "Goal 0"
    assert view.state["notice"]["text"].startswith("3 cases edited here on ")
    view.ask("bring_back")
    assert view.bench.grid.cases["case-0"].goal == "Edited"


def test_after_a_restart_rows_that_are_not_valid_yet_are_offered_too(page, monkeypatch):
    """What was typed stands in its row again, between its neighbours; a row in which nobody typed is nobody's."""
    view = page()
    keys = [row.key for row in view.bench.grid.rows]
    typed = {"op": "insert", "key": "new", "at": 1, "texts": {"persona": "In a hurry", "withheld": "after: nothing"}}
    view.bench.grid.edit("Add case", [typed, {"op": "set", "key": keys[2], "column": "goal", "text": ""}])
    before = [row.texts for row in view.bench.grid.rows]
    path = view.room.desk.draft.path.with_suffix(".rows.json")
    view.wait(path.exists)
    monkeypatch.setattr(room, "_open", {})
    again = page()
    offered = again.state["notice"]
    again.ask("bring_back")

    assert offered["text"].startswith("2 cases and 2 rows that are not valid yet edited here on ")
    assert offered["name"] == "Bring them back"
    assert [row.texts for row in again.bench.grid.rows] == before
    assert [case.case_id for case in again.bench.grid.cases] == ["case-0", "case-1"]
    assert len(again.bench.grid.problems) == 2
    again.bench.grid.undo()
    assert len(again.bench.grid.cases) == 3
    again.wait(lambda: not path.exists())
    again.bench.grid.edit("Add case", [{"op": "insert", "key": "blank", "at": 0, "texts": {}}])
    again.room._keep()
    assert not path.exists()


def test_after_a_restart_the_settings_that_were_typed_stand_there_again(page, monkeypatch):
    """Those that Python passes win; what could be a key is on no disk."""
    bare = "bench = cs.Workbench(cases=cases, max_turns=3)"
    view = page(bare)
    typed = {"agent": "my_agent", "user_model": "demo:/rules", "trials": "4", "max_turns": "9"}
    for name, value in {**typed, "judge_model": "https://me:secret@host/v1#m"}.items():
        view.ask("set", name=name, value=value)
    path = view.room.desk.draft.path.with_name("settings.json")
    view.wait(lambda: path.exists() and "max_turns" in path.read_text())
    kept = path.read_text()
    monkeypatch.setattr(room, "_open", {})
    view = page(bare)
    fields = {each["name"]: each["value"] for each in view.state["settings"]["fields"]}

    assert "secret" not in kept
    assert path.stat().st_mode & 0o077 == 0
    assert {name: fields[name] for name in (*typed, "judge_model")} == {**typed, "max_turns": "3", "judge_model": ""}


def test_the_model_that_distills_plays_the_user_where_nobody_named_another(page):
    """What a person typed into Distill stands in the settings of the run; one that stands there stays."""
    said_once = "[cs.Session(id='s', messages=[cs.Message(role='user', content='Where is my parcel?')])]"
    view = page(f"bench = cs.Workbench(my_agent, sessions={said_once})")
    picker = view.bench.picker
    picker.wait(20)
    picker.selected = ["s"]
    said = []
    for model in ("demo:/rules", "demo:/rules#other"):
        picker._asked(None, {"type": "do", "view": "v", "id": model, "what": "distill", "given": {"model": model}}, [])
        said.append(view.wait(lambda: view.room.desk.settings.said.get("user_model")))

    assert said == ["demo:/rules"] * 2


def test_a_first_case_that_is_not_valid_yet_outlives_the_kernel(page, monkeypatch):
    """Though there is no valid case to keep beside it; dismissed, it is offered no more."""
    said_once = "[cs.Session(id='s', messages=[cs.Message(role='user', content='Where is my parcel?')])]"
    opened = f"bench = cs.Workbench(my_agent, sessions={said_once}, **options)"
    view = page(opened)
    view.bench.grid.edit("Add case", [{"op": "insert", "key": "new", "at": 0, "texts": {"persona": "In a hurry"}}])
    view.wait(view.room.desk.draft.path.with_suffix(".rows.json").exists)
    said = []
    for answer in ("look", "dismiss"):
        monkeypatch.setattr(room, "_open", {})
        view = page(opened)
        said.append(view.state["notice"]["text"])
        view.ask(answer)
    monkeypatch.setattr(room, "_open", {})

    assert {each[: each.index(" on ")] for each in said} == {"1 row that is not valid yet edited here"}
    assert page(opened).state["notice"] is None


def test_runs_of_earlier_days_are_listed_and_shown(page, monkeypatch):
    """A new kernel lists the journals of the folder; one that is chosen gets a view, and failed cases are named."""
    view = page()
    view.ask("run")
    earlier = view.bench.run.wait().run_id
    monkeypatch.setattr(room, "_open", {})
    view = page()
    before = [(line["run_id"], line["here"]) for line in view.state["runs"]]
    view.ask("look_at", run_id=earlier)

    assert before == [(earlier, False)]
    assert [run.run_id for run in view.bench.runs] == [earlier]
    assert len(view.state["failed"]) == 3
    assert view.room.shelf.shown.view is not None


# --- the line and the cell -----------------------------------------------------------


def test_a_line_without_a_verb_opens_the_workbench(shell):
    """Options are those of a run; the name after -o is the workbench's."""
    done = shell("%convsim --agent my_agent --cases cases --user-model chat --max-turns 4 --no-mlflow -o bench")
    fields = {each["name"]: each["value"] for each in shell["bench"]._room.as_json()["settings"]["fields"]}

    assert done.ok
    assert repr(shell["bench"]) == "Workbench: 3 test cases"
    assert (fields["agent"], fields["user_model"], fields["max_turns"], fields["mlflow"]) == (
        "my_agent",
        "chat",
        "4",
        "False",
    )


def test_an_experiment_that_is_not_there_is_one_line_and_no_workbench(shell):
    """In Python as by the magic, which says the very same; with cases to play it may be one that the run makes."""
    shell("import mlflow\nmlflow.set_tracking_uri('sqlite:///mlflow.db')")
    python = shell("cs.Workbench(experiment='nope')")
    magic = shell("%convsim --experiment nope")
    opened = shell("bench = cs.Workbench(my_agent, cases=cases, experiment='nope', **options)")

    assert python.out.startswith("NotFoundError: no experiment 'nope' in sqlite://")
    assert python.out.count("\n") == 1
    assert python.out.removeprefix("NotFoundError: ") in magic.out
    assert opened.ok


def test_options_of_single_runs_are_refused(shell):
    """A workbench plays many runs, and shows them itself."""
    done = shell("cs.Workbench(my_agent, cases=cases, run_key='nightly')")

    assert done.out == (
        "UsageError: run_key='nightly': leave it out: a workbench plays many runs, and shows them itself\n"
    )


def test_a_notebook_without_a_page_gets_the_cases_and_the_run_as_html(shell, page):
    """nbclient and terminals: the static form, hostile text as text, and nothing that needs a kernel."""
    view = page()
    view.bench.grid.cases = view.bench.grid.cases.with_edit("case-0", goal="<script>alert(1)</script>")
    view.ask("run")
    view.bench.run.wait()
    bundle = view.room.bundle()

    assert "&lt;script&gt;alert(1)" in bundle["text/html"]
    assert "<script" not in bundle["text/html"]
    assert "out of turns" in bundle["text/html"]
    assert bundle["text/plain"] == "Workbench: 3 test cases, 1 run"


def test_no_transcript_is_in_the_widgets_state(page):
    """A saved notebook carries no words of cases or conversations in its widgets."""
    view = page()
    view.ask("run")
    view.bench.run.wait()
    states = [each.get_state() for each in (view.room.bar, view.room.runs_part, view.room.box, view.bench.grid)]
    said = json.dumps([{k: v for k, v in state.items() if k not in ("_esm", "_css")} for state in states], default=str)

    assert "Goal 0" not in said
    assert "Version 1" not in said


# --- mended --------------------------------------------------------------------------


def in_cell(shell, name):
    """The next cells have this id, as JupyterLab gives one to each."""
    shell.ip.get_parent = lambda: {"metadata": {"cellId": name}}


def test_what_an_earlier_kernel_left_is_not_overwritten_by_the_first_edit(page, monkeypatch):
    """The old set is offered until it is taken or dismissed, over edits and restarts, each newer one before it."""
    goals = []
    for goal in ("First", "Second", "Third"):
        monkeypatch.setattr(room, "_open", {})
        view = page()
        view.bench.grid.cases = view.bench.grid.cases.with_edit("case-0", goal=goal)
        view.wait(lambda path=view.room.desk.draft.path, goal=goal: path.exists() and goal in path.read_text())
    while view.state["notice"]:
        view.ask("bring_back" if len(goals) == 0 else "dismiss")
        goals.append(view.bench.grid.cases["case-0"].goal)
    monkeypatch.setattr(room, "_open", {})
    view.wait(lambda: "Second" in view.room.desk.draft.path.read_text())
    again = page()

    assert goals == ["Second", "Second"]
    assert again.state["notice"]["text"].startswith("3 cases edited here on ")
    again.ask("dismiss")
    assert again.state["notice"] is None
    assert sorted(path.name for path in again.room.desk.draft.path.parent.iterdir()) == ["dismissed.yaml"]


def test_a_draft_that_cannot_be_read_stays_under_another_name(page, monkeypatch):
    """Whatever a person wrote into the file, an edit here does not take its place."""
    view = page()
    path = view.room.desk.draft.path
    path.parent.mkdir(parents=True)
    path.write_text("- goal: [", encoding="utf-8")
    monkeypatch.setattr(room, "_open", {})
    view = page()
    view.bench.grid.cases = view.bench.grid.cases.with_edit("case-0", goal="Edited")
    view.wait(path.exists)

    assert [each.read_text() for each in path.parent.glob("kept-*.yaml")] == ["- goal: ["]


def test_each_cell_has_a_workbench_of_its_own(shell, page):
    """The same cases in another cell, with another agent, touch neither agent nor edits of the first, nor its file."""
    in_cell(shell, "one")
    first = page()
    shell("def other_agent(messages):\n    return 'Other'")
    in_cell(shell, "two")
    second = page("bench = cs.Workbench(other_agent, cases=cases, **options)")
    in_cell(shell, "one")
    shell("again = cs.Workbench(my_agent, cases=cases, **options)")

    assert shell["again"] == first.bench
    assert second.bench != first.bench
    assert [view.state["agent"]["name"] for view in (first, second)] == ["my_agent", "other_agent"]
    assert first.room.desk.draft.path != second.room.desk.draft.path


def test_after_a_restart_each_cell_finds_its_own_draft(shell, page, monkeypatch):
    """In whatever order the cells are run again."""
    for cell in ("one", "two"):
        in_cell(shell, cell)
        view = page()
        view.bench.grid.cases = view.bench.grid.cases.with_edit("case-0", goal=f"Edited in {cell}")
        view.wait(view.room.desk.draft.path.exists)
    monkeypatch.setattr(room, "_open", {})
    found = {}
    for cell in ("two", "one"):
        in_cell(shell, cell)
        view = page()
        view.ask("bring_back")
        found[cell] = view.bench.grid.cases["case-0"].goal

    assert found == {"two": "Edited in two", "one": "Edited in one"}


def test_what_a_check_found_is_no_edit(shell, page):
    """A cell that is run again does not say that its cases differ where only findings were added."""
    view = page()
    found = {"field": "goal", "check": "agent", "reason": "Say what is wanted"}
    with_finding = [cs.TestCase(**{**case.model_dump(), "findings": [found]}) for case in view.bench.grid.cases]
    view.bench.grid.cases = cs.CaseSet(with_finding)
    shell("again = cs.Workbench(my_agent, cases=cases, **options)")

    assert view.bench.grid.cases[0].findings
    assert view.state["notice"] is None


def test_writes_at_once_do_not_hinder_each_other(page):
    """Two threads that keep cases leave the last set and no other file."""
    draft, cases = (view := page()).room.desk.draft, view.bench.grid.cases
    sets = [cases.with_edit("case-0", goal=f"Goal {n}") for n in range(20)]
    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(draft.write, sets)] == [None] * 20

    assert cs.load_cases(draft.path) in sets
    assert [path.name for path in draft.path.parent.iterdir()] == ["cases.yaml"]


def test_a_write_that_works_again_takes_the_banner_away(page):
    """What cannot be kept is said as long as it cannot, and what was offered before is offered again."""
    view = page()
    folder = view.room.desk.draft.path.parent
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    view.bench.grid.cases = view.bench.grid.cases.with_edit("case-0", goal="Edited")
    said = view.wait(lambda: view.state["notice"])
    folder.unlink()
    view.bench.grid.cases = view.bench.grid.cases.with_edit("case-0", goal="Edited again")
    view.wait(lambda: view.state["notice"] is None)

    assert said["text"].startswith("the edits cannot be kept on disk: ")


def test_a_page_learns_when_what_was_refused_may_be_possible_now(shell, page):
    """Edits, settings and cells are counted; the count as of a refusal comes before it."""
    view = page("bench = cs.Workbench('nobody', cases=cases, **options)")
    view.ask("run")
    kinds = [each["type"] for each in view.comm.sent]
    counts = [view.comm.of("batch")[-1]["changes"], view.state["changes"]]
    shell("def nobody(messages):\n    return 'Here'")
    counts.append(view.state["changes"])
    view.bench.grid.cases = view.bench.grid.cases.with_edit("case-0", goal="Edited")
    counts.append(view.state["changes"])
    view.ask("set", name="trials", value="2")
    counts.append(view.state["changes"])

    assert kinds.index("batch") < kinds.index("refused")
    assert counts[0] == counts[1]
    assert counts[1:] == sorted(set(counts[1:]))


def test_the_lists_of_runs_say_what_runs_share_and_how_far_they_came(page):
    """A page can compare with a run of the same cases by default, by the name that the comparison uses."""
    view = page()
    view.ask("run")
    view.bench.run.wait()
    view.bench.grid.cases = cs.CaseSet([{"goal": "Another", "case_id": "other"}])
    view.ask("run")
    view.bench.run.wait()
    lines = view.state["runs"]

    assert [(line["shared"], line["done"], line["total"]) for line in lines] == [(1, 1, 1), (0, 3, 3)]
    assert tuple(line["name"] for line in lines) == cs.compare(*view.bench.runs, force=True).names


def test_runs_of_one_name_are_told_apart_in_the_lists_as_in_their_comparison(page):
    """By the end of their ids, which no place in a list changes."""
    view = page("bench = cs.Workbench(my_agent, cases=cases, run_name='nightly', **options)")
    for _ in range(2):
        view.ask("run")
        view.bench.run.wait()
    names = [line["name"] for line in view.state["runs"]]
    html = view.ask("compare", first=view.bench.runs[1].run_id, second=view.bench.runs[0].run_id)["result"]["html"]

    assert names == [f"nightly ({run.run_id[-6:]})" for run in view.bench.runs]
    assert tuple(names[::-1]) == cs.compare(*view.bench.runs[::-1]).names
    assert all(name in html for name in names)


def test_versions_of_one_name_are_told_apart_by_their_hashes(shell, page):
    """As everywhere else in the workbench: in the heads of the comparison, too."""
    view = page("bench = cs.Workbench('my_agent', cases=cases, run_name='nightly', **options)")
    for version in ("1", "2"):
        shell(f"def my_agent(messages):\n    return 'Version {version}'")
        view.ask("run")
        view.bench.run.wait()
    new, old = view.bench.runs
    names = [f"nightly ({run.state.agent.source_hash[:7]})" for run in (old, new)]
    html = view.ask("compare", first=old.run_id, second=new.run_id)["result"]["html"]

    assert cs.compare(old, new).names == tuple(names)
    assert [line["name"] for line in view.state["runs"]] == names[::-1]
    assert all(name in html for name in names)


def test_the_saved_form_says_since_when_it_has_been_so(page):
    """Its hour changes with what it shows, and not otherwise: a page can tell that it is behind."""
    view = page()
    first = view.room._kept_form()["text/html"]
    hour = view.state["kept"]
    same = view.room._kept_form()["text/html"]

    assert f"As the saved notebook shows it, as of {hour}<" in first
    assert same == first


def test_every_cell_that_shows_it_keeps_what_is_so_now(shell, monkeypatch):
    """Where nobody draws widgets, what later cells change is drawn in the earlier ones too, once."""
    monkeypatch.setattr(shell.ip, "kernel", object(), raising=False)
    monkeypatch.setenv("CONVSIM_VIEW", "text")
    shell("bench = cs.Workbench(my_agent, cases=cases, **options)")
    first = shell("bench").out
    edited = shell("bench.grid.cases = bench.grid.cases[:2]").out
    later = shell("1 + 1").out

    assert first.count("Workbench: 3 test cases") == 1
    assert edited.count("Workbench: 2 test cases") == 1
    assert "Workbench" not in later
