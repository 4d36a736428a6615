"""How the simulated person speaks: goals and facts in the first person, in a person's style."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from convsim_nb.demo.rules.lexicon import Lexicon, anywhere, lexicon
from convsim_nb.demo.rules.words import count_words, language_of


def first_person(text: str, language: str) -> str:
    """What is written of the person, as the person says it."""
    return lexicon(language).swap("first_person", text) if language != "xx" else text


def third_person(text: str, language: str) -> str:
    """What the person says, as it is written of the person; as it is, where the language has no table for it."""
    return lexicon(language).swap("third_person", text) if language != "xx" else text


def lowered(text: str) -> str:
    """Without a capital at its head, but for names, abbreviations and "I"."""
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    keeps = first.startswith("I'") or first == "I" or any(char.isupper() or char.isdigit() for char in first[1:])
    return text if keeps else text[:1].lower() + text[1:]


def raised(text: str) -> str:
    return text[:1].upper() + text[1:]


@dataclass(frozen=True)
class Voice:
    """The person's way of writing, read from the persona and their own messages."""

    language: str
    lower: bool = False
    upper: bool = False
    bare: bool = False
    """No full stop at the end."""
    polite: bool = False
    short: bool = False

    @property
    def lexicon(self) -> Lexicon:
        return lexicon(self.language)

    @property
    def stop(self) -> str:
        """What ends a sentence."""
        return "。" if self.language == "zh" else "."

    def say(self, text: str) -> str:
        """The text as this person would type it."""
        said = raised(re.sub(r"([.!?。！？])\.(?!\.)", r"\1", " ".join(text.split())))
        if self.bare:
            said = said.rstrip(".。")
        if self.upper:
            return said.upper()
        return said.lower() if self.lower else said


def voice_of(persona: str, examples: Sequence[str], goal: str) -> Voice:
    """Read the style: from examples where there are any, else from what the persona says of it."""
    language = language_of(" ".join(examples) or goal)
    hints = persona.casefold()
    joined = " ".join(examples)
    lower = (joined == joined.lower() != joined.upper()) if joined else _hints("lower", hints)
    return Voice(
        language=language,
        lower=lower,
        upper=_hints("upper", hints) or (joined == joined.upper() != joined.lower()),
        bare=_hints("bare", hints),
        polite=_hints("polite", hints) and not _hints("rude", hints),
        short=_hints("short", hints) or (bool(examples) and count_words(joined) < 8 * len(examples)),
    )


def _hints(name: str, persona: str) -> bool:
    return bool(anywhere("hints", name).search(persona))
