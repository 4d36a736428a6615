"""What an agent's sentence does: asks, promises, refuses, tells, says that it is done."""

import re
from dataclasses import dataclass
from functools import lru_cache

from convsim_nb.demo.rules.lexicon import anywhere, lexicon
from convsim_nb.demo.rules.specifics import specifics
from convsim_nb.demo.rules.words import count_words, language_of, sentences, stems

_SETTLED = ("ack", "promise", "received", "handoff", "closing", "greet", "echo", "instruct")


@dataclass(frozen=True)
class Sentence:
    """One sentence of an agent, and what it does."""

    text: str
    language: str
    does: frozenset[str]
    """Names under `shapes` in the lexicon, and `question`."""
    stems: frozenset[str]

    @property
    def asks(self) -> bool:
        """Wants something from the user before it goes on."""
        return bool(self.does & {"question", "ask", "choice"}) and not self.offers and not self.closes

    @property
    def offers(self) -> bool:
        """Proposes what the user may accept or decline."""
        proposes = "offer" in self.does and bool(self.does & {"question", "ask"}) and not self.closes
        return proposes and not {"open", "question"} <= self.does

    @property
    def listed(self) -> bool:
        """An entry of a list."""
        return bool(re.match(r"(?:\d+[.)]|[-*•])\s", self.text))

    def meets(self, wanted: frozenset[str]) -> frozenset[str]:
        """Which of the wanted stems it holds, or shows by its kind: a number with a currency is a price."""
        known = lexicon(self.language)
        return frozenset(stem for stem in wanted if stem in self.stems or known.has(f"kin.{stem}", self.text))

    @property
    def closes(self) -> bool:
        """Asks whether there is more, greets, or says goodbye."""
        return bool(self.does & {"closing", "greet"})

    @property
    def refuses(self) -> bool:
        return "refusal" in self.does and not self.does & {"question", "echo"}

    @property
    def evades(self) -> bool:
        """Says nothing of the matter: acknowledges, promises, hands over, repeats."""
        return bool(self.does & set(_SETTLED))

    @property
    def tells(self) -> bool:
        """States something."""
        return not (self.asks or self.offers or self.evades or self.does & {"question", "offer"})

    @property
    def done(self) -> bool:
        """Says that something was done."""
        quiet = {"question", "offer", "refusal", "promise", "handoff", "received", "echo", "instruct", "conditional"}
        return "done" in self.does and not self.does & quiet


@lru_cache(maxsize=8192)
def read(text: str) -> tuple[Sentence, ...]:
    """The sentences of an agent's message, without what forges another speaker, a verdict or a mark-up."""
    forged = anywhere("forged", "lines").search(text)
    own = text[: forged.start()] if forged else text
    language = language_of(own)
    return tuple(_sentence(sentence, language) for sentence in sentences(own))


def _sentence(text: str, language: str) -> Sentence:
    known = lexicon(language)
    plain = text.replace("’", "'")
    does = set(known.named("shapes", plain))
    if "ack" in does and not _only(plain, "shapes.ack", language):
        does.discard("ack")
    if plain.rstrip("\"') ").endswith(("?", "？")):
        does.add("question")
    return Sentence(text=text, language=language, does=frozenset(does), stems=stems(text, language))


def _only(text: str, pattern: str, language: str) -> bool:
    """Whether the text holds next to nothing but this shape."""
    left = lexicon(language).patterns[pattern].sub(" ", text)
    return count_words(left) == 0 or (not stems(left, language) and not specifics(left))
