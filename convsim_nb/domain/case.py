"""A test case: what a simulated user is made of. The first five fields are MLflow's own."""

import hashlib
import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    JsonValue,
    ModelWrapValidatorHandler,
    StringConstraints,
    ValidationError,
    model_validator,
)

from convsim_nb.domain.errors import CaseError
from convsim_nb.domain.record import Record
from convsim_nb.domain.session import Message
from convsim_nb.domain.style import EXAMPLE, StyleCard, style_lines


def _listed(value: object) -> object:
    """One of a kind stands for a list of one, as in MLflow; None for an empty list."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str | Mapping | Record) else value


def _mapped(value: object) -> object:
    return {} if value is None else value


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_listed)]
Json = Annotated[dict[str, JsonValue], BeforeValidator(_mapped)]
Kind = Literal["correction", "answer", "follow_up", "afterthought"]
Check = Literal["quote", "later", "agent", "language", "artefact", "trigger", "restated", "amount", "duplicate"]


class Withheld(Record):
    """A fact that the simulated user does not know until something happens in the conversation."""

    fact: Text
    after: Text
    """What must happen first, as the judge can see it: "the agent shows prices of a closed market as live"."""
    kind: Kind = "correction"
    """`correction`: a reaction to the agent's fault; `answer`: to something surprising that it asked; `follow_up`: to
    what it offered, showed or refused; `afterthought`: came to mind."""


class Quote(Record):
    """The words that a field was read from."""

    field: str
    """`goal`, `persona`, `facts[0]`, `withheld[1].fact`, `withheld[1].after`, `simulation_guidelines[0]`."""
    message: int
    """The message's place in the session, from 0."""
    text: str


class Source(Record):
    """Where a test case was distilled from."""

    session_id: str
    first: int = 0
    """The first message of the range, from 0."""
    last: int = 0
    """The last message of the range, itself included."""
    quotes: tuple[Quote, ...] = ()
    model: str = ""
    """Who distilled it."""
    prompts: dict[str, str] = {}
    """The versions of the prompts that it was distilled with."""

    @property
    def is_by_rules(self) -> bool:
        """Whether a stand-in for a model distilled it: its conditions are lists of words, for its own judge."""
        return self.model.startswith("demo:/")


class CaseFinding(Record):
    """What `check` has against a case; it drops nothing."""

    field: str
    """As in a quote: `goal`, `facts[0]`; `case` for the whole of it."""
    check: Check
    reason: str
    """One sentence, which also tells a model what to mend."""


_NOT_CONTENT = {"case_id", "source", "tags", "proposed", "findings"}
_SLUG_WORDS = 5


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, default=_dumped)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _dumped(value: object) -> object:
    return value.model_dump(mode="json") if isinstance(value, Record) else str(value)


def _born(content: Mapping[str, Any]) -> str:
    """An id for a case that was given none: `refund-damaged-kettle-3f2a`; the same for the same content."""
    words = re.findall(r"[a-z0-9]+", str(content.get("goal", "")).lower())
    slug = "-".join(words[:_SLUG_WORDS])[:40].strip("-") or "case"
    return f"{slug}-{_digest({k: v for k, v in content.items() if k not in _NOT_CONTENT})[:6]}"


class TestCase(Record):
    """A goal, the person who has it, and what that person must not give away.

    Raises:
        CaseError: a field is missing, of the wrong kind, or not known.
    """

    __test__ = False  # pytest would take the name for a class of tests

    goal: Text
    persona: Text | None = None
    style: StyleCard | None = None
    """How the user writes, measured from the session's messages."""
    simulation_guidelines: Texts = ()
    """How the user conducts the conversation."""
    context: Json = {}
    """Arguments for the agent, by keyword."""
    expectations: Json = {}
    """What scorers check. Never shown to the simulated user, nor to the judge."""
    proposed: Texts = ()
    """Names in `expectations` that a model proposed and no person has confirmed yet."""
    facts: Texts = ()
    """What the user knows, and gives when asked: name, order id, dates."""
    withheld: Annotated[tuple[Withheld, ...], BeforeValidator(_listed)] = ()
    history: Annotated[tuple[Message, ...], BeforeValidator(_listed)] = ()
    """Messages that were said before turn 1."""
    script: Texts = ()
    """User messages that are sent word for word, before the simulation goes on by itself."""
    source: Source | None = None
    findings: Annotated[tuple[CaseFinding, ...], BeforeValidator(_listed)] = ()
    """What a check found and could not be mended."""
    tags: Annotated[dict[str, str], BeforeValidator(_mapped)] = {}
    case_id: Text = Field(default_factory=_born)
    """Given at birth, from the goal's first words and the content; survives edits."""

    @model_validator(mode="wrap")
    @classmethod
    def _one_line(cls, data: object, build: ModelWrapValidatorHandler[Self]) -> Self:
        """What is wrong with a case is said in one line, with the first thing to mend."""
        try:
            return build(data)
        except ValidationError as invalid:
            raise CaseError(_first_fault(data, invalid)) from None

    @property
    def digest(self) -> str:
        """12 hex digits of all that shapes the simulation: not of `case_id`, `source`, `tags` and marks.

        Of what is set alone: a field that a later version adds changes no digest.
        """
        return _digest(self.model_dump(mode="json", exclude=_NOT_CONTENT, exclude_defaults=True))

    @property
    def expected(self) -> dict[str, Any]:
        """The expectations that scorers are given: without those that a model proposed and nobody has confirmed."""
        return {name: value for name, value in self.expectations.items() if name not in self.proposed}

    def edited(self, **changes: Any) -> Self:
        """A copy with other content and the same `case_id`; what was found in the changed fields is forgotten.

        Raises:
            CaseError: a field is not known, or does not fit.
        """
        kept: dict[str, Any] = {name: getattr(self, name) for name in type(self).model_fields}
        kept["findings"] = tuple(one for one in self.findings if root_of(one.field) not in changes)
        return type(self).model_validate({**kept, **changes})

    def as_mapping(self) -> dict[str, Any]:
        """The case as plain JSON: its id first, and nothing that is empty. `TestCase(**mapping)` gives it back."""
        content = self.model_dump(mode="json", exclude_defaults=True)
        return {"case_id": self.case_id, **{name: value for name, value in content.items() if name != "case_id"}}

    def as_mlflow(self) -> dict[str, Any]:
        """The case as MLflow's own simulator takes it, with what it has no field for rendered as guidelines.

        It plays a part of it only: MLflow's user is told all that is withheld from the start. What a model proposed
        to expect is left out: nothing there could say that nobody has confirmed it.
        """
        lines = guidelines_of(self)
        fields = {"goal": self.goal, "persona": self.persona, "simulation_guidelines": list(lines)}
        given = {"context": dict(self.context), "expectations": self.expected}
        return {name: value for name, value in {**fields, **given}.items() if value}


_ASKED = "You know this, and say it only when the agent asks for it: "
_UNTIL = "You do not know or say this until the condition is met in the conversation: "


def guidelines_of(case: TestCase) -> tuple[str, ...]:
    """The case's guidelines, then its facts, what it withholds and how the person writes, as guidelines."""
    told = [f"{_ASKED}{fact}" for fact in case.facts]
    told += [f"{_UNTIL}{hidden.fact} The condition: {hidden.after}" for hidden in case.withheld]
    style = style_lines(case.style) if case.style else ()
    return (*case.simulation_guidelines, *told, *style)


def instruction_of(guideline: str) -> str:
    """What of a guideline nobody says: of one that `guidelines_of` made, without the fact or message it brings."""
    return next((ours for ours in (_ASKED, _UNTIL, EXAMPLE) if guideline.startswith(ours)), guideline)


def root_of(field: str) -> str:
    """The name of the field that a quote or a finding is about: `withheld` of `withheld[1].fact`."""
    return re.split(r"[.\[]", field, maxsplit=1)[0]


def _first_fault(data: object, invalid: ValidationError) -> str:
    faults = invalid.errors(include_url=False, include_context=False)
    # What is misspelt is what is missing, too.
    fault = next((each for each in faults if each["type"] == "extra_forbidden"), faults[0])
    field = ".".join(str(part) for part in fault["loc"]) or "test case"
    shown = _shown(data)
    if fault["type"] == "missing":
        return f"test case {shown} has no {field}: give it one"
    if fault["type"] == "extra_forbidden":
        close = get_close_matches(field, TestCase.model_fields, n=1)
        meant = f"did you mean {close[0]}?" if close else f"the fields are {', '.join(TestCase.model_fields)}"
        return f"test case {shown} has an unknown field {field!r}: {meant}"
    if fault["type"] == "recursion_loop" or "maximum validation depth" in fault["msg"]:
        return f"test case {shown}: {fault['loc'][0]} is nested too deep: write it flatter"
    if fault["type"] == "string_type":
        kind = type(fault["input"]).__name__
        return f"test case {shown}: {field} is {_shown(fault['input'])} ({kind}), not text: write it in quotes"
    if field == "goal" and fault["type"] != "string_unicode":
        return f"test case {shown} has an empty goal: say in one sentence what the user wants"
    value = _shown(fault["input"])
    message = fault["msg"]
    said = _IN_PLAIN_WORDS.get(fault["type"])
    return f"test case {shown}: {field} {said.format(value=value) if said else f'= {value}: {message}'}"


_IN_PLAIN_WORDS = {
    "tuple_type": "is {value}: write a list",
    "string_unicode": "holds half a character, which no file can keep: write it again",
    "string_too_short": "is empty: write a text, or leave it out",
}


def _shown(value: object, most: int = 60) -> str:
    if isinstance(value, Mapping) and "case_id" in value:
        return repr(value["case_id"])
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}..."
