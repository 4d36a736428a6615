"""Comparing two runs, through the door that users take."""

import re

import mlflow
import pytest

import convsim_nb as cs
from convsim_nb.domain.errors import ModelError, NotFoundError, UsageError
from convsim_nb.engine.prompts import prompt
from convsim_nb.testing import ScriptedChat
from tests.adapters.mlflow.conftest import ambient, store  # noqa: F401 - fixtures

CASES = [cs.TestCase(goal=f"Find out about matter {n}", case_id=f"case-{n}") for n in range(8)]


def run(tmp_path, good, *, cases=CASES, name="v", user="asks", **options):
    """A run in which the agent is right about the cases named."""

    def agent(messages):
        return "yes" if any(f"matter {n}." in messages[0]["content"] for n in good) else "no"

    def reached(conversation):
        return conversation.messages[-1].content == "yes"

    chat = ScriptedChat(
        lambda request: {"action": "say", "text": f"{request_goal(request)}.", "because": ""}, name=user
    )
    options = {"max_turns": 1, "mlflow": False, "progress": False, "guards": "off", **options}
    return cs.simulate(
        cases, agent, user_model=chat, goal_check=reached, run_name=name, journal=tmp_path, **options
    ).wait()


def request_goal(request):
    text = " ".join(message.content for message in request.messages)
    return f"matter {text.split('matter ')[1][0]}"


def test_the_reach_rate_stands_first_with_difference_interval_and_p(tmp_path):
    """Second minus first, as fractions, paired by case; the cases that changed, the worst first."""
    found = cs.compare(run(tmp_path, {0, 1}, name="v1"), run(tmp_path, {1, 2, 3, 4, 5, 6, 7}, name="v2"))
    row = found.to_frame().iloc[0]

    assert (row["metric"], row["run"], row["cases"]) == ("reach rate", "v2", 8)
    assert (row["first"], row["second"], row["difference"]) == (0.25, 0.875, 0.625)
    assert row["low"] < 0.625 < row["high"]
    assert row["p"] == pytest.approx(0.125)  # 6 better, 1 worse: McNemar's exact test
    assert list(found.changed["case_id"])[:2] == ["case-0", "case-2"]
    assert "v2 reached the goal in 88 %, v1 in 25 %: no difference is shown (+62 points" in repr(found)
    assert "of 8 cases, 6 went better, 1 worse, 1 as before" in repr(found)
    assert "Cases that changed, the worst first" in found._repr_html_()


def test_what_is_looked_at_besides_is_said_and_what_does_not_vary_has_no_interval(tmp_path):
    """The first row is the question, the others are not corrected; of turns that are all 1 no interval is claimed."""
    found = cs.compare(run(tmp_path, {0, 1}, name="v1"), run(tmp_path, {1, 2}, name="v2"))
    turns = found.to_frame().set_index("metric").loc["turns"]

    assert found.sentences[-1] == (
        "the reach rate is the question; the other rows are looked at besides, their p not corrected for how many "
        "they are: one in twenty is below .05 by chance"
    )
    assert (turns["difference"], turns["p"]) == (0, 1)
    assert turns[["low", "high"]].isna().all()
    assert re.search(r"turns +1 +1 +\+0 +all cases alike, no interval +1\.000", repr(found))


def test_runs_by_id_and_several_at_once_are_corrected(tmp_path):
    """Each is compared to the first; the corrected p is Holm's over the runs."""
    base = run(tmp_path, set(), name="v1")
    others = [run(tmp_path, set(range(8)), name="v2"), run(tmp_path, {1}, name="v3")]
    frame = cs.compare(base.run_id, *(other.run_id for other in others), journal=tmp_path).to_frame()
    reach = frame[frame["metric"] == "reach rate"]

    assert list(reach["run"]) == ["v2", "v3"]
    assert list(reach["p"]) == pytest.approx([2 / 2**8, 1.0])
    assert list(reach["p_corrected"]) == pytest.approx([4 / 2**8, 1.0])


def test_scores_are_rows_too(tmp_path):
    """Whatever both runs were scored with is compared like the rest: shares for yes and no, means for numbers."""
    one, two = run(tmp_path, {0}, name="v1"), run(tmp_path, {0, 1}, name="v2")

    def kind(conversation):
        return "yes" if conversation.verdict == "reached" else "no"

    def length(conversation):
        return len(conversation.messages[-1].content)

    for each in (one, two):
        each.evaluate([kind, length])
    frame = cs.compare(one, two).to_frame().set_index("metric")

    assert frame.loc["kind", "difference"] == pytest.approx(1 / 8)
    assert frame.loc["length", "difference"] == pytest.approx(1 / 8)


def test_void_trials_are_left_out_and_said(tmp_path):
    """A void trial is no failure of the agent: its case leaves the comparison, and is counted."""
    whole = run(tmp_path, {0, 1}, name="v1")

    def says(request):
        if request_goal(request) == "matter 3":
            raise ModelError("gone")
        return {"action": "say", "text": f"{request_goal(request)}.", "because": ""}

    broken = ScriptedChat(says, name="asks")
    other = cs.simulate(
        CASES, lambda messages: "yes", user_model=broken, goal_check=lambda c: True, max_turns=1, run_name="v2",
        mlflow=False, progress=False, guards="off", journal=tmp_path,
    ).wait()  # fmt: skip
    found = cs.compare(whole, other, force=True)

    assert found.to_frame().iloc[0]["cases"] == 7
    assert "left out of v2: 1 void" in repr(found)


def test_more_than_the_agent_differs(tmp_path):
    """Another user model, fewer turns, an edited case: each is named; force compares, and says it all the same."""
    one = run(tmp_path, {0})
    edited = [CASES[0].edited(persona="In a hurry"), *CASES[1:]]
    two = run(tmp_path, {0}, cases=edited, user="another", max_turns=2)

    with pytest.raises(
        UsageError,
        match=r"not the agent alone differs: user_model .*; max_turns is 1 .* and 2 .*; case case-0 was edited .*force",
    ):
        cs.compare(one, two)
    assert "not the agent alone differs: max_turns is 1" in repr(cs.compare(one, two, force=True))


def test_seconds_are_compared_only_where_as_many_played_at_once(tmp_path):
    """In a crowd an agent is slower, on any machine: the row is left out, and that is said. None is ever tested."""
    one, same, crowded = run(tmp_path, {0}), run(tmp_path, {0}), run(tmp_path, {0}, concurrency=4)
    for each in (one, same, crowded):
        each.evaluate(["agent_latency"])

    def timed(found):
        return [name for name in found.to_frame()["metric"] if name in ("agent seconds a reply", "agent_latency")]

    assert timed(cs.compare(one, same)) == ["agent seconds a reply", "agent_latency"]
    frame = cs.compare(one, same).to_frame().set_index("metric")
    assert frame.loc[["agent seconds a reply", "agent_latency"], ["low", "high", "p"]].isna().all(axis=None)
    assert frame.loc["turns", "p"] == 1.0
    assert "not tested" in repr(cs.compare(one, same))
    assert timed(cs.compare(one, crowded)) == []
    assert "seconds are not compared: 20 conversations played at once before, 4 after" in repr(cs.compare(one, crowded))


def test_prompts_are_compared_by_their_text(tmp_path, ambient):  # noqa: F811
    """Our prompt out of the registry is our prompt; another wording is refused, and so is one nobody can look up."""
    uris = cs.register_prompts(prefix=f"same-{ambient}", alias="production")
    user = f"prompts:/same-{ambient}-user@production"
    old, new = run(tmp_path, {0}, name="v1"), run(tmp_path, {0, 1}, name="v2", prompts={"user": user})

    assert new.state.settings.prompts["user"] == uris["user"] != old.state.settings.prompts["user"]
    assert cs.compare(old, new).differs == ()

    text = prompt("user").text
    other = run(tmp_path, {0}, name="v3", prompts={"user": f"{text} Be brief."})
    same = run(tmp_path, {0}, name="v4", prompts={"user": text})
    assert cs.compare(new, same).differs == ()
    with pytest.raises(UsageError, match="not the agent alone differs: prompts is"):
        cs.compare(new, other)
    mlflow.MlflowClient().delete_prompt_version(f"same-{ambient}-user", uris["user"].rpartition("/")[2])
    with pytest.raises(UsageError, match="not the agent alone differs: prompts is"):
        cs.compare(old, new)


def test_nothing_to_compare(tmp_path):
    """One run alone, an id that is none, cases that have nothing in common: each says so."""
    one = run(tmp_path, {0})
    other = run(tmp_path, {0}, cases=[cs.TestCase(goal="Find out about matter 9", case_id="other")])

    with pytest.raises(UsageError, match="compare it to a second one"):
        cs.compare(one)
    with pytest.raises(NotFoundError, match="no run 'zzz'"):
        cs.compare(one, "zzz", journal=tmp_path)
    assert "have no case in common" in repr(cs.compare(one, other))


def test_guards_judge_check_and_script_then_must_be_the_same(tmp_path):
    """Each changes who is counted or what is said; what belongs to the agent is noted, and not refused."""
    one = run(tmp_path, {0}, name="v1")
    unlike = run(tmp_path, {0}, guards="record", judge_check="off", script_then="end")
    slower = run(tmp_path, {0}, name="v2", agent_timeout=60.0, agent_history="text")

    said = r"guards is 'off' .* and 'record' .*; judge_check is 'suspect' .*; script_then is 'simulate' .*force=True"
    with pytest.raises(UsageError, match=said):
        cs.compare(one, unlike)
    assert "not the agent alone differs: guards is" in repr(cs.compare(one, unlike, force=True))
    assert "agent_history is 'full' in v1 and 'text' in v2: part of the versions" in repr(cs.compare(one, slower))
    assert "agent_timeout is 300.0 in v1 and 60.0 in v2" in repr(cs.compare(one, slower))


def test_a_run_is_not_compared_with_itself(tmp_path):
    """By whatever beginning of its id it was named, and not with force either."""
    one = run(tmp_path, {0})

    for force in (False, True):
        with pytest.raises(UsageError, match=f"^both are run {one.run_id}: give another$"):
            cs.compare(one, one.run_id[:-2], journal=tmp_path, force=force)


def test_the_table_of_several_runs_shows_the_p_that_the_headline_has(tmp_path):
    """Corrected for all metrics, and said once; two runs alone say nothing of it."""
    base = run(tmp_path, set(), name="v1")
    others = [run(tmp_path, set(range(8)), name="v2"), run(tmp_path, {1}, name="v3")]
    told = repr(cs.compare(base, *others))

    assert told.count("every p is corrected: Holm, over 2 comparisons") == 1
    assert "p = .016)" in told  # 4 of 2^8: twice that of the comparison alone
    assert [line.split()[-1] for line in told.splitlines() if line.startswith("reach rate")] == [".016", "1.000"]
    assert "Holm" in cs.compare(base, *others)._repr_html_()
    assert "Holm" not in repr(cs.compare(base, others[0]))


def test_an_interval_without_nought_beside_no_difference_is_explained(tmp_path):
    """Five of eight better: the interval leaves 0 out, the exact test says .0625, and the test decides."""
    found = cs.compare(run(tmp_path, set(), name="v1"), run(tmp_path, {0, 1, 2, 3, 4}, name="v2"))
    row = found.to_frame().iloc[0]

    assert (row["low"] > 0, row["p"]) == (True, pytest.approx(2 / 2**5))
    assert "no difference is shown (+62 points" in found.sentences[0]
    assert "; the interval leaves out 0, but the test decides: p is above .05)" in found.sentences[0]


def test_seconds_of_a_quick_agent_are_words(tmp_path):
    """An agent that answers at once takes less than a millisecond, and no power of ten."""
    found = cs.compare(run(tmp_path, {0}, name="v1"), run(tmp_path, {0}, name="v2"))
    (row,) = (line for line in repr(found).splitlines() if line.startswith("agent seconds a reply"))

    assert " ms " in row
    assert "e-0" not in row
