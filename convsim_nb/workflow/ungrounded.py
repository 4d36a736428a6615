"""What an agent says that it cannot know: ids, addresses and amounts that stand in no message and no tool's result."""

import json
import re

from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.quotes import plain
from convsim_nb.engine.guard.exact import ids

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_CURRENCY = r"(?:[$€£¥元]|(?:eur|euros?|usd|dollars?|gbp|pounds?|chf|rmb|yuan)\b)"
_AMOUNT = re.compile(
    rf"{_CURRENCY}\s?(?P<after>{_NUMBER.pattern})|(?P<before>{_NUMBER.pattern})\s?{_CURRENCY}", re.IGNORECASE
)


def ungrounded_specifics(conversation: Conversation) -> int | None:
    """Ids, addresses and amounts in the agent's replies that neither the user nor a tool had named before.

    None where no tool call is known: what the agent looks up cannot be seen then. An amount that the agent
    reckoned itself counts as ungrounded.
    """
    if not any(message.tool_calls for message in conversation.messages):
        return None
    known, found = "", 0
    for message in conversation.messages:
        known += "".join(
            f" {json.dumps([call.arguments, call.result, call.error], ensure_ascii=False, default=str)}"
            for call in message.tool_calls
        )
        if message.source == "agent":
            found += sum(not _is_in(one, known) for one in specifics(message.content))
        known += f" {message.content}"
    return found


def specifics(text: str) -> tuple[str, ...]:
    """The ids, addresses and amounts in a text, each once."""
    amounts = [found["after"] or found["before"] for found in _AMOUNT.finditer(text)]
    return tuple(dict.fromkeys([*ids(text), *amounts]))


def _is_in(specific: str, known: str) -> bool:
    if plain(specific) in plain(known):
        return True
    if not _NUMBER.fullmatch(specific):
        return False
    wanted = _values(specific)
    return any(wanted & _values(number) for number in _NUMBER.findall(known))


def _values(number: str) -> set[str]:
    """What a number may mean: a comma or point before one or two last digits, or else between thousands."""
    whole, sign, last = number.replace(",", ".").rpartition(".")
    digits = number.replace(",", "").replace(".", "")
    fraction = f"{whole.replace('.', '')}.{last.rstrip('0')}".rstrip(".") if sign else digits
    return {digits, fraction} if len(last) == 3 or not sign else {fraction}  # noqa: PLR2004 - thousands
