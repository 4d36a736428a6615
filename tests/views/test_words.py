"""The words that stand for stops, verdicts, roles and amounts."""

from typing import get_args

import pytest
from inline_snapshot import snapshot

from convsim_nb.domain.conversation import Conversation, Origin, Status, Stop, Usage, Verdict
from convsim_nb.domain.events import RunSettings
from convsim_nb.domain.session import Message, MessageSource
from convsim_nb.views import words


def test_every_stop_verdict_and_status_has_a_word_and_a_sign():
    """None is left to colour, and none is shown by its name in the code."""
    assert set(words.STOPS) == set(get_args(Stop))
    assert {*get_args(Verdict), *get_args(Status)} - {"ended"} == set(words.SIGNS)
    assert not [each for each in words.STOPS.values() if "_" in each]
    assert [words.word(verdict) for verdict in get_args(Verdict)] == ["reached", "not reached", "void"]


def test_every_source_has_a_role_in_words():
    """Who spoke is said in words: a person is "you", a scripted message "fixed"."""
    roles = {
        source: [words.role_words(Message(role=role, content="x", source=source)) for role in ("user", "assistant")]
        for source in get_args(MessageSource)
    }

    assert roles == snapshot(
        {
            "recorded": ["user, recorded", "agent, recorded"],
            "simulated": ["simulated user", "agent"],
            "scripted": ["fixed", "agent, fixed"],
            "operator": ["you", "you"],
            "agent": ["simulated user", "agent"],
        }
    )


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 ms"), (0.14, "140 ms"), (1.24, "1.2 s"), (42.4, "42 s"), (125, "2:05"), (3723, "1:02:03")],
)
def test_a_duration_is_as_exact_as_one_reads_it(seconds, said):
    """Milliseconds below a second, a clock above a hundred."""
    assert words.seconds_words(seconds) == said


def test_amounts_are_said_with_their_unit():
    """Thousands are grouped, one is singular, and an unknown price is not shown as nothing."""
    assert [words.count(1, "turn"), words.count(1204, "turn")] == ["1 turn", "1,204 turns"]
    assert [words.money(cost) for cost in (0.0, 0.00042, 0.52, 1234.5, None)] == snapshot(
        ["$0.00", "$0.00042", "$0.52", "$1,234.50", "price unknown"]
    )
    assert [words.percent(share) for share in (None, 0.0, 0.876)] == ["–", "0%", "88%"]
    assert words.joined(["a", "b", "c"]) == "a, b and c"
    assert words.tokens(Usage(input_tokens=3, output_tokens=4)) == 7


def test_a_conversation_is_named_by_its_case_its_trial_and_its_origin():
    """Two trials of one case, and a fork, can be told apart, and who played a fork if it was another agent."""
    named = {"key": "refund/a/1", "case_id": "refund", "agent": "a"}
    other = {"key": "refund/a/1~1", "case_id": "refund", "agent": "b"}

    assert [
        words.label(Conversation(**named)),
        words.label(Conversation(**named, trial=2)),
        words.label(Conversation(**named, origin=Origin(key="k", turn=3))),
        words.label(Conversation(**named, origin=Origin(key="k", turn=0, how="again"))),
        words.label(Conversation(**other, origin=Origin(key="k", turn=3))),
        words.label(Conversation(**other, origin=Origin(key="k", turn=0, how="again"))),
    ] == snapshot(
        [
            "refund",
            "refund, trial 2",
            "refund, forked at turn 3",
            "refund, run again",
            "refund, forked at turn 3, by b",
            "refund, run again, by b",
        ]
    )


def test_the_stand_in_is_named_for_each_part_it_plays():
    """A run whose judge is a real model does not say that it was a stand-in."""
    assert words.stand_ins(RunSettings(user_model="demo:/rules", judge_model="demo:/rules")) == (
        "simulated user",
        "judge",
    )
    assert words.stand_ins(RunSettings(user_model="demo:/rules", judge_model="openai:/x")) == ("simulated user",)
    assert words.stand_ins(RunSettings(user_model="openai:/x", judge_model="openai:/x")) == ()
