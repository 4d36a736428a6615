"""`%convsim` in a real IPython."""

import re
import time

import pytest

import convsim_nb as cs
from convsim_nb.notebook.magics.arguments import read_line
from convsim_nb.notebook.magics.options import options_of
from convsim_nb.notebook.magics.verbs import verbs
from convsim_nb.notebook.magics.words import Names, split
from convsim_nb.workflow.options import SimulateOptions
from tests.notebook.shell import Shell

SETUP = """
import asyncio
import convsim_nb as cs
from convsim_nb.testing import ScriptedAgent, ScriptedChat
cases = cs.CaseSet([{"goal": f"Goal {n}", "case_id": f"case-{n}"} for n in range(3)])
model = ScriptedChat.happy(turns=2)
agents = {"v2": ScriptedAgent()}
n = 2
async def hanging(messages):
    await asyncio.Event().wait()
"""
PLAIN = "--user-model $model --no-mlflow --no-progress"
RUN = f"""%convsim run cases --agent agents["v2"] {PLAIN}"""
VERBS = (
    "workbench, sessions, distill, draft, cases, edit, run, stop, pause, resume, show, runs, push, score, compare, "
    "calibrate, fidelity, selftest, report"
)
SESSIONS = """{"session_id": "s-1", "messages": [
 {"role": "user", "content": "My kettle arrived broken. My order is A-1893, and I want a refund."},
 {"role": "assistant", "content": "I have refunded order A-1893."},
 {"role": "user", "content": "Thank you, that is all."}]}"""


@pytest.fixture
def shell(capsys, tmp_path, monkeypatch):
    """An IPython with the extension, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    shell = Shell(capsys)
    assert shell(SETUP).ok
    yield shell
    shell.close()


def test_a_run_waits_binds_its_name_and_takes_the_options_of_python(shell):
    """Options are the Python names with dashes; `-o` names the result, which has ended."""
    done = shell(
        f"""{RUN} --max-turns $n --trials {{n}} --concurrency=1 --run-name "it {{n}}" --tags {{'a': 'b'}} -o v1"""
    )

    assert done.ok
    run = shell["v1"]
    assert done.result is run
    assert run.state.ended
    assert [c.key for c in run.conversations] == [f"case-{n}/ScriptedAgent/{t}" for n in range(3) for t in (1, 2)]
    assert (run.state.settings.max_turns, run.state.settings.concurrency) == (2, 1)
    assert (run.state.run_name, run.state.tags) == ("it 2", {"a": "b"})


def test_parameters_of_a_model_are_a_mapping_on_the_line(shell):
    """`--user-llm-params {...}` is read as Python reads it, and refused in one line like Python's."""
    told = shell(
        "%convsim run cases --agent agents['v2'] --user-model demo:/rules --user-llm-params {'seed': 1, 'n': 2}"
    )

    assert not told.ok
    assert "user_llm_params sets 'n', which convsim sets itself" in told.out


def test_names_are_those_of_the_place(shell):
    """In a function its own names count, as they do for Python."""
    line = f"%convsim run mine --agent chosen {PLAIN}"
    assert shell(f"def play(chosen):\n    mine = cases[:1]\n    x = {line}\n    return x\nrun = play(agents['v2'])").ok

    assert [c.case_id for c in shell["run"].conversations] == ["case-0"]


def test_a_name_that_is_taken_is_said(shell):
    """Overwriting a name says so in one line, with what it was."""
    assert shell(f"{RUN} -o fresh").out.splitlines()[0].startswith("fresh") is False
    told = shell(f"{RUN} -o cases").out.splitlines()[0]

    assert re.fullmatch(r"cases is now run \S+; it was a CaseSet of 3", told)


def test_test_cases_are_written_as_yaml(shell):
    """`%%convsim cases NAME` makes a CaseSet of the cell; without a name it is called cases."""
    body = "- goal: Get a refund\n  facts: [The order is $n]\n- goal: Complain\n  persona: You are {angry}.\n"
    assert shell(f"%%convsim cases smoke\n{body}").ok
    assert shell(f"%%convsim cases -o other\n{body}").ok
    assert shell(f"%%convsim cases\n{body}").out.splitlines()[0] == "cases is now a CaseSet of 2; it was a CaseSet of 3"

    expected = cs.CaseSet(
        [{"goal": "Get a refund", "facts": ["The order is $n"]}, {"goal": "Complain", "persona": "You are {angry}."}]
    )
    assert shell["smoke"] == shell["other"] == shell["cases"] == expected


def test_sessions_become_cases(shell, tmp_path):
    """`sessions` reads a file, `distill` makes cases of it, with the model that is named."""
    (tmp_path / "s.jsonl").write_text(SESSIONS.replace("\n", ""))
    assert shell("%convsim sessions s.jsonl -o sessions").ok
    assert shell("%convsim distill sessions --model demo:/rules --no-progress -o found").ok

    assert [session.id for session in shell["sessions"]] == ["s-1"]
    assert [case.source.session_id for case in shell["found"]] == ["s-1"]


def test_earlier_runs_are_listed_shown_and_reported(shell, tmp_path):
    """`runs` lists, `show` and `report` take a run, its id, or the newest."""
    shell(f"{RUN} -o v1")
    shell(f"{RUN} -o v2")
    first, newest = shell["v1"].run_id, shell["v2"].run_id

    assert [run.run_id for run in shell("%convsim runs").result] == sorted([first, newest], reverse=True)
    assert shell("%convsim show v1").result is shell["v1"]
    assert shell(f"%convsim show {first}").result.run_id == first
    assert shell("%convsim show").result.run_id == max(first, newest)
    assert "convsim" in shell("%convsim report v1 --path {v1.run_id}.html").result.read_text()
    assert (tmp_path / f"{first}.html").exists()


def test_a_run_in_the_background_is_stopped(shell):
    """`--background` returns at once; `stop` ends what plays, and says so."""
    shell(f"%convsim run cases hanging {PLAIN} --background -o v1")
    run = shell["v1"]
    assert not run.ended.is_set()
    assert shell("%convsim show").result is run
    told = shell("%convsim stop").out
    run.wait(5)

    assert told == f"stopping run {run.run_id}\n"
    assert {c.stop for c in run.conversations} == {"cancelled"}
    assert shell("%convsim stop v1").out.splitlines() == [
        f"NotFoundError: run {run.run_id} is not playing: see %convsim runs"
    ]


def test_a_run_is_paused_and_goes_on(shell):
    """`pause` holds it before the next user message, one conversation or all; `resume` lets it go on, and returns."""
    shell("async def slow(messages):\n    await asyncio.sleep(.1)\n    return 'It is done.'")
    shell(f"%convsim run cases slow {PLAIN} --background --concurrency 1 -o v1")
    run = shell["v1"]
    told = shell("%convsim pause v1").out
    deadline = time.monotonic() + 5
    while not run.is_paused and time.monotonic() < deadline:
        time.sleep(0.01)
    held = run.is_paused and not run.state.ended
    went_on = shell(f"%convsim resume {run.run_id}")
    run.wait(5)

    assert told == f"pausing run {run.run_id}\n"
    assert held
    assert (went_on.out, went_on.result) == (f"resuming run {run.run_id}\n", None)
    assert {c.stop for c in run.conversations} == {"goal_reached"}


def test_one_conversation_is_stopped_by_its_key(shell):
    """`--key` means one conversation; a key that is not there is one line."""
    shell(f"%convsim run cases hanging {PLAIN} --background -o v1")
    run = shell["v1"]
    key = run.conversations[0].key
    assert shell(f"%convsim stop v1 --key {key}").out == f"stopping {key} of run {run.run_id}\n"
    assert shell("%convsim pause --key nix").out.startswith(f"UsageError: run {run.run_id} has no conversation 'nix'")
    shell("%convsim stop")
    run.wait(5)


def test_a_stopped_run_is_taken_up(shell):
    """`resume` of a run that does not play needs its agent, plays what is missing, and waits for the end."""
    shell("async def agent(messages):\n    return await asyncio.Event().wait() if hangs else 'It is done.'")
    shell("hangs = True")
    shell(f"%convsim run cases agent {PLAIN} --background -o v1")
    run = shell["v1"]
    shell("%convsim stop v1")
    run.wait(5)
    assert shell("%convsim resume v1").out == (
        f"UsageError: run {run.run_id} is not playing: give --agent to take it up from its journal\n"
    )
    shell("hangs = False")
    done = shell(f"%convsim resume {run.run_id} --agent agent {PLAIN} -o v2")

    assert done.ok
    assert shell["v2"].run_id == run.run_id
    assert {c.stop for c in shell["v2"].conversations} == {"goal_reached"}


def test_a_run_is_pushed(shell):
    """`push` brings a run to MLflow and says what it brought."""
    shell(f"{RUN} -o v1")
    shell("import mlflow; mlflow.set_tracking_uri('sqlite:///mlflow.db')")
    before = shell("%convsim push v1 --experiment pushed")
    again = shell("%convsim push --experiment pushed")
    shell("mlflow.set_tracking_uri(None)")

    assert (before.result.traces_made, again.result.traces_made) == (6, 0)
    assert before.result.mlflow_run_id == again.result.mlflow_run_id == shell["v1"].mlflow_run_id


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("rnu", "UsageError: %convsim has no verb 'rnu': did you mean run?"),
        (
            "juggle cases",
            f"UsageError: %convsim has no verb 'juggle': there are {VERBS}, help",
        ),
        (
            "edit cases",
            (
                "UsageError: cases are edited in a notebook: elsewhere save them with .save('cases.yaml'), edit that "
                "file, and read it with load_cases('cases.yaml')"
            ),
        ),
        (
            "edit case",
            (
                "UsageError: %convsim edit case: there is no such name, and files end in .yaml, .yml, .json, "
                ".jsonl, .ndjson, .csv"
            ),
        ),
        ("run", "UsageError: %convsim run needs CASES: see %convsim help run"),
        ("run cases", "UsageError: %convsim run needs --agent AGENT: see %convsim help run"),
        ("run cases --agnt x", "UsageError: %convsim run has no option --agnt: did you mean --agent?"),
        ("run cases --agent", "UsageError: --agent needs a value"),
        ("run cases --agent --max-turns 3", "UsageError: --agent needs a value"),
        ("run cases hanging 3", "UsageError: %convsim run cannot place '3': its options begin with --"),
        ("run cases hanging --max-turns eight", "UsageError: --max-turns=eight: give a number"),
        ("run cases hanging --script-then stop", "UsageError: --script-then=stop: give one of simulate, end"),
        ("run cases hanging --trials 2 --trials 3", "UsageError: --trials is given twice: 2 and 3"),
        ("run cases hanging --mlflow --no-mlflow", "UsageError: --mlflow is given twice: --mlflow and --no-mlflow"),
        ("run cases hanging -o 3", "UsageError: -o 3: give a name for the result, such as -o result"),
        ("run cases agents['v3']", "UsageError: agents['v3']: KeyError: 'v3'"),
        ("run cases 'x", "UsageError: run cases 'x: a closing ' is missing"),
        ("stop", "NotFoundError: no run is playing: see %convsim runs"),
        ("show 3", "UsageError: int is no run: give a run, or its id; see %convsim runs"),
        ("show", "NotFoundError: there is no run yet: %convsim run makes one; see %convsim help run"),
        ("cases x", "UsageError: %convsim cases: write %%convsim cases; see %convsim help cases"),
        (
            "sessions s.jsonl --last 7d",
            "UsageError: --last is for a search in MLflow: leave it out, or the source 's.jsonl'",
        ),
        (
            "help juggle",
            f"UsageError: %convsim has no verb 'juggle': there are {VERBS}",
        ),
    ],
)
def test_a_wrong_line_is_one_line_and_the_cell_fails(shell, line, message):
    """The error names what is wrong and the next step; no model was asked."""
    done = shell(f"%convsim {line}")

    assert (done.ok, done.out) == (False, f"{message}\n")
    assert shell["model"].requests == []


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("cs.simulate([], hanging)", "CaseError: there are no test cases: distill some"),
        ("cs.load_cases('nix.yaml')", "NotFoundError: no file nix.yaml"),
        ("%%convsim cases\n- goal: [", "CaseError: the cell:"),
        ("%%convsim cases\n- persona: x", "CaseError: the cell, number 1: "),
        ("%%convsim run\nx", "UsageError: %%convsim run: write %convsim run; see %convsim help run"),
        ("%%convsim cases a b\n- goal: x", "UsageError: %%convsim cases a b: give one name for the test cases"),
        ("%convsim run cases 7 --user-model $model", "AgentTypeError: "),
        ("%convsim run nix.yaml hanging --user-model $model", "NotFoundError: no file nix.yaml"),
        ("%convsim run cases hanging --no-mlflow", "ModelNameError: no user_model is named"),
    ],
)
def test_an_error_from_python_is_one_line_too(shell, cell, message):
    """Whatever route an error of ours takes into a cell, it is a line and no stack."""
    done = shell(cell)

    assert not done.ok
    assert done.out.startswith(message)
    assert done.out.count("\n") == 1


def test_help_teaches_every_verb_and_every_option(shell):
    """`help` lists the verbs, `help VERB` all options by their names, with an example that can be read."""
    listed = shell("%convsim help").out
    assert all(f"convsim {name} " in listed for name in verbs())
    assert shell("%convsim").out == listed

    for verb in verbs().values():
        said = shell(f"%convsim help {verb.name}").out
        assert verb.example.splitlines()[0] in said
        assert max(map(len, said.splitlines())) <= 100
        if not verb.cell:
            assert shell(f"%convsim {verb.name} --help").out == said
            read_line(split(verb.example)[2:], verb.call, verb=verb.name, names=Names(shell.ip.user_ns, {}))
            assert all(option.flag.removeprefix("--") in said for option in options_of(verb.call))
    assert {option.name for option in options_of(verbs()["run"].call)} >= SimulateOptions.__annotations__.keys()


@pytest.mark.parametrize(
    ("line", "ends"),
    [
        ("%convsim ru", ["run", "runs"]),
        ("%convsim --max-tu", ["--max-turns"]),
        ("%convsim help st", ["stop"]),
        ("%convsim pu", ["push"]),
        ("%convsim run --max-t", ["--max-tokens", "--max-turns"]),
        ("%convsim run cases --no-m", ["--no-mlflow"]),
        ("%convsim run cases --max-turns 3 --max-t", ["--max-tokens"]),
        ("%convsim run cases --no-mlflow --ml", ["--mlflow-run-id"]),
        ("%convsim run ca", ["cases"]),
        ("%convsim run cases --agent han", ["hanging"]),
        ("%convsim run cases --user-model $mo", ["$model"]),
        ("%convsim run cases --user-model {mo", ["{model"]),
        ("%convsim run cases --goal-check o", ["on_end"]),
        ("%convsim run cases --script-then ", ["end", "simulate"]),
        ("%convsim report ca", ["cases"]),
        ("%convsim run cases --agent hanging -o ca", ["cases"]),
    ],
)
def test_tab_completes_verbs_options_and_names(shell, line, ends):
    """What Tab offers for the last word of a line, and nothing else."""
    before, _, _ = line.rpartition(" ")

    assert shell.tab(f"x = 1\n{line}") == [f"x = 1\n{before} {end}" for end in ends]


def test_tab_offers_everything_that_may_follow(shell):
    """Behind a space: all verbs, and all names that the person gave and no others."""
    assert {line.split()[-1] for line in shell.tab("%convsim ")} == {*verbs(), "help"}
    names = {"ScriptedAgent", "ScriptedChat", "agents", "asyncio", "cases", "cs", "hanging", "model", "n"}
    assert {line.split()[-1] for line in shell.tab("%convsim distill ")} == names


def test_tab_completes_runs_by_name_and_by_id(shell):
    """Behind a verb that takes a run: those that have a name, and ids; behind `stop` and `pause` those that play."""
    shell(f"{RUN} -o v1")
    shell(f"%convsim run cases hanging {PLAIN} --background -o v2")
    ids = sorted((shell["v1"].run_id, shell["v2"].run_id), reverse=True)
    offered = {verb: [line.split()[-1] for line in shell.tab(f"%convsim {verb} ")] for verb in ("show", "push", "stop")}

    assert offered["show"] == offered["push"]
    assert sorted(offered["show"]) == sorted(["v1", "v2", *ids])
    assert sorted(offered["stop"]) == sorted(["v1", "v2", shell["v2"].run_id])
    assert [line.split()[-1] for line in shell.tab(f"%convsim resume {ids[0][:18]}")][:1] == ids[:1]
    shell["v2"].stop()
    shell["v2"].wait(5)


def test_what_belongs_to_us_shows_as_html(shell, tmp_path):
    """Sessions, a session, cases, a run and a conversation, wherever they are displayed."""
    (tmp_path / "s.jsonl").write_text(SESSIONS.replace("\n", ""))
    shell("%convsim sessions s.jsonl -o sessions")
    shell(f"{RUN} -o v1")
    format_ = shell.ip.display_formatter.format

    shown = {
        name: format_(shell(name).result)[0]
        for name in ("sessions", "sessions[0]", "cases", "v1", "v1.conversations[0]")
    }
    said = {
        "sessions": "s-1",
        "sessions[0]": "A-1893",
        "cases": "Goal 2",
        "v1": "Goal 2",
        "v1.conversations[0]": "Goal 0",
    }
    assert {name: said[name] in bundle["text/html"] for name, bundle in shown.items()} == dict.fromkeys(said, True)
    assert shown["v1.conversations[0]"]["text/plain"].startswith("✓ reached: case-0")


def test_unloading_takes_everything_out_again(shell):
    """No magic, no Tab, no formatter is left, and a run shows itself as text."""
    assert shell("%unload_ext convsim_nb").ok

    assert "convsim" not in shell.ip.magics_manager.magics["line"]
    assert (
        "text/html"
        not in shell.ip.display_formatter.format(
            shell["cs"].Session(id="s", messages=[{"role": "user", "content": "x"}])
        )[0]
    )
    assert "%convsim run" not in shell.tab("%convsim ru")
    assert shell("%load_ext convsim_nb").ok


def test_an_agent_that_the_notebook_has_not_is_asked_for_by_its_name(shell):
    """The next step is a function of that name, and no model was asked."""
    done = shell("%convsim run cases --agent nope --user-model demo:/rules")

    assert (done.ok, done.out.count("\n")) == (False, 1)
    assert "define a function named nope" in done.out


def test_a_workbench_of_an_experiment_that_is_not_there_is_one_line(shell):
    """It does not open empty."""
    done = shell("%convsim workbench --agent nope --experiment nowhere-at-all")

    assert (done.ok, done.out.count("\n")) == (False, 1)
    assert "no experiment 'nowhere-at-all'" in done.out


def test_a_case_as_a_cells_value_is_a_table_and_yaml(shell):
    """One case reads as a set of cases does; what went over the wire in its history is for no reader."""
    case = shell(
        "import convsim_nb as cs\n"
        "wire = ({'role': 'user', 'content': 'raw'},)\n"
        "cs.TestCase(goal='Get a refund', case_id='kettle', facts=['Order A-1'],"
        " history=[cs.Message(role='user', content='Hello', wire=wire)])"
    ).result
    shown, _ = shell.ip.display_formatter.format(case)

    assert "<table" in shown["text/html"]
    assert "Order A-1" in shown["text/html"]
    said = "  history:\n    - role: user\n      content: Hello\n"
    assert shown["text/plain"] == f"- case_id: kettle\n  goal: Get a refund\n  facts:\n    - Order A-1\n{said}"
    shell("%unload_ext convsim_nb")
    assert "text/html" not in shell.ip.display_formatter.format(case)[0]
    shell("%load_ext convsim_nb")
