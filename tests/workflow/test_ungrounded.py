"""What an agent says that it cannot know."""

import pytest

from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.session import Message, ToolCall
from convsim_nb.workflow.ungrounded import ungrounded_specifics


def said(*replies, user="My order is A-18934, mail ann@example.org", tools=()):
    messages = [Message(role="user", content=user, source="simulated")]
    messages += [Message(role="assistant", content=text, source="agent", tool_calls=tuple(tools)) for text in replies]
    return Conversation(key="k", case_id="c", agent="a", messages=tuple(messages))


FOUND = ToolCall(name="find", arguments={"order": "A-18934"}, result={"total": 1234.5, "parcel": "PX-77120"})


@pytest.mark.parametrize(
    ("reply", "count"),
    [
        ("Your order A-18934 is in parcel PX-77120.", 0),
        ("The total is 1,234.50 EUR.", 0),
        ("Der Betrag ist 1.234,50 EUR.", 0),
        ("Your order A-18999 is on its way.", 1),
        ("I have sent 99.95 EUR to bob@example.org.", 2),
        ("It is done, thank you.", 0),
    ],
)
def test_ids_addresses_and_amounts_have_to_come_from_somewhere(reply, count):
    """From the user or a tool's result, however a number is written; what nobody named counts."""
    assert ungrounded_specifics(said(reply, tools=[FOUND])) == count


def test_what_was_said_once_is_counted_once():
    """An invention that is said again is the same invention."""
    assert ungrounded_specifics(said("It is B-99123.", "As I said, B-99123.", tools=[FOUND])) == 1


def test_without_tools_nothing_can_be_said():
    """Where no tool call is seen, what the agent looked up cannot be known."""
    assert ungrounded_specifics(said("Your order A-18999 is on its way.")) is None
