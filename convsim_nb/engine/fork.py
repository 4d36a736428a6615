"""A conversation begun again from one of its turns."""

from collections.abc import Collection

from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import Conversation, Origin
from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.session import Message
from convsim_nb.engine.ports import Agent
from convsim_nb.engine.trial import Known, Trial, new_session_id


def fork(
    conversation: Conversation,
    case: TestCase,
    *,
    turn: int,
    text: str | None = None,
    agent: Agent | None = None,
    agent_name: str = "",
    taken: Collection[str] = (),
) -> Trial:
    """The trial that goes on from a turn: what was said before it is given history, and what was known is known.

    `text` is what a person says in that turn; without it the simulated user speaks. `taken` are the keys
    that are in use.

    Raises:
        UsageError: the conversation has no such turn.
    """
    if not 1 <= turn <= conversation.turns:
        raise UsageError(f"{conversation.key} has no turn {turn}: it has {conversation.turns}")
    begins = _turn_begins(conversation, len(case.history), turn)
    before = conversation.messages[:begins]
    scripted = sum(message.source == "scripted" for message in before)
    replaced = text is not None and len(case.script) > scripted
    return Trial(
        key=_free(conversation.key, taken),
        case=case.edited(
            history=tuple(message.model_copy(update={"source": "recorded"}) for message in before),
            script=case.script[scripted + replaced :],
        ),
        agent=agent_name or conversation.agent,
        trial=conversation.trial,
        attempt=1,
        session_id=new_session_id(),
        origin=Origin(key=conversation.key, turn=turn, how="fork"),
        known=_known(conversation, len(case.history), turn),
        opening=text,
        played_by=agent,
    )


def again(conversation: Conversation, case: TestCase, *, taken: Collection[str] = ()) -> Trial:
    """The same trial once more, from its beginning."""
    return Trial(
        key=_free(conversation.key, taken),
        case=case,
        agent=conversation.agent,
        trial=conversation.trial,
        attempt=1,
        session_id=new_session_id(),
        origin=Origin(key=conversation.key, turn=0, how="again"),
    )


def _turn_begins(conversation: Conversation, given: int, turn: int) -> int:
    """The place of the message that opens a turn: the user's, but where given history ends with the user's."""
    played = conversation.messages[given:]
    opens = [given + n for n, message in enumerate(played) if _opens(message, first=n == 0)]
    return opens[turn - 1] if turn <= len(opens) else len(conversation.messages)


def _opens(message: Message, *, first: bool) -> bool:
    return message.role == "user" or first


def _known(conversation: Conversation, given: int, turn: int) -> tuple[Known, ...]:
    return tuple(
        Known(
            place=release.index,
            said=given if release.turn == 0 else _turn_begins(conversation, given, release.turn + 1),
            quote=release.quote,
        )
        for release in conversation.released
        if release.turn < turn
    )


def _free(key: str, taken: Collection[str]) -> str:
    root = key.partition("~")[0]
    number = 1
    while f"{root}~{number}" in taken:
        number += 1
    return f"{root}~{number}"
