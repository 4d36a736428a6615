"""What a gate found, for a pull request and for a CI system: Markdown and JUnit's XML."""

from collections.abc import Iterator, Sequence
from xml.etree import ElementTree as ET

from convsim_nb.analysis.compare import CaseChange, Compared
from convsim_nb.analysis.gate import Judged
from convsim_nb.domain.conversation import Conversation
from convsim_nb.views.comparison import table_rows
from convsim_nb.views.hidden import visible
from convsim_nb.views.markdown import as_plain, table_markdown
from convsim_nb.views.width import one_line
from convsim_nb.views.words import stop_words

MARKS = {"passed": "✅", "failed": "❌", "inconclusive": "❔"}
_MOST_CASES = 30


def gate_markdown(
    compared: Compared,
    found: Judged,
    *,
    names: tuple[str, str],
    said: Sequence[str],
    failures: Sequence[str] = (),
) -> str:
    """The answer first, the numbers, the cases that changed; the rest folded. A few kilobytes at most."""
    lines = [f"### {MARKS[found.outcome]} convsim gate: {found.outcome}", "", as_plain(_sentence(found.why)), ""]
    lines += [f"- {as_plain(each)}" for each in said]
    lines += ["", *_numbers(compared, names), "", *_changes(compared, names)]
    if failures:
        lines += ["<details><summary>What did not reach its goal, by reason</summary>", ""]
        lines += [*(f"- {as_plain(each)}" for each in failures), "", "</details>"]
    return "\n".join(lines).rstrip() + "\n"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _numbers(compared: Compared, names: tuple[str, str]) -> Iterator[str]:
    head, *rows = table_rows(compared, first=names[0], second=names[1])
    yield from table_markdown(head, rows)


def _changes(compared: Compared, names: tuple[str, str]) -> Iterator[str]:
    changed = [case for case in compared.cases if case.gap]
    if not changed:
        return
    yield from (f"| case that changed | {as_plain(names[0])} | {as_plain(names[1])} |", "|---|--:|--:|")
    for case in changed[:_MOST_CASES]:
        mark = "▼" if case.gap < 0 else "▲"
        title = f"{mark} {as_plain(case.case_id)}: {as_plain(one_line(case.goal)[:120])}"
        yield f"| {title} | {_of(case.first)} | {_of(case.second)} |"
    if len(changed) > _MOST_CASES:
        yield f"| {len(changed) - _MOST_CASES} more | | |"
    yield ""


def _of(outcomes: Sequence[bool]) -> str:
    return f"{sum(outcomes)} of {len(outcomes)}"


def junit_xml(
    compared: Compared, found: Judged, *, names: tuple[str, str], conversations: Sequence[Conversation]
) -> str:
    """One test for the gate, and one a case: failed where the gate failed and the case went worse.

    Skipped are an inconclusive gate, and cases with no trial that counts in both runs.
    """
    changes = {case.case_id: case for case in compared.cases}
    suite = ET.Element("testsuite", name="convsim gate")
    gate = ET.SubElement(suite, "testcase", classname="convsim.gate", name=f"{names[1]} against {names[0]}")
    if found.outcome != "passed":
        kind = "failure" if found.outcome == "failed" else "skipped"
        ET.SubElement(gate, kind, message=_clean(f"{found.outcome}: {found.why}"))
    for case_id in dict.fromkeys(one.case_id for one in conversations if one.origin is None):
        own = [one for one in conversations if one.case_id == case_id and one.origin is None]
        _case(suite, case_id, own, changes.get(case_id), is_failed=found.outcome == "failed")
    tests = suite.findall("testcase")
    suite.set("tests", str(len(tests)))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _case(
    suite: ET.Element, case_id: str, own: Sequence[Conversation], change: CaseChange | None, *, is_failed: bool
) -> None:
    seconds = sum(one.seconds or 0.0 for one in own)
    test = ET.SubElement(suite, "testcase", classname="convsim.cases", name=_clean(case_id), time=f"{seconds:.3f}")
    if change is None:
        ET.SubElement(test, "skipped", message="no trial of it counts in both runs")
        return
    told = f"{_of(change.first)} before, {_of(change.second)} now"
    if is_failed and change.gap < 0:
        ended = "\n".join(f"trial {one.trial}: {stop_words(one)} {one.detail}".rstrip() for one in own)
        ET.SubElement(test, "failure", message=told).text = _clean(ended)
    else:
        ET.SubElement(test, "system-out").text = told


def _clean(text: str) -> str:
    """XML takes no control characters, which an agent's error may hold."""
    return "".join(sign for sign in visible(text) if sign >= " " or sign in "\n\t")
