"""`%convsim help`: what there is, and what each verb takes."""

import inspect
import textwrap
from collections.abc import Iterator, Sequence

from convsim_nb.domain.errors import UsageError
from convsim_nb.notebook.magics.options import Option, options_of
from convsim_nb.notebook.magics.verbs import Verb, verbs

_WIDE = 100
_COLUMN = 34
_INDENT = "  "
_ABOUT = """\
Test a chat agent with simulated users, distilled from recorded sessions.

"""
_NOTES = """
-o NAME gives the result a name. Options are named as in Python: --max-turns is max_turns, --no-mlflow is
mlflow=False. A word is looked up among your names first (cases[:3], agents["v2"]), and is text where no
such name is known (openai:/gpt-5-mini, cases.yaml). $name and {expression} work everywhere, also in text.

%convsim help VERB says what a verb takes.
"""


def help_text(words: Sequence[str]) -> str:
    """What `%convsim help` prints, or `%convsim help VERB`.

    Raises:
        UsageError: there is no such verb.
    """
    if not words:
        wide = max(map(len, verbs()))
        lines = [f"{_INDENT}{_magic(verb)} {verb.name:<{wide}}  {verb.about}\n" for verb in verbs().values()]
        return "".join([_ABOUT, *lines, _NOTES])
    if words[0] not in verbs():
        raise UsageError(f"%convsim has no verb {words[0]!r}: there are {', '.join(verbs())}")
    return "\n".join(_lines(verbs()[words[0]])) + "\n"


def _lines(verb: Verb) -> Iterator[str]:
    options = () if verb.cell else options_of(verb.call)
    yield f"{_magic(verb)} {verb.name}{_usage(options)}{' [NAME]' if verb.cell else ' [-o NAME]'}"
    yield ""
    yield from _opening(verb)
    yield ""
    for option in options:
        yield from _option_lines(option)
    if options:
        yield ""
    yield from textwrap.indent(verb.example, _INDENT).split("\n")
    if verb.of is not None:
        yield ""
        yield f"{_INDENT}In Python: cs.{verb.of.__qualname__}(...)"


def _magic(verb: Verb) -> str:
    return ("%%" if verb.cell else " %") + "convsim"


def _opening(verb: Verb) -> Iterator[str]:
    """The docstring down to its sections."""
    doc = (inspect.getdoc(verb.call) or "").split("\n\nArgs:")[0].split("\n\nRaises:")[0]
    for place, paragraph in enumerate(doc.split("\n\n")):
        yield from [""] * bool(place)
        yield from textwrap.wrap(paragraph, _WIDE, initial_indent=_INDENT, subsequent_indent=_INDENT)


def _usage(options: Sequence[Option]) -> str:
    places = [f" {one.name.upper()}" if one.required else f" [{one.name.upper()}]" for one in options if one.positional]
    return "".join(places) + " [options]" * any(not one.positional for one in options)


def _option_lines(option: Option) -> Iterator[str]:
    head = f"{option.name.upper()} or {option.flag}" if option.positional else _flags(option)
    said = f"{option.about}{_default(option)}".strip()
    first, *more = textwrap.wrap(said, _WIDE - _COLUMN) or [""]
    if len(head) > _COLUMN - 4 and said:
        yield f"{_INDENT}{head}"
        head = ""
    yield f"{_INDENT}{head:<{_COLUMN - 2}}{first}".rstrip()
    yield from (f"{'':<{_COLUMN}}{line}" for line in more)


def _default(option: Option) -> str:
    if option.default is True:
        return " (on)"
    return "" if option.required or not option.default else f" ({option.default})"


def _flags(option: Option) -> str:
    if option.wants == "flag":
        return option.flag if option.default is False else f"--[no-]{option.flag[2:]}"
    value = "|".join(option.choices) or {"number": "N", "text": "TEXT"}.get(option.wants, "VALUE")
    return f"{option.flag} {value}" + (f", {option.off}" if option.off else "")
