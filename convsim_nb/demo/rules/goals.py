"""A goal as the rules read it: its parts, and what an answer to each must be about."""

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

from convsim_nb.demo.rules.lexicon import Lexicon, anywhere, lexicon
from convsim_nb.demo.rules.specifics import names, specifics
from convsim_nb.demo.rules.words import language_of, sentences, stem, stems, words

_JOINTS = re.compile(
    r"\s*[;；]\s*|,? (?:and|then|und|y|et) (?:then |also |dann |auch |también |aussi )?|(?<=[^\d])[,，、](?=\D)\s*"
)
_KINDS = ("action", "info", "create")
_PAIR = 2
"""Words up to which "order status" is a thing, and nothing to do."""
_FEW = 4
"""Stems up to which the head alone will do."""


@dataclass(frozen=True)
class Part:
    """One thing that a goal asks for."""

    text: str
    language: str
    stems: frozenset[str]
    kind: str
    """`action`: something is to be done; `info`: told; `create`: written; `have`: got, by either of the first two."""

    def met_by(self, found: frozenset[str]) -> bool:
        """Whether these of its stems are enough to be on the matter: about a third, or its head where it has few."""
        head = bool(found & {*self.heads})
        if self.language == "zh" and self.heads:
            return head
        return len(found) >= self._needed or (len(self.stems) <= _FEW and head)

    @property
    def _needed(self) -> int:
        count = len(self.stems)
        if self.language == "zh":
            return 1 if count <= 2 else 2  # noqa: PLR2004
        return 1 if count == 1 else 2 if count <= 6 else -(-count * 7 // 20)  # noqa: PLR2004

    @cached_property
    def verb(self) -> str:
        """The stem of what is to be done: "cancel"; empty where nothing is."""
        return stem(self._verb, self.language) if self._verb else ""

    @cached_property
    def deed(self) -> str:
        """The same stem where the goal names it as a thing: "a refund"; then nobody needs to say what it is for."""
        named = self._verb and lexicon(self.language).has("user.thing", f"{self._before_verb} {self._verb}")
        return self.verb if named else ""

    @cached_property
    def _verb(self) -> str:
        known = lexicon(self.language)
        found = (word for word in words(self.text.casefold()) if word in known.verbs["action"])
        return next(found, "") if self.kind == "action" else ""

    @cached_property
    def _before_verb(self) -> str:
        said = list(words(self.text.casefold()))
        place = said.index(self._verb)
        return said[place - 1] if place else ""

    @cached_property
    def heads(self) -> tuple[str, ...]:
        """The stems of the thing that it names first, two at most: "account balance" of "my bank account balance".

        All its stems, where it is a sentence or a question: there the thing may stand anywhere.
        """
        if self.language == "zh":
            facets = [facet for facet in lexicon("zh").facets if facet in self.text]
            return (max(facets, key=self.text.rfind),) if facets else ()
        if self.text.endswith("?") or not names_a_thing(self.text, self.language):
            return tuple(self.stems)
        return tuple(self._first_named()[-2:])

    def _first_named(self) -> list[str]:
        known = lexicon(self.language)
        found: list[str] = []
        for word in words(self.text.casefold()):
            if found and word in known.function_words:
                break
            if found or word not in known.all_verbs or len(self.stems) <= _PAIR:
                found += stems(word, self.language)
        return found

    @cached_property
    def names(self) -> frozenset[str]:
        """The stems of the names in it."""
        return stems(" ".join(names(self.text)), self.language)

    @cached_property
    def called(self) -> frozenset[str]:
        """The stems of the name that it must be: "a hotel called Riverside"."""
        said = anywhere("names", "called").search(self.text)
        return stems(" ".join(names(f". . {said.group()}")), self.language) if said else frozenset()

    @cached_property
    def ids(self) -> frozenset[str]:
        """The ids that it names, folded as stems are."""
        return frozenset(value.casefold().lstrip("#") for kind, value in specifics(self.text) if kind == "id")


@lru_cache(maxsize=4096)
def parts(goal: str) -> tuple[Part, ...]:
    """The parts of a goal: its sentences, and clauses that begin with a verb of their own."""
    language = language_of(goal)
    known = lexicon(language)
    goal = known.question_in(goal)
    found = [clause for sentence in sentences(goal) for clause in _clauses(sentence, known)]
    made = [Part(clause, language, stems(clause, language), kind_of(clause, known)) for clause in found]
    return tuple(part for part in made if part.stems) or (Part(goal, language, stems(goal, language), "info"),)


def _clauses(sentence: str, known: Lexicon) -> list[str]:
    """Cut before a clause that begins with a verb; what else follows a joint belongs to the clause before."""
    cuts, start = [], 0
    for joint in _JOINTS.finditer(sentence):
        if opens_with_verb(sentence[joint.end() :], known) or joint.group().strip() in (";", "；"):
            cuts.append(sentence[start : joint.start()])
            start = joint.end()
    return [clause.strip(" .,;:。，；") for clause in (*cuts, sentence[start:]) if clause.strip(" .,;:。，；")]


def opens_with_verb(text: str, known: Lexicon) -> bool:
    """Whether the first word is what one does."""
    verbs = known.all_verbs
    if known.language == "zh":
        return any(text.startswith(verb) for verb in verbs)
    first = re.match(r"[^\W\d_]+", text)
    return bool(first and first.group().casefold() in verbs)


def names_a_thing(text: str, language: str) -> bool:
    """Whether a wish is "book a table" or "a table": what one does, or a thing, and no sentence of its own."""
    known = lexicon(language)
    if language == "de":
        return bool(re.search(r"[^\W\d_]*e[lr]?n$", re.split("[,;]", text)[0]))
    return opens_with_verb(text, known) or not known.has("user.clause", text)


def kind_of(text: str, known: Lexicon) -> str:
    """What a part asks for, by its first verb or noun that says so; `have` where none does."""
    if text.rstrip().endswith(("?", "？")):
        return "info"
    if known.language == "zh":
        found = [(text.find(verb), kind) for kind in _KINDS for verb in known.verbs[kind] if verb in text]
        return min(found)[1] if found else "have"
    said = words(text.casefold())
    verbs = {word: kind for kind in _KINDS for word in known.verbs[kind]}
    nouns = {word: kind for kind, matters in known.matters.items() for word in matters}
    asked = next((verbs[word] for word in said if word in verbs), "have")
    if len(said) <= _PAIR:
        return "have"
    return next((nouns[word] for word in said if word in nouns), asked) if asked == "have" else asked
