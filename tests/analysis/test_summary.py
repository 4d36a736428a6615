"""The numbers of a run, read from conversations."""

import sys
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from scipy.stats import binomtest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import coverage

from convsim_nb.analysis.summary import percentile, reach_interval, summarise
from convsim_nb.domain.conversation import Conversation, Origin, Release, Stop, Usage, verdict_of
from convsim_nb.domain.session import Message


def conversation(name, stop: Stop | None = None, *, turns=1, seconds=1.0, speaker="simulated", **fields):
    """A conversation of `turns` turns that ended by `stop`."""
    turn = (
        Message(role="user", content="hi", source=speaker),
        Message(role="assistant", content="yes?", source="agent", seconds=seconds),
    )
    verdict = stop and verdict_of(stop)
    fields = {"messages": turn * turns, "turn": turns, "stop": stop, "verdict": verdict, **fields}
    return Conversation(key=f"{name}/agent/1", case_id=name, agent="agent", **fields)


def correction(turn=1):
    return Release(index=0, fact="markets are closed", kind="correction", turn=turn, quote="5,021 right now")


def test_each_conversation_is_counted_once_and_only_some_make_the_rate():
    """Void, assisted, forked and unfinished conversations stand beside the rate, never in it."""
    summary = summarise(
        [
            conversation("a", "goal_reached", turns=2, seconds=1.0, usage={"user": Usage(calls=2, input_tokens=9)}),
            conversation("b", "max_turns", turns=4, seconds=3.0, released=(correction(), correction(2))),
            conversation("c", "model_error", released=(correction(),), usage={"user": Usage(calls=1, cost=None)}),
            conversation("d", "goal_reached", speaker="operator", released=(correction(),)),
            conversation("e", "goal_reached", origin=Origin(key="a/agent/1", turn=1), released=(correction(),)),
            conversation("f", "cancelled", speaker="operator"),
            conversation("g"),
            conversation("h", "user_ended", verdict="reached", turns=6),
        ]
    )

    assert summary.model_dump() == snapshot(
        {
            "total": 8,
            "reached": 2,
            "not_reached": 1,
            "void": 1,
            "assisted": 2,
            "forked": 1,
            "unfinished": 1,
            "rate": 0.6666666666666666,
            "low": 0.20765960080204782,
            "high": 0.9385080552796038,
            "corrections": 3,
            "mean_turns": 4.0,
            "by_stop": {"goal_reached": 2, "max_turns": 1, "model_error": 1, "cancelled": 1, "user_ended": 1},
            "agent_p50": 1.0,
            "agent_p95": 3.0,
            "usage": {
                "user": {
                    "calls": 3,
                    "input_tokens": 9,
                    "output_tokens": 0,
                    "cached_tokens": 0,
                    "cost": None,
                    "seconds": 0.0,
                }
            },
        }
    )
    assert summary.cost is None


def test_a_run_in_which_nothing_counts_has_no_rate():
    """Without a counted conversation rate, interval and turns are unknown, not zero."""
    summary = summarise([conversation("a", "cancelled", messages=())])

    assert (summary.void, summary.rate, summary.low, summary.high, summary.mean_turns) == (1, None, None, None, None)
    assert (summary.agent_p50, summary.agent_p95) == (None, None)


def ends(*counts):
    """The interval of cases of so many reached and trials."""
    return reach_interval(
        (str(case), trial < hits) for case, (hits, trials) in enumerate(counts) for trial in range(trials)
    )


def wilsons(hits, of):
    found = binomtest(hits, of).proportion_ci(method="wilson")
    return pytest.approx((found.low, found.high), abs=1e-9)


@pytest.mark.parametrize(("hits", "of"), [(0, 1), (1, 1), (0, 20), (3, 7), (17, 40), (500, 500), (1, 5000)])
def test_the_interval_of_one_trial_a_case_is_wilsons(hits, of):
    """With one trial a case nothing is alike: the interval is Wilson's, as SciPy gives it."""
    assert ends(*[(1, 1)] * hits, *[(0, 1)] * (of - hits)) == wilsons(hits, of)


def test_trials_that_all_come_out_alike_count_once_a_case():
    """Four trials of a case that always agree say no more than one, and a run without a failure no more than that."""
    assert ends(*[(4, 4)] * 16, *[(0, 4)] * 8) == wilsons(16, 24)
    assert ends(*[(4, 4)] * 12) == wilsons(12, 12)
    assert ends((3, 3)) == wilsons(1, 1)


def test_trials_that_are_not_alike_count_each():
    """Where every case has the same share the interval is as narrow as that of independent trials, never narrower."""
    assert ends(*[(2, 4)] * 24) == wilsons(48, 96)


def test_trials_that_are_somewhat_alike_stand_between():
    """The interval is wider than of independent trials and narrower than of one trial a case, void trials or not."""
    low, high = ends(*[(4, 4)] * 8, *[(2, 4), (3, 4), (1, 4), (2, 3)] * 2, *[(0, 4), (0, 2)] * 2)
    trials, cases = binomtest(48, 74).proportion_ci(method="wilson"), binomtest(13, 20).proportion_ci(method="wilson")

    assert cases.low < low < trials.low < trials.high < high < cases.high


@pytest.mark.parametrize(("cases", "trials"), [(12, 4), (24, 4), (100, 4)])
@pytest.mark.parametrize("alike", [0.0, 0.4])
@pytest.mark.parametrize("rate", [0.5, 0.8, 0.95])
def test_the_interval_holds_the_true_rate_as_often_as_it_says(cases, trials, alike, rate):
    """Of 2,000 simulated runs at least .94 of the 95 % intervals hold the true rate, however alike trials are."""
    found = coverage.rate_covers(cases=cases, trials=trials, rate=rate, alike=alike, runs=2000)

    assert found.covers >= 0.94 - 2 * found.error


def test_no_runs_no_interval():
    """Without an outcome there are no ends."""
    assert ends() is None


@pytest.mark.parametrize(("at", "expected"), [(0.5, 3.0), (0.95, 9.4), (0.0, 1.0), (1.0, 11.0)])
def test_percentiles_are_interpolated(at, expected):
    """Between two values the percentile lies where its place does."""
    assert percentile([1.0, 2.0, 3.0, 3.0, 11.0], at=at) == pytest.approx(expected)
