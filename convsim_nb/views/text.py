"""Runs and conversations as plain text: for terminals, job logs, and wherever there is no HTML."""

from collections.abc import Iterator

from convsim_nb.domain.conversation import Conversation, GoalCheck
from convsim_nb.domain.session import Message, ToolCall
from convsim_nb.domain.state import RunState
from convsim_nb.views.hidden import visible
from convsim_nb.views.progress import TextProgress
from convsim_nb.views.sentences import run_title, sentences
from convsim_nb.views.turns import Round, rounds
from convsim_nb.views.width import one_line
from convsim_nb.views.words import (
    SIGNS,
    check_word,
    count,
    label,
    pretty_json,
    role_words,
    seconds_words,
    standing,
    stop_words,
    word,
)

__all__ = ["TextProgress", "summary_lines", "transcript"]

_INDENT = "    "


def summary_lines(state: RunState) -> list[str]:
    """What happened in a run, in a few sentences; the first begins with the run's name."""
    first, *rest = sentences(state)
    return [one_line(line) for line in (f"{run_title(state)}: {first[:1].lower()}{first[1:]}", *rest)]


# --- one conversation ----------------------------------------------------------------


def transcript(conversation: Conversation) -> str:
    """A conversation to read: who said what, what was checked and released, and why it ended."""
    lines = [headline(conversation), ""]
    for each in rounds(conversation):
        lines += [*_round_lines(each), ""]
    lines.append(_end_line(conversation))
    return visible("\n".join(lines)) + "\n"


def headline(conversation: Conversation) -> str:
    """The verdict, the case, and how it went, in one line."""
    now = standing(conversation)
    facts = [stop_words(conversation), count(conversation.turns, "turn")]
    if conversation.corrections:
        facts.append(count(conversation.corrections, "correction"))
    if conversation.seconds is not None:
        facts.append(seconds_words(conversation.seconds))
    if conversation.assisted:
        facts.append("assisted")
    return one_line(f"{SIGNS[now]} {word(now)}: {label(conversation)} ({' · '.join(filter(None, facts))})")


def _end_line(conversation: Conversation) -> str:
    now = standing(conversation)
    if conversation.stop is None:
        return f"{SIGNS[now]} {word(now)}"
    detail = f": {one_line(conversation.detail).rstrip('.')}" if conversation.detail else ""
    return f"End: {stop_words(conversation)}{detail}. {SIGNS[now]} {word(now)}"


def _round_lines(each: Round) -> Iterator[str]:
    yield f"Turn {each.number}" if each.number else "Before turn 1"
    for rejection in each.rejections:
        yield f"  [stopped by the guard {rejection.guard}: {one_line(rejection.reason)}] {one_line(rejection.text)}"
    for message in each.messages:
        yield from _message_lines(message)
        if message.role == "user":
            yield from (f"  [doubted by the guard {one.guard}] {one_line(one.reason)}" for one in each.doubts)
            yield from (f"  [the agent was called again] {one_line(one.error)}" for one in each.retries)
    for release in each.released:
        proof = f', after "{one_line(release.quote)}"' if release.quote else ""
        yield f"  [{release.kind}] the user now knows: {one_line(release.fact)}{proof}"
    for check in each.checks:
        yield f"  [goal check] {check_words(check)}"


def check_words(check: GoalCheck) -> str:
    """What the judge said of a turn, with its evidence."""
    said = check_word(check)
    proof = f': "{one_line(check.evidence)}"' if check.evidence else ""
    return said + proof + (f" ({one_line(check.why)})" if check.why else "")


def _message_lines(message: Message) -> Iterator[str]:
    took = f" ({seconds_words(message.seconds)})" if message.seconds is not None else ""
    yield f"  {role_words(message)}{took}:"
    for call in message.tool_calls:
        yield from _call_lines(call)
    yield from _indented(message.content)


def _call_lines(call: ToolCall) -> Iterator[str]:
    took = f" ({seconds_words(call.seconds)})" if call.seconds is not None else ""
    yield f"{_INDENT}[tool {one_line(call.name)}{took}] {one_line(pretty_json(call.arguments))}"
    if call.error is not None:
        yield f"{_INDENT}  error: {one_line(call.error)}"
    elif call.result is not None:
        yield f"{_INDENT}  gave: {one_line(pretty_json(call.result))}"


def _indented(text: str) -> Iterator[str]:
    return (f"{_INDENT}{line}".rstrip() for line in visible(text).split("\n"))
