"""Test cases as a table: a goal with its persona under it, and what the user does, knows and comes to know."""

from collections.abc import Iterator

from convsim_nb.domain.case import Source, TestCase, Withheld
from convsim_nb.domain.style import style_lines
from convsim_nb.views.inline import Html, bullets, cell, fold, line, pre, quiet, row, text
from convsim_nb.views.words import count, pretty_json, role_words

COLUMNS = ("#", "Goal and persona", "Guidelines", "Facts, and ⊘ what is withheld")


def case_row(number: int, case: TestCase) -> Html:
    """One test case."""
    return row(
        cell(quiet(str(number)), style="white-space: nowrap"),
        cell(*_goal(case), style="width: 40%"),
        cell(bullets(map(text, case.simulation_guidelines)), style="width: 27%"),
        cell(bullets(map(text, case.facts)), *map(_withheld, case.withheld), style="width: 33%"),
    )


def _goal(case: TestCase) -> Iterator[Html]:
    yield line(text(case.goal))
    if case.persona:
        yield line(quiet(case.persona))
    where = f" · {_source(case.source)}" if case.source else ""
    yield line(quiet(f"{case.case_id}{where}"), style="font-size: 12px")
    for finding in case.findings:
        yield line(text(f"⚠ {finding.field}: {finding.reason}"), style="font-size: 12px")
    if extras := list(_extras(case)):
        names = ", ".join(name for name, _ in extras)
        yield fold(quiet(names), *(pre(content) for _, content in extras), style="font-size: 12px; margin: 0")


def _source(source: Source) -> str:
    return f"from {source.session_id}, messages {source.first + 1} to {source.last + 1}"


def _withheld(withheld: Withheld) -> Html:
    """A fact that the user does not know yet, and what must happen first."""
    told = f"{withheld.kind.replace('_', ' ')}, known after: {withheld.after}"
    return line(text(f"⊘ {withheld.fact}"), Html("<br>"), quiet(told))


def _extras(case: TestCase) -> Iterator[tuple[str, str]]:
    """What else a case holds, by a name that says how much."""
    if case.expectations:
        proposed = " (proposed)" if set(case.expectations) <= set(case.proposed) else ""
        yield f"{count(len(case.expectations), 'expectation')}{proposed}", pretty_json(case.expectations)
    if case.style:
        yield "style", "\n".join(style_lines(case.style))
    if case.context:
        yield f"context {', '.join(case.context)}", pretty_json(case.context)
    if case.script:
        yield count(len(case.script), "fixed message"), "\n".join(case.script)
    if case.history:
        said = "\n".join(f"{role_words(each, recorded='')}: {each.content}" for each in case.history)
        yield f"history of {count(len(case.history), 'message')}", said
    if case.tags:
        yield count(len(case.tags), "tag"), pretty_json(dict(case.tags))
