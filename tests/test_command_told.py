"""What `convsim` says of a run: where it is, how it goes on, and what would be misread."""

import re

import pytest

import convsim_nb as cs
from tests.command_line import command, here, played  # noqa: F401 - a fixture
from tests.servers import OpenAIServer, Status
from tests.test_command_results import ids

KEYED = ("--run-key", "n1", "--quiet")
THINGS = ("kettle", "lamp", "chair", "table", "clock", "radio", "mirror", "carpet", "toaster")
MANY = "".join(f"- goal: Get a refund for the broken {thing}\n  case_id: {thing}\n" for thing in THINGS)


def test_a_run_says_where_it_is_kept(here):  # noqa: F811
    """At its start on stderr, and after the summary on stdout: id, folder, report; --quiet keeps stderr empty."""
    code, out, err = played("--report", "r.html")
    (run_id,) = ids(here)

    assert code == 0
    assert f"convsim: run {run_id} is kept in .convsim/runs/{run_id}\n" in err
    assert out.splitlines()[-2:] == [f"Run      {run_id}  in .convsim/runs/{run_id}", "Report   r.html"]
    assert played("--quiet")[2] == ""


@pytest.mark.full
def test_a_run_names_its_place_in_mlflow(here, monkeypatch):  # noqa: F811
    """Run, experiment and store stand last."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{here}/mlflow.db")
    asked = ("run", "cases.yaml", "--agent", "agents:answers", "--user-model", "demo:/rules", "--quiet")
    _, out, _ = command(*asked, "--experiment", "shop")

    assert re.match(r"MLflow   run [0-9a-f]{32} in experiment shop at sqlite:///", out.splitlines()[-1])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("--agent", "agents:acknowledges"), "agent 'answers', now it is 'acknowledges'"),
        (("--max-turns", "3"), "--max-turns 10, now it is 3"),
        (("--trials", "2"), "trials 1, now it is 2"),
    ],
)
def test_a_key_that_names_another_run_is_refused_with_a_way_on(here, changed, said):  # noqa: F811
    """The next step is one that `convsim run` has: another key, or the command that takes the run up."""
    played(*KEYED)
    (run_id,) = ids(here)
    code, _, err = played(*KEYED, *changed)

    assert code == 2
    assert err == (
        f"convsim: run {run_id} was begun with {said}: give another --run-key for a new run, or "
        f"convsim resume {run_id} --agent ... --force to go on with that one as it was begun\n"
    )


def test_test_cases_that_differ_from_those_of_a_key_are_named(here):  # noqa: F811
    """What was edited, what is new and what is gone."""
    cases = here / "cases.yaml"
    played(*KEYED)
    before = cases.read_text()
    cases.write_text(before.replace("the broken kettle", "the kettle"))
    assert "begun with other test cases: the same 2 ids, 1 edited: kettle: give another" in played(*KEYED)[2]
    cases.write_text(before.replace("case_id: parcel", "case_id: post"))
    assert "begun with other test cases: 2 then, 2 now, 1 new: post, 1 gone: parcel: give" in played(*KEYED)[2]


def test_a_keyed_run_that_is_taken_up_says_so_and_a_limit_can_be_lifted(here):  # noqa: F811
    """Cut off by its budget, tried again with none: what was done before is counted at the start."""
    assert played(*KEYED, "--max-seconds", "0.000001")[0] == 0
    (run_id,) = ids(here)
    code, _, err = command("resume", run_id, "--agent", "agents:answers", "--no-mlflow", "--max-tokens", "1")
    assert (code, "none for no limit" in err) == (2, True)

    code, out, err = played("--run-key", "n1", "--max-seconds", "none")
    assert (code, out.count("2 of 2 conversations reached the goal")) == (0, 1)
    assert (
        f"convsim: run {run_id} was begun with --run-key n1 before, and is taken up: 0 of 2 conversations done before\n"
    ) in err


def test_much_that_is_void_is_said_with_the_rate(here):  # noqa: F811
    """Nine cases, a budget for some: one line on stderr, and a column in the list of runs."""
    (here / "cases.yaml").write_text(MANY)
    code, _, err = played("--quiet", "--concurrency", "1", "--max-tokens", "8000")
    (run,) = cs.runs()

    assert (code, 1 < run.void < 9) == (0, True)
    assert err == f"convsim: {run.void} of 9 are void (over budget): the rate is of what happened to end early\n"
    assert re.search(rf"100% reached +9 conversations +{run.void} void +answers", command("runs")[1])


def test_an_address_that_is_wrong_is_one_line(here):  # noqa: F811
    """404 on every trial: the error once, in words that are a sentence."""
    with OpenAIServer(Status(404, "no such model")) as server:
        code, out, err = played("--quiet", agent=f"{server.url}#nix")

    (line,) = err.splitlines()
    assert code == 0
    assert line.startswith("convsim: all 2 trials ended in the same error: the endpoint answered 404: ")
    assert "raised the endpoint" not in out


def test_a_gate_that_its_budget_cut_off_names_it(here):  # noqa: F811
    """In the word itself, not only beside it; a run that ended is held as it is, with no agent."""
    played("--quiet")
    (baseline,) = ids(here)
    given = ("--baseline", baseline, "--quiet")
    asked = ("gate", "cases.yaml", "--agent", "agents:answers", "--no-mlflow", *given)
    code, out, _ = command(*asked, "--max-tokens", "1")
    assert code == 4
    assert "the budget cut off 2 of 2 trials: " in out.splitlines()[0]
    assert "max_tokens=1 is used up" in out.splitlines()[0]

    (_, cut) = ids(here)
    code, out, err = command("gate", cut, *given)
    assert (code, out.splitlines()[-1]) == (4, f"Run      {cut}  in .convsim/runs/{cut}")
    assert "NO RESULT: all 2 conversations are void" in err
    assert command("gate", "cases.yaml", *given)[0] == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "cases.yaml", "--agnet", "a:b"), "no option --agnet: did you mean --agent?; see convsim run --help"),
        (("run", "cases.yaml"), "the following arguments are required: --agent; see convsim run --help"),
        (("run", "cases.yaml", "--agent", "a:b", "--max-seconds", "x"), "'x': give a number, or none for no limit"),
        (("gate", "cases.yaml", "--agent", "agents:answers", "--baseline", "b", "--max-drop", "-5"), "--max-drop -5.0"),
        (("resume", "1999", "--agent", "agents:answers"), "see convsim runs"),
        (
            (
                "run",
                "cases.yaml",
                "--agent",
                "agents:answers",
                "--user-model",
                "demo:/rules",
                "--journal",
                "cases.yaml",
            ),
            "; give --journal FOLDER",
        ),
    ],
)
def test_errors_are_in_the_words_of_the_command_line(here, arguments, said):  # noqa: F811
    """What is misspelt before what is missing; flags and commands in the place of Python."""
    code, out, err = command(*arguments, *(["--no-mlflow", "--quiet"] if arguments[0] == "run" else []))

    assert (code in (1, 2), out) == (True, "")
    assert said in err


@pytest.mark.parametrize(
    ("asked", "codes"), [((), "0 1 2 3 4 130 141"), (("gate",), "0 3 4 1 2 130"), (("run",), "0 1 2 130 141")]
)
def test_help_lists_the_exit_codes_that_can_come(here, asked, codes):  # noqa: F811
    """Those of a gate where a gate may be what is called."""
    _, out, _ = command(*asked, "--help")

    assert re.findall(r"(?m)^  (\d+)  ", out.partition("exit codes:")[2]) == codes.split()


def test_a_baseline_that_is_nowhere_makes_no_store(here, monkeypatch):  # noqa: F811
    """To look for a run in a SQLite file that is not there would make it."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{here}/mlflow.db")
    code, _, err = command("gate", "cases.yaml", "--agent", "agents:answers", "--baseline", "nope", "--no-mlflow")

    assert (code, "no run 'nope' in .convsim/runs" in err) == (2, True)
    assert not (here / "mlflow.db").exists()


def test_fish_is_told_defaults(here):  # noqa: F811
    """As `--help` has them."""
    _, out, _ = command("completion", "fish")

    assert "-l out -rF -d 'where the files go (convsim-demo)'" in out
    assert "%(" not in out
