"""How the simulated person speaks: goals and facts in the first person, in a person's style."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from convsim_nb.demo.rules.lexicon import Lexicon, lexicon
from convsim_nb.demo.rules.words import count_words, language_of

_WHO = re.compile(
    r"^(?:the )?(?:user|customer|client|person|you|they|he|she)(?:'s goal is)? ?(?:is|are|would|'d)? ?"
    r"(?:wants?|wish(?:es)?|needs?|like|looking|trying|hopes?|intends?|aims?|seeks?)? ?(?:to have|to get|for|to)? ",
    re.IGNORECASE,
)
_WANTS = re.compile(
    r"^(?:to|wants? to|needs? to|would like to|wishes to|asks? to|seeks? to|tries to|wants?|needs?) ", re.IGNORECASE
)
_FIRST = {
    "the user's": "my", "the customer's": "my", "the user": "me", "the customer": "me", "their": "my", "theirs": "mine",
    "they're": "I'm", "they've": "I've", "they'd": "I'd", "they'll": "I'll", "they are": "I am", "they were": "I was", "they": "I",
    "them": "me", "themselves": "myself", "your": "my", "you're": "I'm", "you are": "I am", "you've": "I've", "you": "I",
    "yourself": "myself", "yours": "mine", "his": "my", "her": "my", "himself": "myself", "herself": "myself",
    "the agent": "you",
}  # fmt: skip
_SECOND = {
    "i'm": "they're", "i've": "they've", "i'd": "they'd", "i'll": "they'll", "i am": "they are", "i was": "they were", "i": "they",
    "me": "them", "my": "their", "mine": "theirs", "myself": "themselves", "im": "they're", "ive": "they've",
}  # fmt: skip


def _swap(text: str, table: dict[str, str]) -> str:
    found = sorted(table, key=len, reverse=True)
    pattern = re.compile(rf"\b(?:{'|'.join(re.escape(word) for word in found)})(?![\w'’]|\.\w)", re.IGNORECASE)
    return pattern.sub(lambda match: table[match.group().casefold()], text.replace("’", "'"))


def first_person(text: str, language: str) -> str:
    """What is written of the person, as the person says it."""
    if language != "en":
        return text
    return _swap(text, _FIRST)


def third_person(text: str, language: str) -> str:
    """What the person says, as it is written of the person; other languages than English stay as they are."""
    return _swap(text, _SECOND) if language == "en" else text


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
    lower = (joined == joined.lower() != joined.upper()) if joined else bool(_LOWER.search(hints))
    return Voice(
        language=language,
        lower=lower,
        upper=bool(_UPPER.search(hints)) or (joined == joined.upper() != joined.lower()),
        bare=bool(_BARE.search(hints)),
        polite=bool(_POLITE.search(hints)) and not _RUDE.search(hints),
        short=bool(_SHORT.search(hints)) or (bool(examples) and count_words(joined) < 8 * len(examples)),
    )


_LOWER = re.compile(r"lower.?case|no capitals|kleinschr|kleinbuchstaben|minúsculas|minuscules")
_UPPER = re.compile(r"in capitals|upper.?case|all.?caps|großbuchstaben|mayúsculas|majuscules")
_BARE = re.compile(r"without full stops|no punctuation|ohne punkt|sin punto|sans point|不用句号")
_POLITE = re.compile(
    r"polite|courteous|friendly|formal|höflich|freundlich|cort[eé]s|educad|poli(?:ment|e|te)?\b|礼貌|客气"
)
_RUDE = re.compile(r"impolite|rude|without courtes|unhöflich|blunt|curt")
_SHORT = re.compile(r"\bshort|terse|brief|curt|few words|one word|knapp|kurz|cort[ao]s|breve|courts?\b|简短|简洁")
