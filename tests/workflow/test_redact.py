"""`redact=`: what is kept of a run, and what its agent and models hear."""

import re

import pytest

import convsim_nb as cs
from convsim_nb.domain.errors import UsageError
from convsim_nb.testing import EventLog, ScriptedAgent, ScriptedChat

CASES = [
    {
        "case_id": "kettle",
        "goal": "Get a refund for order A-1893",
        "facts": ["Your card is 4111"],
        "context": {"customer": "C-7001"},
    }
]
QUIET = {"mlflow": False, "progress": False}


def no_numbers(text):
    """Takes ids out."""
    return re.sub(r"\b[A-Z]-\d+", "<id>", text)


def agent_hearing(heard):
    """An agent that keeps what it was told, and names an id in every reply."""

    def agent(messages, customer):
        heard.append(([one["content"] for one in messages], customer))
        return f"Order B-{len(messages)} of {customer} is found."

    return agent


def test_what_is_kept_is_redacted_and_what_is_said_is_not(tmp_path):
    """The agent hears its own words in truth; journal, report, frames and sinks have none of them."""
    heard, events = [], EventLog()
    agent = agent_hearing(heard)
    user = ScriptedChat(user=["My order is D-55", "And F-66?"])
    given = {"max_turns": 2, "guards": "off", "journal": tmp_path, "sinks": [events], **QUIET}
    run = cs.simulate(CASES, agent, user_model=user, redact=no_numbers, **given).wait()
    run.report(tmp_path / "report.html")
    (tmp_path / "told.txt").write_text(f"{run.to_frame().to_string()} {run.to_dict()} {events.events} {run.cases[0]!r}")

    assert heard[-1] == (["My order is D-55", "Order B-1 of <id> is found.", "And F-66?"], "<id>")
    assert [one.content for one in run.conversations[0].messages][:2] == [
        "My order is <id>",
        "Order <id> of <id> is found.",
    ]
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert re.findall(r"\b[A-Z]-\d+", path.read_text()) == [], path


def test_a_redacted_run_is_taken_up_with_the_same_function_alone(tmp_path):
    """Its cases were redacted when it was begun, and go on so; without the function it is refused."""
    given = {"journal": tmp_path, **QUIET}
    stopped = cs.simulate(
        CASES, agent_hearing([]), user_model=ScriptedChat.happy(), redact=no_numbers, max_tokens=1, **given
    ).wait()
    with pytest.raises(UsageError, match=r"was begun with redact 'function:no_numbers:"):
        cs.resume(stopped.run_id, agent=agent_hearing([]), user_model=ScriptedChat.happy(), force=False, **given)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"redact": "no_numbers"}, "redact='no_numbers': give a function from text to text"),
        ({"redact": no_numbers, "record": "x.jsonl"}, "redact and record are given"),
        ({"redact": lambda text: None}, "redact gave None for a text"),
    ],
)
def test_a_wrong_redact_is_refused_before_anything_is_played(options, words):
    """One line."""
    with pytest.raises(UsageError, match=re.escape(words)):
        cs.simulate(CASES, ScriptedAgent(), user_model=ScriptedChat.happy(), journal=False, **QUIET, **options)
