"""The judge on trial, from labels to MLflow's alignment."""

import mlflow
import pytest
from inline_snapshot import snapshot
from mlflow.genai import make_judge
from mlflow.genai.judges.base import AlignmentOptimizer

import convsim_nb as cs
from convsim_nb.domain.errors import UsageError
from tests.adapters.mlflow.conftest import ambient, store  # noqa: F401 - fixtures

CASES = [cs.TestCase(goal=f"Get a refund for item {n}", case_id=f"case-{n}") for n in range(4)]


def agent(messages):
    return "I will see." if "item 3" in messages[0]["content"] else "Your refund of 34.90 EUR was sent today."


def labelled(tmp_path, **options):
    """Four conversations: the judge finds three reached, a person two of these, and the simulator at fault in none."""
    run = cs.simulate(
        CASES, agent, user_model="demo:/rules", max_turns=2, progress=False, journal=tmp_path, **options
    ).wait()
    run.label("case-0/agent/1", "reached")
    run.label("case-1/agent/1", "reached")
    run.label("case-2/agent/1", "not_reached", note="sent to the wrong account")
    run.label("case-3/agent/1", "not_reached")
    return run


def test_the_judge_on_trial(tmp_path):
    """Agreement, base rate, table and kappa, then what the two see differently, from the run's id too."""
    run = labelled(tmp_path, mlflow=False)
    found = cs.calibrate(run)

    assert repr(found) == snapshot("""\
demo:/rules and people agree on 3 of 4 labelled conversations (75 %)
base rate: people found 50 % reached, so that one who always says the same would agree on 50 %
kappa 0.50 (too few cases for an interval): agreement beyond chance, where 1 is all and 0 is none
both reached 2, both not 1, only demo:/rules reached 1, only the person 0
4 labels are few: with 30 or more the interval says something
case-2/agent/1: a person says not reached (sent to the wrong account), demo:/rules reached: The agent's words answer the goal.\
""")  # noqa: E501
    assert next(iter(found.to_frame()["case_id"])) == "case-2"
    assert "Disagreements" in found._repr_html_()
    assert "sent to the wrong account" in found._repr_html_()


def test_a_score_on_trial(tmp_path):
    """Any yes-or-no score is held against the labels; one that is none says which there are."""
    run = labelled(tmp_path, mlflow=False)

    def kind(conversation):
        return conversation.verdict == "reached" and conversation.case_id != "case-2"

    run.evaluate([kind, "turns_to_goal"])

    assert cs.calibrate(run, scorer="kind").found.agreement == 1
    with pytest.raises(UsageError, match="no yes-or-no score 'turns_to_goal': those it has are kind"):
        cs.calibrate(run, scorer="turns_to_goal")


def test_nothing_is_labelled(tmp_path):
    """Without labels the error says how to give one; the simulator's faults are no labels of the agent."""
    run = cs.simulate(CASES[:1], agent, user_model="demo:/rules", progress=False, mlflow=False, journal=tmp_path).wait()
    run.label("case-0/agent/1", "simulator_fault")

    with pytest.raises(UsageError, match=r"no labelled conversation that the judge spoke on: .*run.label\('case-0"):
        cs.calibrate(run)


class Optimizer(AlignmentOptimizer):
    """An optimizer of MLflow's kind that keeps what it was handed."""

    def align(self, judge, traces):
        self.handed = traces
        return judge


def test_labels_are_handed_to_mlflows_alignment(ambient, tmp_path):  # noqa: F811
    """The last trace of each labelled conversation, with human feedback under the judge's name, in its type."""
    run = labelled(tmp_path)
    judge = make_judge(
        name="resolved", instructions="Is {{ inputs }} resolved by {{ outputs }}?", model="openai:/gpt-5-mini",
        feedback_value_type=bool,
    )  # fmt: skip
    optimizer = Optimizer()
    assert cs.calibrate(run).align(judge, optimizer=optimizer) is judge
    handed = {
        trace.info.trace_id: [(a.name, a.value, a.source.source_type, a.rationale) for a in trace.info.assessments][-1]
        for trace in optimizer.handed
    }

    assert handed[run.conversation("case-2/agent/1").trace_ids[-1]] == (
        "resolved", False, "HUMAN", "sent to the wrong account",
    )  # fmt: skip
    assert len(handed) == 4
    whole = make_judge(name="whole", instructions="Is it resolved? {{ conversation }}", model="openai:/gpt-5-mini")
    with pytest.raises(UsageError, match="MLflow aligns no judge of whole sessions yet, as whole is"):
        cs.calibrate(run).align(whole)
    assert mlflow.get_run(run.mlflow_run_id) is not None
