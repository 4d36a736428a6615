"""The rule-based judge: is the goal answered, and by which words; which triggers fired?"""

from collections.abc import Sequence
from dataclasses import dataclass

from convsim_nb.demo.rules.goals import Part, parts
from convsim_nb.demo.rules.lexicon import lexicon
from convsim_nb.demo.rules.shapes import Sentence, read
from convsim_nb.demo.rules.specifics import marks
from convsim_nb.demo.rules.triggers import fires
from convsim_nb.demo.rules.words import count_words, language_of, stems
from convsim_nb.engine.judge import FiredReply, JudgeReply

_LONG = 40
"""Words from which a text that was asked for counts as written."""


@dataclass(frozen=True)
class Exchange:
    """One turn as the judge sees it."""

    user: str
    agent: str


@dataclass(frozen=True)
class Answer:
    """The agent's words that meet a goal, or a part of one."""

    quote: str
    turn: int


def judge(goal: str, exchanges: Sequence[Exchange], triggers: Sequence[tuple[int, str]]) -> JudgeReply:
    """The verdict on the conversation so far; `triggers` are the open ones, with their numbers."""
    fired = [FiredReply(trigger=number, quote=quote) for number, when in triggers if (quote := _fired(when, exchanges))]
    answer = answered(goal, exchanges)
    if answer:
        return JudgeReply(why="The agent's words answer the goal.", fired=fired, evidence=answer.quote, reached=True)
    return JudgeReply(why="Nothing that the agent said answers the goal.", fired=fired, reached=False)


def _fired(when: str, exchanges: Sequence[Exchange]) -> str:
    found = (fires(when, exchange.agent) for exchange in reversed(exchanges))
    return next((quote for quote in found if quote), "")


def answered(goal: str, exchanges: Sequence[Exchange]) -> Answer | None:
    """The answer to the last of the goal's parts, if all of them are answered."""
    found = [answer_to(part, exchanges) for part in parts(goal)]
    kept = [answer for answer in found if answer]
    return max(kept, key=lambda answer: answer.turn) if kept and len(kept) == len(found) else None


def answer_to(part: Part, exchanges: Sequence[Exchange]) -> Answer | None:
    """The newest answer to one part that was neither rejected by the user nor taken back by the agent."""
    heard = frozenset[str]()
    said = ""
    best = None
    for turn, exchange in enumerate(exchanges):
        said = f"{said} {exchange.user}"
        after = exchanges[turn + 1].user if turn + 1 < len(exchanges) else ""
        if rejects(after):
            continue
        told = [sentence for sentence in read(exchange.agent) if sentence.tells]
        heard |= frozenset[str]().union(*(sentence.stems for sentence in told))
        if quote := _answering(part, exchange.agent, heard=heard, said=said):
            best = Answer(quote, turn)
        elif best and _takes_back(part, exchange.agent):
            best = None
    return best


def rejects(message: str) -> bool:
    """Whether the user's message says that what came before it was wrong."""
    return bool(message) and lexicon(language_of(message)).has("user.reject", message.replace("’", "'"))


def _answering(part: Part, message: str, *, heard: frozenset[str], said: str) -> str:
    """The sentence that answers the part, or nothing."""
    told = read(message)
    if len(part.stems & heard) < part.needed and not _written(part, message):
        return ""
    if part.kind == "action":
        return _done(part, told, heard)
    if any(sentence.asks for sentence in told):
        return ""
    if part.kind == "create" and (_written(part, message) or "```" in message):
        return _most_alike(part, told)
    return _informing(part, told, said)


def _written(part: Part, message: str) -> bool:
    return part.kind == "create" and count_words(message) >= _LONG


def _done(part: Part, told: Sequence[Sentence], heard: frozenset[str]) -> str:
    """Where something is to be done, the agent says so, and nothing is left open."""
    if any(sentence.asks or sentence.offers or sentence.refuses for sentence in told):
        return ""
    done = [sentence for sentence in told if sentence.done and (part.stems & sentence.stems)]
    if part.marks and not any(mark in stem for mark in part.marks for stem in heard):
        return ""
    return done[-1].text if done else ""


def _informing(part: Part, told: Sequence[Sentence], said: str) -> str:
    """Where something is to be told, a sentence on the matter holds what the user had not said."""
    known, known_marks = stems(said, part.language), marks(said)
    whether = lexicon(part.language).has("user.whether", part.text)
    for sentence in told:
        alike = part.stems & sentence.stems
        if not alike:
            continue
        if whether and not sentence.asks and (sentence.does & {"yes", "no"}) and not sentence.evades:
            return sentence.text
        new = (marks(sentence.text) - known_marks) or len(sentence.stems - known) >= _new(part)
        if sentence.tells and not sentence.refuses and new:
            return sentence.text
    return ""


def _new(part: Part) -> int:
    return 3 if part.language == "zh" else 4


def _most_alike(part: Part, told: Sequence[Sentence]) -> str:
    tells = [sentence for sentence in told if not sentence.refuses] or list(told)
    return max(tells, key=lambda sentence: len(part.stems & sentence.stems)).text if tells else ""


def _takes_back(part: Part, message: str) -> bool:
    """A later word of the agent that the thing failed after all."""
    told = read(message)
    return any(sentence.refuses and part.stems & sentence.stems and sentence.tells for sentence in told)
