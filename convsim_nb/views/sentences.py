"""What happened in a run, said in sentences: the same in a terminal, a notebook and the report."""

from collections import Counter
from collections.abc import Mapping, Sequence

from convsim_nb.analysis.failures import STOPPED, WHOSE, FailureGroup
from convsim_nb.analysis.summary import RunSummary, summarise
from convsim_nb.domain.conversation import Spender, Usage
from convsim_nb.domain.errors import UNRECORDED
from convsim_nb.domain.state import RunState
from convsim_nb.views.failures import failures_by_rule
from convsim_nb.views.words import (
    STAND_IN,
    STOPS,
    clock_words,
    count,
    joined,
    money,
    percent,
    seconds_words,
    stand_ins,
    tokens,
)


def sentences(state: RunState, *, failures: Sequence[FailureGroup] | None = None) -> list[str]:
    """All of them, the reach rate first; `failures` are by rules alone where they are not given."""
    summary = summarise(state.conversations)
    said = [
        rate_sentence(summary),
        apart_sentence(summary),
        corrections_sentence(state),
        stops_sentence(summary),
        whose_sentence(failures_by_rule(state) if failures is None else failures),
        effort_sentence(state, summary),
        retries_sentence(state),
        stand_in_sentence(state),
        *trouble_sentences(state),
    ]
    return [each for each in said if each]


def run_title(state: RunState) -> str:
    """The run's name, or its id."""
    return state.run_name or state.run_id or "this run"


def run_titles(states: Sequence[RunState]) -> list[str]:
    """The runs' titles; those that are the same are told apart by their agents' hashes, else by the end of the ids."""
    titles = [run_title(state) for state in states]
    alike = [[one for title, one in zip(titles, states, strict=True) if title == mine] for mine in titles]
    return [
        title if len(same) == 1 else f"{title} ({_mark(state, same)})"
        for title, state, same in zip(titles, states, alike, strict=True)
    ]


def _mark(state: RunState, alike: Sequence[RunState]) -> str:
    """What only this run has among those of one title."""
    hashes = [_hash(each) for each in alike]
    is_enough = all(hashes) and len(set(hashes)) == len(hashes)
    return _hash(state) if is_enough else state.run_id.rpartition("-")[2]


def _hash(state: RunState) -> str:
    return state.agent.source_hash[:7] if state.agent else ""


def rate_sentence(summary: RunSummary) -> str:
    """The reach rate with its interval."""
    if not summary.counted:
        return f"No reach rate: none of {count(summary.total, 'conversation')} counts."
    of = f"{summary.reached:,} of {count(summary.counted, 'conversation')} reached the goal"
    sure = f"95% interval {percent(summary.low)} to {percent(summary.high)}"
    return f"{of}: {percent(summary.rate)} ({sure})."


def apart_sentence(summary: RunSummary) -> str:
    """What stands outside the rate; the void count is said even where it is 0."""
    why = " (the simulation failed or was cut off: that says nothing about the agent)" if summary.void else ""
    apart = [f"{summary.void:,} void{why}"]
    if summary.assisted:
        apart.append(f"{summary.assisted:,} assisted by a person")
    if summary.forked:
        apart.append(f"{summary.forked:,} forked or run again")
    if summary.unfinished:
        apart.append(f"{summary.unfinished:,} not ended yet")
    return f"Outside the rate: {joined(apart)}."


def corrections_sentence(state: RunState) -> str:
    """How often the agent had to be corrected; empty where it never had."""
    corrected = [each for each in state.conversations if each.origin is None and not each.assisted and each.corrections]
    if not corrected:
        return ""
    times = sum(each.corrections for each in corrected)
    often = "once" if times == 1 else f"{times:,} times"
    return f"The simulated user had to correct the agent {often}, in {count(len(corrected), 'conversation')}."


def stops_sentence(summary: RunSummary) -> str:
    """Why the conversations ended."""
    stops = [f"{number:,} {STOPS[stop]}" for stop, number in summary.by_stop.items()]
    return f"Why they ended: {', '.join(stops)}." if stops else ""


def whose_sentence(groups: Sequence[FailureGroup]) -> str:
    """Whose part it is that conversations fell short, with the most frequent reason; empty where none did."""
    stopped = sum(len(each.keys) for each in groups if each.reason.why == STOPPED)
    by_hand = f"Stopped before their end, and nobody's part: {stopped:,}." if stopped else ""
    groups = [each for each in groups if each.reason.why != STOPPED]
    if not groups:
        return by_hand
    whose = {name: sum(len(each.keys) for each in groups if each.reason.whose == name) for name in WHOSE}
    often = max(groups, key=lambda each: len(each.keys))
    parts = ", ".join(f"{name} {number:,}" for name, number in whose.items() if number)
    count_of = len(often.keys)
    most = f"; most often, {count_of:,} x: {often.reason.why}" if count_of > 1 else ""
    return " ".join(filter(None, [f"Whose part it is that some fell short: {parts}{most}.", by_hand]))


def effort_sentence(state: RunState, summary: RunSummary) -> str:
    """Time, turns, model calls, tokens and cost."""
    facts = []
    if summary.mean_turns is not None:
        facts.append(f"{summary.mean_turns:.1f} turns a conversation")
    if summary.agent_p50 is not None and summary.agent_p95 is not None:
        usual, slow = seconds_words(summary.agent_p50), seconds_words(summary.agent_p95)
        facts.append(f"the agent took {usual} for a reply (95% within {slow})")
    spent = sum(summary.usage.values(), Usage())
    if spent.calls:
        facts.append(f"{count(spent.calls, 'model call')}, {count(tokens(spent), 'token')}, {money(spent.cost)}")
    after = f"{'Stopped' if state.stopped else 'Ended'} after" if state.ended else "So far"
    return f"{after} {clock_words(state.seconds)}: {'; '.join(facts)}." if facts else ""


def retries_sentence(state: RunState) -> str:
    """How often the agent was called again: what it had done by then is done twice; empty where it never was."""
    retries = Counter(retry.error for each in state.conversations for retry in each.retries)
    if not retries:
        return ""
    times = retries.total()
    often = {1: "once", 2: "twice"}.get(times, f"{times:,} times")
    within = count(sum(bool(each.retries) for each in state.conversations), "conversation")
    ((error, _),) = retries.most_common(1)
    most = "after" if times == 1 else "most often after"
    return f"The agent was called again {often}, in {within}, {most} {error.rstrip('.')}."


def meter_words(spent: Mapping[Spender, Usage]) -> list[str]:
    """What the model calls took so far, a piece for each who made some: the agent, the user, the judge.

    An agent says itself what it takes, where it does.
    """
    order: tuple[Spender, ...] = ("agent", "user", "judge")
    return [
        f"{who} {count(tokens(spent[who]), 'token')}" + (f", {money(spent[who].cost)}" if spent[who].cost else "")
        for who in order
        if who in spent and tokens(spent[who])
    ]


def stand_in_sentence(state: RunState) -> str:
    """Who was played by the rule-based stand-in; empty where nobody was."""
    played = stand_ins(state.settings)
    return f"{joined(played).capitalize()}: {STAND_IN}." if played else ""


def trouble_sentences(state: RunState) -> list[str]:
    """Who failed while it listened to the run, and what else should be known with its results."""
    dropped = [
        f"{each.sink} heard no more of this run after {clock_words(each.at)}: {each.reason}" for each in state.dropped
    ]
    return [*dropped, *state.notices.values(), *unrecorded_sentences(state)]


def unended_sentences(state: RunState) -> list[str]:
    """For what is kept: that it is of a run which went on, or was cut off."""
    return [] if state.ended else ["This run has not ended: what stands here is what was done so far."]


def unrecorded_sentences(state: RunState) -> list[str]:
    """The first request that a recording had no reply to, with what changed in it."""
    found = [each for each in state.conversations if each.stop == "model_error" and UNRECORDED in each.detail]
    more = f" (and {len(found) - 1:,} more)" if len(found) > 1 else ""
    return [f"{found[0].key}: {found[0].detail.rstrip('.')}{more}."] if found else []
