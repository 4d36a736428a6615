"""Runs and conversations as plain text: for terminals, job logs, and wherever there is no HTML."""

from collections.abc import Iterator

from convsim_nb.analysis.summary import RunSummary, summarise
from convsim_nb.domain.conversation import Conversation, GoalCheck, Usage
from convsim_nb.domain.session import Message, ToolCall
from convsim_nb.domain.state import RunState
from convsim_nb.views.hidden import visible
from convsim_nb.views.progress import TextProgress
from convsim_nb.views.turns import Round, rounds
from convsim_nb.views.width import one_line
from convsim_nb.views.words import (
    SIGNS,
    STAND_IN,
    STOPS,
    clock_words,
    count,
    joined,
    label,
    money,
    percent,
    pretty_json,
    role_words,
    seconds_words,
    stand_ins,
    standing,
    stop_words,
    tokens,
    word,
)

__all__ = ["TextProgress", "summary_lines", "transcript"]

_INDENT = "    "


def summary_lines(state: RunState) -> list[str]:
    """What happened in a run, in a few sentences."""
    summary = summarise(state.conversations)
    lines = [_rate_line(state, summary), *_stops_line(summary), *_apart_line(summary), *_corrections_line(state)]
    lines += _effort_line(state, summary)
    if played := stand_ins(state.settings):
        lines.append(f"{joined(played).capitalize()}: {STAND_IN}.")
    lines += [
        f"{drop.sink} heard no more of this run after {clock_words(drop.at)}: {drop.reason}" for drop in state.dropped
    ]
    return [one_line(line) for line in lines]


def _rate_line(state: RunState, summary: RunSummary) -> str:
    name = state.run_name or state.run_id or "this run"
    if not summary.counted:
        return f"{name}: no conversation counts, of {summary.total:,}; there is no reach rate."
    rate = f"{summary.reached:,} of {count(summary.counted, 'conversation')} reached the goal"
    return f"{name}: {rate}, {percent(summary.rate)} (95% interval {interval(summary)})."


def interval(summary: RunSummary) -> str:
    """The reach rate's 95 % interval: `66% to 95%`."""
    return f"{percent(summary.low)} to {percent(summary.high)}"


def _stops_line(summary: RunSummary) -> Iterator[str]:
    stops = [f"{STOPS[stop]} {number:,}" for stop, number in summary.by_stop.items()]
    if stops:
        yield f"Why they ended: {', '.join(stops)}."


def _apart_line(summary: RunSummary) -> Iterator[str]:
    """What stands outside the rate; the void count is said even where it is 0."""
    apart = [f"{summary.void:,} void (the simulation was at fault, or was cut off)"]
    if summary.assisted:
        apart.append(f"{summary.assisted:,} assisted by a person")
    if summary.forked:
        apart.append(f"{summary.forked:,} forked or run again")
    if summary.unfinished:
        apart.append(f"{summary.unfinished:,} not ended yet")
    yield f"Outside the rate: {', '.join(apart)}."


def _corrections_line(state: RunState) -> Iterator[str]:
    corrected = [each for each in state.conversations if each.origin is None and not each.assisted and each.corrections]
    if corrected:
        times = count(sum(each.corrections for each in corrected), "time")
        yield f"The simulated user had to correct the agent {times}, in {count(len(corrected), 'conversation')}."


def _effort_line(state: RunState, summary: RunSummary) -> Iterator[str]:
    facts = []
    if summary.mean_turns is not None:
        facts.append(f"{summary.mean_turns:.1f} turns a conversation")
    if summary.agent_p50 is not None and summary.agent_p95 is not None:
        slow, usual = seconds_words(summary.agent_p95), seconds_words(summary.agent_p50)
        facts.append(f"the agent answered in {usual} (95% within {slow})")
    spent = sum(summary.usage.values(), Usage())
    if spent.calls:
        facts.append(f"{count(spent.calls, 'model call')}, {count(tokens(spent), 'token')}, {money(spent.cost)}")
    if facts:
        after = f"{'Stopped' if state.stopped else 'Ended'} after" if state.ended else "So far"
        yield f"{after} {clock_words(state.at)}: {'; '.join(facts)}."


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
    detail = f": {one_line(conversation.detail)}" if conversation.detail else ""
    return f"End: {stop_words(conversation)}{detail}. {SIGNS[now]} {word(now)}"


def _round_lines(each: Round) -> Iterator[str]:
    yield f"Turn {each.number}" if each.number else "Before turn 1"
    for rejection in each.rejections:
        yield f"  [stopped by the guard {rejection.guard}: {one_line(rejection.reason)}] {one_line(rejection.text)}"
    for message in each.messages:
        yield from _message_lines(message)
    for release in each.released:
        proof = f', after "{one_line(release.quote)}"' if release.quote else ""
        yield f"  [{release.kind}] the user now knows: {one_line(release.fact)}{proof}"
    for check in each.checks:
        yield f"  [goal check] {check_words(check)}"


def check_words(check: GoalCheck) -> str:
    """What the judge said of a turn, with its evidence."""
    said = "reached" if check.reached else "not reached"
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
