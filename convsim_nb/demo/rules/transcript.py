"""A recorded session as the distiller reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from convsim_nb.demo.rules.lexicon import Lexicon, lexicon
from convsim_nb.demo.rules.shapes import Sentence, read
from convsim_nb.demo.rules.words import WINDOW, language_of


@dataclass(frozen=True)
class Said:
    """One message of a recorded session."""

    n: int
    role: str
    text: str

    @property
    def by_user(self) -> bool:
        return self.role == "user"


@dataclass(frozen=True)
class Transcript:
    """Messages in their order: a session, or the part of it with one goal."""

    messages: tuple[Said, ...]

    @cached_property
    def user(self) -> tuple[Said, ...]:
        return tuple(said for said in self.messages if said.by_user)

    @cached_property
    def language(self) -> str:
        return language_of(" ".join(said.text for said in self.user or self.messages))

    @property
    def lexicon(self) -> Lexicon:
        return lexicon(self.language)

    def before(self, said: Said) -> Said | None:
        """The agent's message right before, if there is one."""
        found = [other for other in self.messages if other.n < said.n]
        return found[-1] if found and not found[-1].by_user else None

    def asked_before(self, said: Said) -> tuple[Sentence, ...]:
        """What the agent asked right before."""
        before = self.before(said)
        return tuple(sentence for sentence in read(before.text) if sentence.asks or sentence.offers) if before else ()

    def corrects(self, said: Said) -> bool:
        """Whether the user objects to what the agent said right before, or comes to think otherwise."""
        before = self.before(said)
        if before is None:
            return False
        plain = said.text.replace("’", "'")
        if self.lexicon.has("user.thanks", plain) and not self.lexicon.has("user.reject", plain):
            return False
        # An answer is no objection, unless the agent also told something before it asked.
        asked = self.asked_before(said)
        only_asked = len(asked) == len(read(before.text))
        rejects = self.lexicon.has("user.reject", plain)
        if asked and (only_asked or not rejects):
            return self.lexicon.has("user.hindsight", plain) and not any(map(str.isdigit, plain))
        if plain.rstrip().endswith(("?", "？")):
            return rejects
        return self.lexicon.has("user.correct", plain)

    @cached_property
    def first_correction(self) -> int:
        """The number of the first message that corrects, or one past the end."""
        found = (said.n for said in self.user if self.corrects(said))
        return next(found, self.messages[-1].n + 1)

    def part(self, first: int, last: int) -> "Transcript":
        return Transcript(tuple(said for said in self.messages if first <= said.n <= last))


def transcript_of(entries: Sequence[Mapping[str, Any]]) -> Transcript:
    """Read the messages of a distiller's request."""
    return Transcript(tuple(Said(n=entry["n"], role=entry["role"], text=entry["text"][:WINDOW]) for entry in entries))
