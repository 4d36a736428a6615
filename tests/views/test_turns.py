"""A conversation by its turns."""

from convsim_nb.domain.conversation import Conversation, GoalCheck, Rejection, Release
from convsim_nb.domain.session import Message
from convsim_nb.views.turns import rounds


def user(text, source="simulated"):
    return Message(role="user", content=text, source=source)


def agent(text, source="agent"):
    return Message(role="assistant", content=text, source=source)


def talk(*messages, **beside):
    return Conversation(key="k", case_id="c", agent="a", messages=messages, **beside)


def shape(conversation):
    return [(each.number, [message.content for message in each.messages]) for each in rounds(conversation)]


def test_history_is_turn_0_and_each_user_message_opens_a_turn():
    """Scripted messages and those of a person open turns too."""
    told = talk(
        user("a", "recorded"),
        agent("b", "recorded"),
        user("c", "scripted"),
        agent("d"),
        user("e", "operator"),
        agent("f"),
    )

    assert shape(told) == [(0, ["a", "b"]), (1, ["c", "d"]), (2, ["e", "f"])]


def test_the_answer_to_history_is_turn_1():
    """Where history ends with a user's message, the agent answers it as turn 1."""
    told = talk(user("a", "recorded"), agent("b"), user("c"), agent("d"))

    assert shape(told) == [(0, ["a"]), (1, ["b"]), (2, ["c", "d"])]


def test_what_was_said_beside_a_turn_stands_in_it():
    """Rejections, releases and checks go to their turn, also to one in which nobody was heard."""
    check = GoalCheck(reached=False, turn=1)
    release = Release(index=0, fact="f", kind="answer", turn=1)
    rejection = Rejection(turn=2, text="t", guard="g", reason="r")
    told = talk(user("a"), agent("b"), checks=(check,), released=(release,), rejections=(rejection,))

    first, second = rounds(told)
    assert (first.checks, first.released, first.rejections) == ((check,), (release,), ())
    assert (second.number, second.messages, second.rejections) == (2, (), (rejection,))
