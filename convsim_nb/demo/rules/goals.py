"""A goal as the rules read it: its parts, what each asks for, and how the person would say it."""

import re
from dataclasses import dataclass
from functools import lru_cache

from convsim_nb.demo.rules.lexicon import Lexicon, lexicon
from convsim_nb.demo.rules.specifics import marks
from convsim_nb.demo.rules.words import language_of, sentences, stems, words

_JOINTS = re.compile(
    r"\s*[;；]\s*|,? (?:and|then|und|y|et) (?:then |also |dann |auch |también |aussi )?|(?<=[^\d])[,，、](?=\D)\s*"
)


@dataclass(frozen=True)
class Part:
    """One thing that a goal asks for."""

    text: str
    language: str
    stems: frozenset[str]
    kind: str
    """`action`: something is to be done; `info`: told; `create`: written."""

    @property
    def needed(self) -> int:
        """How many of its stems an answer must hold, in all."""
        count = len(self.stems)
        if self.language == "zh":
            return 1 if count <= 3 else 2
        return 1 if count <= 3 else 2 if count <= 6 else -(-count * 7 // 20)

    @property
    def marks(self) -> frozenset[str]:
        return marks(self.text)


@lru_cache(maxsize=4096)
def parts(goal: str) -> tuple[Part, ...]:
    """The parts of a goal: its sentences, and clauses that begin with a verb of their own."""
    language = language_of(goal)
    known = lexicon(language)
    found: list[str] = []
    for sentence in sentences(goal):
        for clause in _clauses(sentence, known):
            found.append(clause)
    made = [Part(clause, language, stems(clause, language), kind_of(clause, known)) for clause in found]
    return tuple(part for part in made if part.stems) or (Part(goal, language, stems(goal, language), "info"),)


def _clauses(sentence: str, known: Lexicon) -> list[str]:
    """Cut before a clause that begins with a verb; what else follows a joint belongs to the clause before."""
    cuts, start = [], 0
    for joint in _JOINTS.finditer(sentence):
        if _opens_with_verb(sentence[joint.end() :], known) or joint.group().strip() in (";", "；"):
            cuts.append(sentence[start : joint.start()])
            start = joint.end()
    return [clause.strip(" .,;:。，；") for clause in (*cuts, sentence[start:]) if clause.strip(" .,;:。，；")]


def _opens_with_verb(text: str, known: Lexicon) -> bool:
    first = re.match(r"[^\W\d_]+", text)
    verbs = frozenset[str]().union(*known.verbs.values())
    if known.language == "zh":
        return any(text.startswith(verb) for verb in verbs)
    return bool(first and first.group().casefold() in verbs)


def kind_of(text: str, known: Lexicon) -> str:
    """What a part asks for, by its first verb that says so; `info` where none does."""
    if text.rstrip().endswith(("?", "？")):
        return "info"
    if known.language == "zh":
        found = [(text.find(verb), kind) for kind, verbs in known.verbs.items() for verb in verbs if verb in text]
        return min(found)[1] if found else "info"
    for word in words(text.casefold()):
        for kind, verbs in known.verbs.items():
            if word in verbs:
                return kind
    return "info"
