"""The rule-based judge: is the goal answered, and by which words; which triggers fired?"""

from collections.abc import Sequence
from dataclasses import dataclass

from convsim_nb.demo.rules.goals import Part, parts
from convsim_nb.demo.rules.lexicon import lexicon
from convsim_nb.demo.rules.shapes import Sentence, read
from convsim_nb.demo.rules.specifics import marks, names
from convsim_nb.demo.rules.triggers import fires
from convsim_nb.demo.rules.words import count_words, language_of, stems
from convsim_nb.engine.judge import FiredReply, JudgeReply

_STATES = ("open_now", "shut")
"""What a thing that one asks for is: open, free, to be had; or not."""
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
    """The words of the newest message that shows what `when` describes."""
    for turn in range(len(exchanges) - 1, -1, -1):
        said = " ".join(exchange.user for exchange in exchanges[: turn + 1])
        if quote := fires(when, exchanges[turn].agent, said):
            return quote
    return ""


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
        spoken = [sentence for sentence in read(exchange.agent) if not sentence.evades]
        heard |= frozenset[str]().union(*(sentence.stems | sentence.meets(part.stems) for sentence in spoken))
        if quote := _answering(part, exchange, heard=heard, said=said):
            best = Answer(quote, turn)
        elif best and _takes_back(part, exchange.agent):
            best = None
    return best


def rejects(message: str) -> bool:
    """Whether the user's message says that what came before it was wrong."""
    return bool(message) and lexicon(language_of(message)).has("user.reject", message.replace("’", "'"))


def _answering(part: Part, exchange: Exchange, *, heard: frozenset[str], said: str) -> str:
    """The sentence of the agent's newest message that answers the part, or nothing."""
    told = read(exchange.agent)
    if part.kind in ("action", "have") and (quote := _done(part, told, heard)):
        return quote
    open_offer = part.kind == "have" and any(sentence.offers for sentence in told)
    if part.kind == "action" or open_offer or any(sentence.asks for sentence in told):
        return ""
    if part.kind == "create" and _written(part, exchange.agent):
        return _most_alike(part, told)
    return _informing(part, told, heard=heard, said=said)


def _written(part: Part, message: str) -> bool:
    on_matter = part.stems & stems(message, part.language)
    return count_words(message) >= _LONG and bool(on_matter & frozenset(part.heads) or len(on_matter) > 1)


def _done(part: Part, told: Sequence[Sentence], heard: frozenset[str]) -> str:
    """Where something is to be done, the agent says so, and nothing is left open."""
    if any(sentence.asks or sentence.offers for sentence in told) or (part.ids and not part.ids & heard):
        return ""
    done = [
        at
        for at, sentence in enumerate(told)
        if sentence.done and _by_verb(sentence, part) and not _names_another(sentence, part)
    ]
    on_matter = [at for at in done if _concerns(told[at], part, heard)]
    # "Your booking was successful" answers too, where all of the matter was spoken of before.
    shared = len(part.stems & heard)
    spoken_of = part.kind == "action" and shared > 1 and shared * 3 >= len(part.stems) * 2
    as_wanted = [at for at, sentence in enumerate(told) if _as_wanted(sentence, part)]
    found = (on_matter or as_wanted or (done if spoken_of else []))[-1:]
    taken_back = any(_refused(sentence, part) for at in found for sentence in told[at + 1 :])
    return told[found[0]].text if found and not taken_back else ""


def _as_wanted(sentence: Sentence, part: Part) -> bool:
    """Whether a sentence states the thing as it was to be: "Your order is 680.00 a month" after "change it to 680"."""
    target = {value for value in part.stems if value[:1].isdigit()}
    concerned = sentence.meets(frozenset(part.heads)) - target
    return bool(
        part.kind == "action" and sentence.tells and not sentence.refuses and concerned and target & sentence.stems
    )


def _by_verb(sentence: Sentence, part: Part) -> bool:
    """Whether what was done is what was to be done: a confirmed reservation is no answer to "cancel it"."""
    return not part.verb or part.verb in sentence.stems or "neutral" in sentence.does


def _names_another(sentence: Sentence, part: Part) -> bool:
    """Whether a sentence names somebody or something, and nothing of what the part names."""
    named = stems(" ".join(names(sentence.text)), part.language) - lexicon(part.language).known_nouns
    return bool(part.names and named and not named & part.names)


def _concerns(sentence: Sentence, part: Part, heard: frozenset[str]) -> bool:
    """Whether a sentence is on the matter of the part."""
    if part.deed and part.deed in sentence.stems:
        return True
    if _names_a_rival(sentence, part):
        return False
    found = sentence.meets(part.stems) - {part.verb}
    on_head = bool(found & frozenset(part.heads)) if part.heads else bool(found)
    return on_head or (part.kind == "action" and bool(found) and part.met_by(part.stems & heard))


def _refused(sentence: Sentence, part: Part) -> bool:
    return sentence.refuses and bool(sentence.meets(frozenset(part.heads)))


def _informing(part: Part, told: Sequence[Sentence], *, heard: frozenset[str], said: str) -> str:
    """Where something is to be told: a message on the matter that holds what the user had not said."""
    known, known_marks = stems(said, part.language), marks(said)
    if known & part.stems and (settled := [sentence for sentence in told if _settles(sentence, part)]):
        return settled[0].text
    telling = [sentence for sentence in told if sentence.tells and not sentence.refuses]
    if lexicon(part.language).has("user.whether", part.text):
        telling += [sentence for sentence in told if sentence.does & {"yes", "no"} and not sentence.evades]
    on_matter = [sentence for sentence in telling if _near(sentence, part)]
    if not part.met_by(part.stems & heard) or len(part.names & heard) * 2 < len(part.names) or part.called - heard:
        return ""
    news = [
        sentence
        for sentence in telling
        if marks(sentence.text) - known_marks
        or len(sentence.stems - known) >= _new(part)
        or sentence.does & {"yes", "no"}
    ]
    both = [sentence for sentence in on_matter if sentence in news]
    return (both or on_matter)[0].text if on_matter and news else ""


def _near(sentence: Sentence, part: Part) -> bool:
    """Whether a sentence names the head of the part, or two things of it."""
    if _names_a_rival(sentence, part):
        return False
    found = sentence.meets(part.stems)
    return bool(found & frozenset(part.heads)) or len(found) > 1 or bool(found and not part.heads)


def _settles(sentence: Sentence, part: Part) -> bool:
    """Whether it says open or shut where the part asks whether something is open: either is an answer."""
    known = lexicon(part.language)
    asks = known.has("user.whether", part.text) or part.text.endswith(("?", "？"))
    wanted = any(known.has(f"shapes.{pole}", part.text) for pole in _STATES)
    return asks and wanted and sentence.tells and any(pole in sentence.does for pole in _STATES)


def _names_a_rival(sentence: Sentence, part: Part) -> bool:
    """Whether a sentence calls its amount something else than what is asked for: a refund, and no balance."""
    if part.kind == "action":  # what is to be done is known by its verb, and may name several amounts
        return False
    known = lexicon(part.language)
    wanted, named = known.amounts_in(part.text), known.amounts_in(sentence.text)
    return bool(wanted and named and not wanted & named)


def _new(part: Part) -> int:
    return 3 if part.language == "zh" else 4


def _most_alike(part: Part, told: Sequence[Sentence]) -> str:
    tells = [sentence for sentence in told if not sentence.refuses] or list(told)
    return max(tells, key=lambda sentence: (len(sentence.meets(part.stems)), len(sentence.text))).text if tells else ""


def _takes_back(part: Part, message: str) -> bool:
    """A later word of the agent that the thing failed after all."""
    told = read(message)
    return any(sentence.refuses and sentence.meets(part.stems) and sentence.tells for sentence in told)
