"""What the user of a recorded session said only in reaction to the agent."""

import re
from collections.abc import Sequence

from convsim_nb.demo.rules.lexicon import lexicon
from convsim_nb.demo.rules.shapes import Sentence, read
from convsim_nb.demo.rules.specifics import names, specifics
from convsim_nb.demo.rules.transcript import Said, Transcript
from convsim_nb.demo.rules.voice import raised, third_person
from convsim_nb.demo.rules.words import count_words, sentences, stems
from convsim_nb.engine.distill import Sourced, WithheldReply

_MOST = 4
_LONGEST = 40
_TOPIC = 5


def withheld_of(talk: Transcript) -> list[WithheldReply]:
    """The corrections and afterthoughts of the session, each with what came before it."""
    found = (_withheld(said, talk) for said in talk.user[1:] if talk.corrects(said))
    return [entry for entry in found if entry][:_MOST]


def _withheld(said: Said, talk: Transcript) -> WithheldReply | None:
    before = talk.before(said)
    fact = _objection(said, talk)
    if before is None or not fact:
        return None
    shown = _shown(read(before.text))
    if shown is None:
        return None
    plain = said.text.replace("’", "'")
    kind = "afterthought" if talk.lexicon.has("user.hindsight", plain) else "answer" if shown.asks else "correction"
    return WithheldReply(
        fact=raised(third_person(_alone(fact, talk), talk.language)) + talk.lexicon.case["stop"],
        after=after_of(shown, said, talk),
        kind=kind,
        message=said.n,
        quote=fact,
        after_message=before.n,
        after_quote=shown.text,
    )


def _objection(said: Said, talk: Transcript) -> str:
    """The sentence that says what is otherwise: of those that correct, the one with most to it."""
    told = [
        text for text in sentences(said.text) if len(stems(text, talk.language)) > 0 and count_words(text) <= _LONGEST
    ]
    shapes = ("user.correct", "user.reject", "user.hindsight")
    correcting = [text for text in told if any(talk.lexicon.has(shape, text.replace("’", "'")) for shape in shapes)]
    return max(correcting or told, key=lambda text: len(stems(text, talk.language)), default="")


def _alone(text: str, talk: Transcript) -> str:
    alone = talk.lexicon.cut("objecting", " ".join(text.split()))
    asking = alone.endswith(("?", "？"))
    return (talk.lexicon.cut("lead", alone) if asking else alone).rstrip(".。!?？ ")


def _shown(told: Sequence[Sentence]) -> Sentence | None:
    """The sentence of the agent's that the user reacts to: the one that states most."""
    stating = [sentence for sentence in told if sentence.tells and sentence.stems] or [s for s in told if s.stems]
    return max(stating, key=lambda sentence: len(sentence.stems), default=None)


def after_of(shown: Sentence, said: Said, talk: Transcript) -> str:
    """What the agent did, in words that fit another conversation: no numbers, no names."""
    case = talk.lexicon.case
    about = _topic(shown)
    if not about:
        return case["any"]
    act = "asks" if shown.asks else "refuses" if shown.refuses else "done" if shown.done else "states"
    if act == "states" and "current" in shown.does and "past" not in shown.does:
        act = "states_current"
    other = case["other"] if _names_another(shown, said, talk) else ""
    return f"{case[act].format(topic=about)}{other}"


def _names_another(shown: Sentence, said: Said, talk: Transcript) -> bool:
    """Whether the user corrects an id, a date, a time that the agent had got wrong."""
    earlier = " ".join(other.text for other in talk.user if other.n < said.n)
    wanted = {kind for kind, _ in specifics(said.text)} - {"name"}
    wrong = {kind for kind, value in specifics(shown.text) if value not in earlier}
    return not shown.asks and bool(wanted & wrong)


def _topic(shown: Sentence) -> str:
    """What the sentence is about: the kinds of things in it, then its first words with matter in them."""
    known = lexicon(shown.language)
    kinds = known.kin_words(shown.text)
    if shown.language == "zh":
        return "、".join([*kinds[:2], re.sub(r"[^一-鿿]+", "", shown.text)[: 0 if kinds else 12]]).strip("、")
    own = {part.casefold() for name in names(shown.text) for part in name.split()}
    plain = known.patterns["shapes.current"].sub(" ", shown.text)
    kept = [
        word.casefold()
        for word in re.findall(r"[^\W\d_]{3,}", plain)
        if stems(word, shown.language) and word.casefold() not in own and not word.isupper()
    ]
    return ", ".join(list(dict.fromkeys([*kinds[:2], *kept]))[:_TOPIC])


def expectations_of(talk: Transcript, *, withheld: Sequence[WithheldReply]) -> list[Sourced]:
    """At most one: what the agent should have known, where the user corrected a statement."""
    found = [entry for entry in withheld if entry.kind == "correction"][:1]
    told = talk.lexicon.case["expects"]
    return [Sourced(text=told.format(fact=entry.fact), message=entry.message, quote=entry.quote) for entry in found]
