"""Where a session is split: only where a model says so, and only where what it says holds."""

import pytest

from convsim_nb.domain.errors import ModelError
from convsim_nb.domain.session import Message
from convsim_nb.engine.split import Span, split
from convsim_nb.testing import ScriptedChat

TWO = (
    "I need to cancel my dentist appointment on Friday",
    "Done.",
    "thanks! and which restaurant has a terrace at the river",
    "Alder has one.",
    "ok thanks",
    "You are welcome.",
)
BOTH = {
    "goals": [
        {"wants": "cancel", "first": 0, "quote": "cancel my dentist appointment"},
        {"wants": "restaurant", "first": 2, "quote": "which restaurant has a terrace"},
    ]
}


async def spans_of(said, *answers):
    """The spans, the problem and the reasons that the model was given to answer again."""
    roles = ("user", "assistant") * len(said)
    messages = [Message(role=role, content=text) for role, text in zip(roles, said, strict=False)]
    given = iter(answers)
    chat = ScriptedChat(split=lambda _: next(given))
    found = await split(messages, said, chat=chat, report=lambda _: None)
    reasons = [m.content for request in chat.requests for m in request.messages[2:] if m.role == "user"]
    return [(span.first, span.last) for span in found.spans], found.problem, reasons


async def test_spans_are_contiguous_and_cover_the_session():
    """Each but the first begins with the user message that opens it."""
    assert await spans_of(TWO, BOTH) == ([(0, 1), (2, 5)], "", [])


@pytest.mark.parametrize(
    ("opening", "reason"),
    [
        ({"first": 3, "quote": "Alder"}, "first=3 is not the number of a user message"),
        ({"first": 9, "quote": "x"}, "first=9 is not the number of a user message"),
        ({"first": 0, "quote": "I need"}, "first=0 does not come after first=0"),
        ({"first": 2, "quote": "a terrace by the sea"}, "does not stand in message 2"),
        ({"first": 4, "quote": "ok thanks"}, "message 4 names nothing that was not spoken of before"),
    ],
)
async def test_a_proposal_that_does_not_hold_is_asked_again_with_the_reason(opening, reason):
    """No boundary without a user message that is quoted and that names a matter of its own."""
    wrong = {"goals": [BOTH["goals"][0], opening]}
    spans, problem, reasons = await spans_of(TWO, wrong, BOTH)

    assert (spans, problem) == ([(0, 1), (2, 5)], "")
    assert len(reasons) == 1
    assert reason in reasons[0]


async def test_what_never_holds_leaves_the_session_whole_and_says_so():
    """Biased to one goal: two cases out of one are worse than one out of two."""
    wrong = {"goals": [BOTH["goals"][0], {"first": 4, "quote": "ok thanks"}]}
    spans, problem, _ = await spans_of(TWO, wrong, wrong)

    assert spans == [(0, 5)]
    assert problem.startswith("left in one piece: the model gave no usable answer in 2 tries: message 4 names nothing")


async def test_a_model_that_fails_leaves_the_session_whole():
    """The next question will say whether it is the model or the question."""
    spans, problem, _ = await spans_of(TWO, ModelError("503"))

    assert (spans, problem) == ([(0, 5)], "left in one piece: 503")


async def test_nobody_is_asked_about_a_single_message():
    """One user message has one opening."""
    assert await spans_of(TWO[:2]) == ([(0, 1)], "", [])


async def test_a_greeting_of_the_agents_belongs_to_the_first_goal():
    """A session may begin with the agent."""
    messages = [Message(role="assistant", content="Hello!"), *(Message(role="user", content=text) for text in TWO[::2])]
    answer = {"goals": [{"first": 1, "quote": "dentist"}, {"first": 2, "quote": "restaurant"}]}
    chat = ScriptedChat(split=(answer,))
    found = await split(messages, [m.content for m in messages], chat=chat, report=lambda _: None)

    assert found.spans == (Span(0, 1), Span(2, 3))
