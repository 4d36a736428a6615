"""Scoring a finished run with MLflow's scorers and with ours, through the door that users take."""

import json

import mlflow
import pytest
from inline_snapshot import snapshot
from mlflow.entities import Feedback
from mlflow.genai import make_judge, scorer

import convsim_nb as cs
from convsim_nb.domain.errors import ModelNameError, NotFoundError, UsageError
from convsim_nb.domain.score import TAKEN
from convsim_nb.mlflow import ConversationSimulator
from convsim_nb.testing import ScriptedChat
from tests.adapters.mlflow.conftest import ambient, store  # noqa: F401 - fixtures
from tests.servers import OpenAIServer, Say

CASES = [
    cs.TestCase(goal=f"Find out about matter {n}", case_id=f"case-{n}", expectations={"answer": f"Answer {n}"})
    for n in range(2)
]


@pytest.fixture
def asked():
    """How often the agent was called."""
    return []


@pytest.fixture
def run(ambient, tmp_path, asked):  # noqa: F811
    """Two conversations of two turns, in MLflow and on disk."""

    def agent(messages):
        asked.append(messages)
        return f"Answer {len(messages) // 2}"

    def says(request):
        return {"action": "say", "text": f"Tell me more, part {len(request.messages)}.", "because": ""}

    return cs.simulate(
        CASES,
        agent,
        user_model=ScriptedChat(says, name="scripted"),
        goal_check=lambda _: False,
        max_turns=2,
        guards="off",
        progress=False,
        journal=tmp_path / "runs",
    ).wait()


def found_in_mlflow(run):
    """What stands on the traces: turn, name, value, whether it counts, and the run that it is of."""
    traces = mlflow.search_traces(
        filter_string=f"metadata.`convsim.run_id` = '{run.run_id}'", return_type="list", include_spans=False
    )
    return sorted(
        (t.info.tags["mlflow.eval.requestId"], a.name, str(a.value), a.valid)
        for t in traces
        for a in t.info.assessments
        if not a.name.startswith("convsim/")
        and a.expectation is None
        and a.metadata["mlflow.assessment.sourceRunId"] == run.mlflow_run_id
    )


def test_scorers_of_sessions_and_of_turns_stand_where_mlflow_has_them(run, asked):
    """A session's value on its first trace, a turn's on its own, means in the run's own MLflow run; no agent call."""

    @scorer
    def turns_had(session, expectations):
        return Feedback(value=len(session), rationale=f"expected {expectations['answer']}")

    @scorer
    def right(outputs, expectations):
        return outputs == expectations["answer"]

    calls = len(asked)
    frame = run.evaluate([turns_had, right, "corrections"])

    assert len(asked) == calls
    assert [row[:5] for row in frame.astype(object).where(frame.notna(), None).values.tolist()] == snapshot(
        [
            ["case-0", 1, None, "corrections", 0],
            ["case-1", 1, None, "corrections", 0],
            ["case-0", 1, None, "turns_had", 2],
            ["case-0", 1, 1, "right", True],
            ["case-0", 1, 2, "right", False],
            ["case-1", 1, None, "turns_had", 2],
            ["case-1", 1, 1, "right", False],
            ["case-1", 1, 2, "right", True],
        ]
    )
    assert found_in_mlflow(run) == snapshot(
        [
            ("case-0#1#1", "corrections", "0", True),
            ("case-0#1#1", "right", "True", True),
            ("case-0#1#1", "turns_had", "2", True),
            ("case-0#1#2", "right", "False", True),
            ("case-1#1#1", "corrections", "0", True),
            ("case-1#1#1", "right", "False", True),
            ("case-1#1#1", "turns_had", "2", True),
            ("case-1#1#2", "right", "True", True),
        ]
    )
    metrics = mlflow.get_run(run.mlflow_run_id).data.metrics
    assert {name: value for name, value in metrics.items() if name.endswith("/mean")} == snapshot(
        {"turns_had/mean": 2.0, "right/mean": 0.5, "corrections/mean": 0.0}
    )
    assert list(run.to_frame()["right"]) == [0.5, 0.5]
    session_values = [one for one in mlflow.search_traces(return_type="list") if one.search_assessments("turns_had")]
    assert all("mlflow.trace.session" in one.search_assessments("turns_had")[0].metadata for one in session_values)


def text_of(messages):
    return f"Answer {len(messages)}"


def dict_of(messages):
    return {"response": f"Answer {len(messages)}", "sources": ["page 1", "page 2"]}


def completion_of(messages):
    return {"choices": [{"message": {"role": "assistant", "content": f"Answer {len(messages)}"}}], "model": "small"}


def calls_of(messages):
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    asked = {"role": "assistant", "content": "", "tool_calls": [call]}
    found = {"role": "tool", "tool_call_id": "c1", "content": "found"}
    return {"messages": [asked, found, {"role": "assistant", "content": "Found it."}]}


@pytest.mark.parametrize("agent", [text_of, dict_of, completion_of, calls_of])
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_scorer_is_given_the_same_as_by_mlflows_own_evaluation(ambient, tmp_path, agent):  # noqa: F811
    """`inputs` and `outputs` are what the agent was given and gave back, whichever way it was played."""
    given = []

    @scorer
    def sees(inputs, outputs):
        given.append((inputs, outputs))
        return True

    goal = {"goal": "Find out"}
    chat = {"user_model": ScriptedChat.happy(turns=1), "max_turns": 1}
    run = cs.simulate([goal], agent, **chat, guards="off", progress=False, journal=tmp_path).wait()
    run.evaluate([sees])
    simulator = ConversationSimulator(test_cases=[goal], **chat)
    mlflow.genai.evaluate(data=simulator, predict_fn=agent, scorers=[sees])
    (ours_in, ours), (theirs_in, theirs) = given

    assert ours == theirs == agent(theirs_in["messages"])
    assert ours_in == theirs_in


def test_scoring_twice_replaces_also_from_another_process(run, tmp_path):
    """The newest of a name counts, the one before is marked as overridden; a run that was brought back knows both."""

    @scorer(name="length")
    def first(session):
        return len(session)

    @scorer(name="length")
    def second(session):
        return 10 * len(session)

    run.evaluate([first])
    again = cs.load_run(run.run_id, journal=tmp_path / "runs")
    assert [(one.name, one.value) for one in again.scores] == [("length", 2), ("length", 2)]
    again.evaluate([second])

    assert found_in_mlflow(run) == [
        ("case-0#1#1", "length", "2", False),
        ("case-0#1#1", "length", "20", True),
        ("case-1#1#1", "length", "2", False),
        ("case-1#1#1", "length", "20", True),
    ]
    assert mlflow.get_run(run.mlflow_run_id).data.metrics["length/mean"] == 20


@pytest.mark.skipif(mlflow.__version__.startswith("3.12."), reason="its judges call api.openai.com, whatever is set")
def test_a_judge_reads_the_conversation(run, monkeypatch):
    """`make_judge` with {{ conversation }} asks its model once a session, and what it says stands with its reason."""
    verdict = Say(json.dumps({"result": "yes", "rationale": "it says please"}))
    with OpenAIServer(verdict) as server:
        monkeypatch.setenv("MLFLOW_MODEL_CATALOG_URI", "")  # MLflow looks for prices on the network
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_BASE", server.url)
        polite = make_judge(name="polite", instructions="Is it polite? {{ conversation }}", model="openai:/gpt-5-mini")
        frame = run.evaluate([polite])

    assert frame[["value", "rationale", "error"]].values.tolist() == [["yes", "it says please", ""]] * 2
    assert len(server.bodies) == 2
    assert all("Tell me more, part" in json.dumps(body) for body in server.bodies)
    assert mlflow.get_run(run.mlflow_run_id).data.metrics["polite/mean"] == 1
    assert found_in_mlflow(run) == [("case-0#1#1", "polite", "yes", True), ("case-1#1#1", "polite", "yes", True)]


def test_a_scorer_that_fails_has_its_error_in_its_place(run, capsys):
    """Scorers that raise, MLflow's and a function, leave the others alone; each is named once, with its count."""

    @scorer
    def broken(session):
        raise RuntimeError("no such table")

    def half(conversation):
        return {"case-0": 1}[conversation.case_id]

    def listing(conversation):
        return [conversation.turns]

    frame = run.evaluate([broken, half, listing, "agent_repeats"])

    errors = {name: list(rows["error"]) for name, rows in frame.groupby("name")}
    wrong = "it returned list: give a number, a text, True or False, or None where it does not apply"
    assert errors == {
        "agent_repeats": ["", ""],
        "broken": ["RuntimeError: no such table"] * 2,
        "half": ["", "KeyError: 'case-1'"],
        "listing": [wrong] * 2,
    }
    assert list(frame[frame["name"] == "agent_repeats"]["value"]) == [0, 0]
    said = [
        "scorer half failed 1 of 2 times: KeyError: 'case-1'",
        f"scorer listing failed 2 of 2 times: {wrong}",
        "scorer broken failed 2 of 2 times: RuntimeError: no such table",
    ]
    assert capsys.readouterr().err.splitlines() == [f"convsim: {line}" for line in said]
    assert list(run.problems) == said
    kept = {
        (name, a.value, a.error and a.error.error_code, a.error and a.error.error_message)
        for t in mlflow.search_traces(return_type="list")
        for name in ("broken", "half")
        for a in t.search_assessments(name)
    }
    assert kept == {
        ("broken", None, "SCORER_ERROR", "RuntimeError: no such table"),
        ("half", 1, None, None),
        ("half", None, "SCORER_ERROR", "KeyError: 'case-1'"),
    }
    metrics = mlflow.get_run(run.mlflow_run_id).data.metrics
    assert {name for name in metrics if name.endswith("/mean")} == {"half/mean", "agent_repeats/mean"}


def test_a_score_of_no_number_is_none_and_none_is_no_row(run, capsys):
    """NaN, of a function or of MLflow's, is counted as failed and stands nowhere; None of either leaves no row."""

    @scorer
    def empty(session):
        return float("nan")

    @scorer
    def silent(session):
        return None

    def blank(conversation):
        return float("inf")

    def mute(conversation):
        return None

    def ratio(conversation):
        return float("nan") if conversation.case_id == "case-0" else 0.5

    frame = run.evaluate([empty, silent, blank, mute, ratio])

    assert sorted(set(frame["name"])) == ["blank", "empty", "ratio"]
    assert list(run.problems) == [
        "scorer blank failed 2 of 2 times: it gave inf, which is no number",
        "scorer ratio failed 1 of 2 times: it gave nan, which is no number",
        "scorer empty failed 2 of 2 times: it gave nan, which is no number",
    ]
    metrics = mlflow.get_run(run.mlflow_run_id).data.metrics
    assert {name: value for name, value in metrics.items() if name.endswith("/mean")} == {"ratio/mean": 0.5}
    assert not [row for row in found_in_mlflow(run) if row[2] in ("nan", "inf")]
    json.dumps(run.to_dict(), allow_nan=False)


def verdict(conversation):
    return "good"


@scorer(name="agent tokens")
def mine(session):
    return 1


@scorer(name="is it good?")
def question(session):
    return True


@scorer(name="a/../b")
def climbing(session):
    return True


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (verdict, "a score cannot be named 'verdict', which a run has already; define it under another name, such as"),
        (mine, "a score cannot be named 'agent tokens', which a run has already; give it another name, such as @score"),
        (question, "a score cannot be named 'is it good?': MLflow takes letters, digits, spaces and _ . - : / alone"),
        (climbing, "a score cannot be named 'a/../b': MLflow takes letters, digits, spaces and _ . - : / alone; give"),
        (lambda _: 1, "a score cannot be named '<lambda>': MLflow takes letters, digits, spaces and _ . - : / alone"),
    ],
)
def test_names_that_cannot_be_are_refused_before_anything_is_scored(tmp_path, given, line):
    """A name that the run's own frame has, or that MLflow refuses for metrics, is one line that says how to name it."""
    run = played(tmp_path, mlflow=False)

    with pytest.raises(UsageError) as refused:
        run.evaluate([given])
    assert str(refused.value).startswith(line)
    assert run.scores == ()
    assert run.evaluate(["corrections"])["value"].tolist() == [0, 0]


def test_a_value_of_a_name_that_cannot_be_is_an_error_in_its_place(run):
    """A scorer whose values bear names of their own cannot take the place of what the run shows of itself."""

    @scorer
    def many(session):
        return [Feedback(name="fine", value=1), Feedback(name="verdict", value="good")]

    frame = run.evaluate([many])

    assert set(frame["name"]) == {"many"}
    assert "UsageError: a score cannot be named 'verdict', which a run has already" in set(frame["error"])
    assert set(run.to_frame()["verdict"]) == {"not_reached"}


def test_the_names_that_a_run_has_are_those_it_shows(run):
    """Every column of the frame and every row of a comparison is a name that no score can have."""
    shown = {*run.to_frame().columns, *cs.compare(run, played(run.folder.parent), force=True).to_frame()["metric"]}

    assert shown <= TAKEN


def test_what_is_wrong_with_a_scorer_is_said_in_a_line(run, monkeypatch):
    """Unknown names, models that MLflow does not take, missing keys and arguments: before anything is called."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    judged = make_judge(name="polite", instructions="Is it polite? {{ conversation }}", model="demo:/rules")

    with pytest.raises(UsageError, match="no scorer 'turns_to_gaol': did you mean 'turns_to_goal'"):
        run.evaluate(["turns_to_gaol"])
    with pytest.raises(ModelNameError, match="polite asks demo:/rules, which MLflow's scorers do not take"):
        run.evaluate([judged])
    with pytest.raises(ModelNameError, match="openai:/gpt-5-mini needs a key: set OPENAI_API_KEY"):
        run.evaluate(["ConversationCompleteness"], model="openai:/gpt-5-mini")
    with pytest.raises(UsageError, match=r"Guidelines needs arguments: give the scorer itself, Guidelines\(\.\.\.\)"):
        run.evaluate(["Guidelines"])
    with pytest.raises(UsageError, match="two scorers are named 'corrections'"):
        run.evaluate(["corrections", "corrections"])
    with pytest.raises(UsageError, match="give a list"):
        run.evaluate("corrections")
    assert run.scores == ()


def test_a_run_that_is_not_in_mlflow(tmp_path):
    """Ours need no trace; MLflow's say how the run gets there."""

    @scorer
    def length(session):
        return len(session)

    run = cs.simulate(
        CASES, lambda messages: "yes", user_model=ScriptedChat.happy(), mlflow=False, progress=False, journal=tmp_path
    ).wait()

    with pytest.raises(UsageError, match=r"length reads traces, and MLflow has none .* cs.push"):
        run.evaluate([length])
    assert set(run.evaluate()["name"]) >= {"turns_to_goal", "corrections", "agent_repeats"}


@scorer
def length(session):
    return len(session)


def played(tmp_path, cases=CASES, **options):
    given = {"user_model": ScriptedChat.happy(turns=2), "progress": False, "journal": tmp_path, **options}
    return cs.simulate(cases, lambda messages: "It is done.", **given).wait(60)


@pytest.mark.usefixtures("ambient")
def test_turns_that_mlflow_gives_no_trace_are_said_and_a_push_makes_them_scorable(tmp_path):
    """With tracing off a run says so in a line, its scoring refuses in one, and both hold no longer after a push."""
    mlflow.tracing.disable()
    try:
        run = played(tmp_path)
    finally:
        mlflow.tracing.enable()
    (problem,) = run.problems

    assert problem == (
        "turns have no trace in MLflow, whose tracing is switched off: its scorers and its session view do not see "
        f"them; after the run's end cs.push({run.run_id!r}) makes them from what was said"
    )
    with pytest.raises(UsageError, match=f"length reads traces, and MLflow has none of run {run.run_id}: cs.push"):
        run.evaluate([length])
    assert list(run.evaluate(["turns_to_goal"])["value"]) == [2, 2]
    cs.push(run.run_id, journal=tmp_path)
    brought_back = cs.load_run(run.run_id, journal=tmp_path)
    assert list(run.evaluate([length])["value"]) == list(brought_back.evaluate([length])["value"]) == [2, 2]


@pytest.mark.usefixtures("ambient")
def test_a_run_that_was_pushed_later_is_scored_by_mlflow(tmp_path):
    """Its messages name no traces: they are found by their sessions, and the scores stand on them."""
    run = played(tmp_path, mlflow=False)
    cs.push(run)

    @scorer
    def said(outputs):
        return outputs

    assert list(run.evaluate([said])["value"]) == ["It is done."] * 4
    frame = run.evaluate([length, "turns_to_goal"])

    assert list(frame[frame["name"] == "length"]["value"]) == [2, 2]
    assert found_in_mlflow(run) == [
        (f"{case}#1#{turn}", name, value, True)
        for case in ("case-0", "case-1")
        for turn, name, value in (
            (1, "length", "2"),
            (1, "said", "It is done."),
            (1, "turns_to_goal", "2"),
            (2, "said", "It is done."),
        )
    ]


@pytest.mark.usefixtures("ambient")
def test_traces_that_are_gone_are_counted(tmp_path, capsys):
    """Of a turn whose trace somebody deleted MLflow's scorers see nothing: a line says how many there are."""
    run = played(tmp_path)
    gone = run.conversations[0].trace_ids[0]
    mlflow.MlflowClient().delete_traces(mlflow.get_run(run.mlflow_run_id).info.experiment_id, trace_ids=[gone])
    frame = run.evaluate([length])

    assert list(frame["value"]) == [1, 2]
    assert capsys.readouterr().err == (
        "convsim: 1 of 4 turns have no trace in MLflow, and its scorers do not see them: "
        f"cs.push({run.run_id!r}) brings them there\n"
    )


@pytest.mark.usefixtures("ambient")
def test_what_a_model_proposed_to_expect_waits_for_a_person(tmp_path, capsys):
    """Scorers get what people expect alone, and a line says so; the traces say whose word each expectation is."""

    @scorer
    def expected(session, expectations):
        return ", ".join(sorted(expectations))

    told = {
        "expectations": {"answer": "yes", "guidelines": ["Says that it is closed"]},
        "source": {"session_id": "s", "model": "openai:/gpt-5-mini"},
    }
    proposed = cs.TestCase(goal="Ask", case_id="ask", proposed=["guidelines"], **told)
    run = played(tmp_path, [proposed])
    frame = run.evaluate([expected])
    sure = played(tmp_path, cs.CaseSet([proposed]).confirmed()).evaluate([expected])

    assert (list(frame["value"]), list(sure["value"])) == (["answer"], ["answer, guidelines"])
    assert capsys.readouterr().err == (
        "convsim: expected is not given what a model proposed to expect in 1 of 1 cases: "
        "run cases.confirmed() where it holds\n"
    )
    (first, _) = mlflow.search_traces(
        filter_string=f"metadata.`convsim.run_id` = '{run.run_id}'",
        order_by=["timestamp_ms ASC"],
        return_type="list",
    )
    assert {
        one.name: (one.source.source_type, one.source.source_id, one.metadata.get("convsim.proposed"))
        for one in first.info.assessments
        if one.expectation is not None
    } == {"answer": ("HUMAN", "test case", None), "guidelines": ("LLM_JUDGE", "openai:/gpt-5-mini", "true")}


@pytest.mark.usefixtures("ambient")
def test_scores_of_a_run_that_was_deleted_in_mlflow_are_kept_and_pushed(tmp_path, capsys):
    """They stand in the run, and a line says so; a push writes the run anew, with its traces and each score once."""
    run = played(tmp_path)
    run.evaluate(["turns_to_goal"])
    client, deleted = mlflow.MlflowClient(), run.mlflow_run_id
    client.delete_run(deleted)
    frame = run.evaluate(["turns_to_goal", length])

    said = (
        f"MLflow's run {deleted} was deleted, and the scores are kept here alone: "
        f"cs.push({run.run_id!r}) writes the run anew"
    )
    assert (capsys.readouterr().err, run.problems) == (f"convsim: {said}\n", (said,))
    assert list(frame["value"]) == [2, 2, 2, 2]
    assert [one.value for one in cs.load_run(run.run_id, journal=tmp_path).scores] == [2, 2, 2, 2]
    pushed = cs.push(run.run_id, journal=tmp_path)
    assert (pushed.run_made, pushed.traces_made) == (True, 0)
    linked = mlflow.search_traces(run_id=pushed.mlflow_run_id, return_type="list", include_spans=False)
    assert len(linked) == 4
    names = [a.name for t in linked for a in t.info.assessments]
    assert {name: names.count(name) for name in ("turns_to_goal", "length", "convsim/verdict")} == {
        "turns_to_goal": 2,
        "length": 2,
        "convsim/verdict": 2,
    }
    run.evaluate([length])
    assert client.get_run(pushed.mlflow_run_id).data.metrics["length/mean"] == 2
    assert run.problems == ()


@pytest.mark.usefixtures("ambient")
def test_a_deleted_experiment_keeps_no_scores(tmp_path, ambient, capsys):  # noqa: F811
    """Ours are given back all the same, and a push asks for another experiment."""
    run = played(tmp_path, experiment=f"{ambient}-gone")
    mlflow.MlflowClient().delete_experiment(mlflow.get_run(run.mlflow_run_id).info.experiment_id)

    assert list(run.evaluate(["turns_to_goal"])["value"]) == [2, 2]
    assert "was deleted, and the scores are kept here alone" in capsys.readouterr().err
    with pytest.raises(NotFoundError, match=f"experiment '{ambient}-gone' was deleted: restore it, or name another"):
        cs.push(run)
    cs.push(run, experiment=ambient)
    assert list(run.evaluate([length])["value"]) == [2, 2]
