"""The words and signs in which every picture says the same thing: no meaning is left to colour alone."""

import json
from collections.abc import Iterable
from typing import Literal

from pydantic import JsonValue

from convsim_nb.domain.conversation import Conversation, GoalCheck, Status, Stop, Usage, Verdict
from convsim_nb.domain.errors import OWN_CHECK
from convsim_nb.domain.events import RunSettings
from convsim_nb.domain.session import Message

Tone = Literal["good", "bad", "void", "live"]
"""How a result is to be coloured."""

SIGNS: dict[Verdict | Status, str] = {
    "reached": "✓",
    "not_reached": "✗",
    "void": "○",
    "waiting": "·",
    "running": "▸",
    "paused": "‖",
}
TONES: dict[Verdict | Status, Tone] = {"reached": "good", "not_reached": "bad", "void": "void"}
STOPS: dict[Stop, str] = {
    "goal_reached": "goal reached",
    "user_ended": "ended by the user",
    "max_turns": "out of turns",
    "agent_silent": "agent said nothing",
    "agent_error": "agent error",
    "agent_timeout": "agent timed out",
    "looped": "went in circles",
    "model_error": "model error",
    "simulator_broke": "simulator broke",
    "over_budget": "over budget",
    "cancelled": "cancelled",
}
SPENDERS = {"agent": "agent", "user": "simulated user", "judge": "judge", "distiller": "distiller"}
STAND_IN = "a rule-based stand-in, not a language model"


def standing(conversation: Conversation) -> Verdict | Status:
    """Its verdict, or what it is doing while it has none."""
    return conversation.verdict or conversation.status


def word(value: Verdict | Status) -> str:
    """A verdict or a status as people say it: `not reached`."""
    return value.replace("_", " ")


def stop_words(conversation: Conversation) -> str:
    """Why it ended; empty before the end."""
    if conversation.detail.startswith(OWN_CHECK):
        return "goal_check failed"
    return STOPS[conversation.stop] if conversation.stop else ""


def label(conversation: Conversation) -> str:
    """Its case, with the trial and the fork where there is one: `refund, trial 2, forked at turn 3, by mended`.

    Who played is said of a fork that another agent than the run's played.
    """
    parts = [conversation.case_id]
    if conversation.trial > 1:
        parts.append(f"trial {conversation.trial}")
    if conversation.origin is not None:
        forked = conversation.origin.how == "fork"
        parts.append(f"forked at turn {conversation.origin.turn}" if forked else "run again")
        if not conversation.key.startswith(f"{conversation.case_id}/{conversation.agent}/"):
            parts.append(f"by {conversation.agent}")
    return ", ".join(parts)


def role_words(message: Message, *, recorded: str = ", recorded") -> str:
    """Who said it; `recorded` is added where the message stood before turn 1."""
    agent = message.role == "assistant"
    match message.source:
        case "recorded":
            return ("agent" if agent else "user") + recorded
        case "scripted":
            return "agent, fixed" if agent else "fixed"
        case "operator":
            return "you"
        case "simulated" | "agent":
            return "agent" if agent else "simulated user"


def check_word(check: GoalCheck) -> str:
    """What a goal check comes to: content words of a judge that a fault of the agent bars are not reached."""
    if check.barred:
        return "not reached: barred by what the user has to object"
    return "reached" if check.reached else "not reached"


def seconds_words(seconds: float) -> str:
    """A duration: `140 ms`, `1.2 s`, `42 s`, `2:05`, `1:02:03`."""
    if seconds < 1:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 10:  # noqa: PLR2004 - from here on tenths say nothing
        return f"{seconds:.1f} s"
    return clock_words(seconds) if seconds >= 100 else f"{seconds:.0f} s"  # noqa: PLR2004 - two digits read at a glance


def clock_words(seconds: float) -> str:
    """A duration as on a clock: `0:42`, `1:02:03`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: `1 turn`, `1,204 turns`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def percent(share: float | None) -> str:
    """A fraction as a whole percentage; a dash where there is none."""
    return "–" if share is None else f"{share:.0%}"


def money(cost: float | None) -> str:
    """US dollars, with two digits that say something."""
    if cost is None:
        return "price unknown"
    return f"${cost:,.2f}" if cost == 0 or cost >= 0.1 else f"${cost:.2g}"  # noqa: PLR2004 - cents


def tokens(usage: Usage) -> int:
    """What went in and what came out."""
    return usage.input_tokens + usage.output_tokens


def joined(words: Iterable[str]) -> str:
    """A list in a sentence: `a, b and c`."""
    *most, last = [*words] or [""]
    return f"{', '.join(most)} and {last}" if most else last


def pretty_json(value: JsonValue) -> str:
    """Arguments or results of a tool as people read them: text as it is, anything else indented."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def stand_ins(settings: RunSettings | None) -> tuple[str, ...]:
    """Who was played by `demo:/rules` in this run: `simulated user`, `judge`."""
    if settings is None:
        return ()
    models = {"simulated user": settings.user_model, "judge": settings.judge_model}
    return tuple(who for who, model in models.items() if model.startswith("demo:/"))
