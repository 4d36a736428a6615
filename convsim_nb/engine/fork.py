"""A conversation begun again from one of its turns."""

from collections.abc import Collection

from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import Conversation, Origin
from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.session import Message
from convsim_nb.domain.state import RunState
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

    `case` is as the conversation was given it: see `case_of`. `text` is what a person says in that turn;
    without it the simulated user speaks. `taken` are the keys that are in use.

    Raises:
        UsageError: the conversation has no such turn.
    """
    if not 1 <= turn <= conversation.turns:
        raise UsageError(f"{conversation.key} has no turn {turn}: it has {conversation.turns}")
    return Trial(
        key=_free(conversation.key, taken),
        case=_cut_at(conversation, case, turn=turn, replaced=text is not None),
        agent=agent_name or conversation.agent,
        trial=conversation.trial,
        attempt=1,
        session_id=new_session_id(),
        origin=Origin(key=conversation.key, turn=turn, how="fork"),
        known=_known(conversation, len(case.history), turn),
        opening=text,
        played_by=agent,
    )


def again(
    conversation: Conversation,
    case: TestCase,
    *,
    agent: Agent | None = None,
    agent_name: str = "",
    taken: Collection[str] = (),
) -> Trial:
    """The same trial once more, from its beginning: that of a fork is the turn it was forked at.

    `case` is as the conversation was given it. Where a person opened a fork, the same words open it again.
    """
    forked = conversation.origin is not None
    return Trial(
        key=_free(conversation.key, taken),
        case=case,
        agent=agent_name or conversation.agent,
        trial=conversation.trial,
        attempt=1,
        session_id=new_session_id(),
        origin=Origin(key=conversation.key, turn=0, how="again"),
        known=_known(conversation, len(case.history), 1) if forked else (),
        opening=_opening(conversation, case) if forked else None,
        played_by=agent,
    )


def case_of(conversation: Conversation, state: RunState) -> TestCase:
    """The test case as a conversation was given it: a fork has more history than the stored case, and less script."""
    case, origin = state.cases[conversation.case_id], conversation.origin
    if origin is None or origin.key not in state.by_key:
        return case
    told = state.by_key[origin.key]
    before = case_of(told, state)
    if origin.how == "again":
        return before
    given = next((n for n, one in enumerate(conversation.messages) if one.source != "recorded"), None)
    replaced = given is not None and conversation.messages[given].source == "operator"
    return _cut_at(told, before, turn=origin.turn, replaced=replaced)


def _cut_at(conversation: Conversation, case: TestCase, *, turn: int, replaced: bool) -> TestCase:
    """The case of who goes on from a turn; `replaced` where a person's words stand for the scripted ones."""
    before = conversation.messages[: _turn_begins(conversation, len(case.history), turn)]
    scripted = sum(message.source == "scripted" for message in before)
    skipped = replaced and len(case.script) > scripted
    return case.edited(
        history=tuple(message.model_copy(update={"source": "recorded"}) for message in before),
        script=case.script[scripted + skipped :],
    )


def _opening(conversation: Conversation, case: TestCase) -> str | None:
    """What a person said first."""
    played = conversation.messages[len(case.history) :]
    return played[0].content if played and played[0].source == "operator" else None


def place_of(conversation: Conversation, case: TestCase, turn: int) -> int:
    """The place of the message that opens a turn; `case` is as the conversation was given it."""
    return _turn_begins(conversation, len(case.history), turn)


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
