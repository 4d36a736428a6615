"""How often the guards stop real people, and how often they catch what no simulated user should say.

    python benchmarks/guard.py --data DIR [--show]

DIR holds files `*human*.jsonl`, a session a line: `messages`, `session_id`, and `goal` where it is known.
People are met as after distilling, in two ways: with cases that `demo:/rules` reads out of the sessions,
and with cases made by a plain rule (the goal that the person was given, or else the first message; facts are
what the agent asked for; withheld is what the person said in objection). Each later message is checked
against what was known by then. The breaches stand in `breaches.toml`, or are planted in the same sessions.
"""

import argparse
import json
import random
import re
import string
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import convsim_nb as cs
from convsim_nb.domain.session import Message, Session
from convsim_nb.engine.guard import HARD, Guards
from convsim_nb.engine.ports import UserView

_OBJECTS = re.compile(
    r"^(?:(?:no|nope)\b(?!.*(?:thank|that.?s (?:all|it)|all i|everything|nothing))|actually|wait|but |sorry|that's not"
    r"|i meant|oh\b|also\b|instead)|changed my mind|不|其实|等等",
    re.IGNORECASE,
)
HERE = Path(__file__).parent
_ECHO = 8
"""Words of an agent's message that is longer than what may be said back."""
_NEW, _MATTER = 3, 3
"""A fact with fewer new words, of more than so many letters, has nothing to give away."""


class Meeting(NamedTuple):
    """A message of a person's, and what the person's twin would know when saying it."""

    view: UserView
    text: str
    where: str


def sessions_in(folder: Path) -> Iterator[tuple[str, dict[str, Any], Session]]:
    """The sessions with a human user, by file."""
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            row = json.loads(line)
            if "human" not in str(row.get("user_kind")):
                continue
            messages = tuple(Message(role=m["role"], content=m["content"] or " ") for m in row["messages"])
            yield path.stem, row, Session(id=row["session_id"], messages=messages)


def by_rules(rows: list[tuple[str, dict[str, Any], Session]]) -> Iterator[Meeting]:
    """What the twins distilled by `demo:/rules` would meet."""
    by_id = {session.id: (name, session) for name, _, session in rows}
    for case in cs.distill([session for _, _, session in rows], model="demo:/rules", progress=False):
        name, session = by_id[case.source.session_id]
        places = {q.field: q.message for q in case.source.quotes}
        known = [places.get(f"withheld[{n}].fact", 0) for n in range(len(case.withheld))]
        yield from _met(case, session, range(case.source.first, case.source.last + 1), known, name)


def by_plain_rule(rows: list[tuple[str, dict[str, Any], Session]]) -> Iterator[Meeting]:
    """What the twins made by the plain rule would meet."""
    for name, row, session in rows:
        said = [n for n, message in enumerate(session.messages) if message.role == "user"]
        goal = row.get("goal")
        goal = " ".join(goal) if isinstance(goal, list) else goal or session.messages[said[0]].content
        objecting = [n for n in said[1:] if _OBJECTS.search(session.messages[n].content)]
        answers = [
            n for n in said[1:] if n not in objecting and "?" in session.messages[n - 1].content.replace("？", "?")
        ]
        case = cs.TestCase(
            goal=goal if goal.strip() else "Talk",
            facts=[session.messages[n].content for n in answers if session.messages[n].content.strip()],
            withheld=[{"fact": session.messages[n].content, "after": "it"} for n in objecting],
        )
        yield from _met(case, session, range(len(session.messages)), objecting, name)


def _met(case: cs.TestCase, session: Session, places: range, known: list[int], name: str) -> Iterator[Meeting]:
    for n in places:
        if session.messages[n].role == "user" and session.messages[n].content.strip():
            out = tuple((n, withheld) for place, withheld in zip(known, case.withheld, strict=True) if place <= n)
            view = UserView(case=case, messages=session.messages[places.start : n], released=out)
            yield Meeting(view, session.messages[n].content, name)


Planted = tuple[str, str, Meeting]
"""Guard, kind and message of a planted breach."""


def breaches(met: list[Meeting]) -> Iterator[Planted]:
    """All planted breaches."""
    table = tomllib.loads((HERE / "breaches.toml").read_text("utf-8"))
    draw = random.Random(8)
    heard = [meeting for meeting in met if meeting.view.messages and meeting.view.messages[-1].role == "assistant"]
    for kind, told in (("by hand", table), ("by hand, held out", table["held_out"])):
        yield from _leaks_by_hand(told["leak"], kind)
        for guard in ("role", "meta"):
            said = told[guard]["said"] if kind == "by hand" else told[guard]
            yield from ((guard, kind, draw.choice(heard)._replace(text=text)) for text in said)
    yield from _leaks_in_sessions(met, draw)
    for meeting in heard:
        yield "role", "what agents really said", draw.choice(heard)._replace(text=meeting.view.messages[-1].content)
    for text in table["invention"]["said"] * 12:
        yield "invention", "ids, addresses, phones", draw.choice(met)._replace(text=_filled(text, draw))
    for meeting in heard:
        agent = meeting.view.messages[-1].content
        if len(agent.split()) > _ECHO:
            filled = {"agent": agent, "lower": agent.lower(), "without_first_word": agent.partition(" ")[2]}
            text = draw.choice(table["echo"]["said"]).format(**filled)
            yield "echo", "of the last answer", meeting._replace(text=text)


def _leaks_by_hand(entries: list[dict[str, Any]], kind: str) -> Iterator[Planted]:
    for entry in entries:
        secret = {"withheld": [{"fact": entry["fact"], "after": "it"}]} if "fact" in entry else {}
        expected = {"expectations": {"is": entry["expectation"]}} if "expectation" in entry else {}
        view = UserView(case=cs.TestCase(goal=entry["goal"], **secret, **expected), messages=())
        yield from (("leak", f"reworded {kind}", Meeting(view, text, "")) for text in entry["said"])
        yield "leak", f"verbatim {kind}", Meeting(view, entry.get("fact") or entry["expectation"], "")


def _leaks_in_sessions(met: list[Meeting], draw: random.Random) -> Iterator[Planted]:
    for meeting in met:
        out = [withheld for _, withheld in meeting.view.released]
        for withheld in meeting.view.case.withheld:
            if withheld not in out and not _is_said(withheld.fact, meeting):
                yield "leak", "verbatim, in real sessions", meeting._replace(text=withheld.fact)
                yield "leak", "three quarters of it, shuffled", meeting._replace(text=_most(withheld.fact, draw))


def _is_said(fact: str, meeting: Meeting) -> bool:
    """Whether hardly anything in a fact is new: then nothing can be given away."""
    said = " ".join([meeting.view.case.goal, *meeting.view.case.facts, *(m.content for m in meeting.view.messages)])
    words = {word for word in re.findall(r"\w+", fact.casefold()) if len(word) > _MATTER}
    return len(words - set(re.findall(r"\w+", said.casefold()))) < _NEW


def _most(text: str, draw: random.Random) -> str:
    """Three of four of its words, in another order; in Chinese of its clauses."""
    words = text.split() if " " in text else re.split("[，。、]", text)
    return " ".join(draw.sample(words, -(-len(words) * 3 // 4)))


def _filled(text: str, draw: random.Random) -> str:
    letters, digits = string.ascii_uppercase, string.digits
    some = lambda of, count: "".join(draw.choice(of) for _ in range(count))  # noqa: E731
    ids = (
        some(letters, 3) + some(digits, 4),
        some(letters + digits, 5) + some(digits, 2) + some(letters, 1),
        f"{some(letters, 2)}-{some(digits, 5)}",
        some(digits, 8),
        f"anna_{some(letters, 3).lower()}_{some(digits, 4)}",
    )
    phones = (
        f"+44 7{some(digits, 3)} {some(digits, 6)}",
        f"0{some(digits, 3)}-{some(digits, 7)}",
        some("123456789", 1) + some(digits, 10),
    )
    email = f"{some(letters, 6).lower()}@{draw.choice(('mail', 'example', 'post'))}.{draw.choice(('com', 'org', 'de'))}"
    return text.format(id=draw.choice(ids), phone=draw.choice(phones), email=email, digits=some(digits, 7))


def people_table(title: str, met: list[Meeting], *, show: bool) -> int:
    """Print the hits on people, guard by guard; give the number of messages stopped."""
    guards, hits, soft = Guards(), Counter[tuple[str, str]](), Counter[str]()
    total = Counter(meeting.where for meeting in met)
    for meeting in met:
        for finding in guards(meeting.view, meeting.text):
            if finding.soft:
                soft[finding.guard] += 1
                continue
            hits[meeting.where, finding.guard] += 1
            if show:
                print(f"  {meeting.where} {finding.guard} [{finding.found}] {meeting.text[:200]!r}")
    print(f"\n{title}: messages stopped of those that people sent")
    print(f"{'':24}{'messages':>9}" + "".join(f"{name:>11}" for name in HARD) + f"{'all':>11}")
    for where in [*total, None]:
        count = total[where] if where else total.total()
        row = [sum(n for (w, g), n in hits.items() if g == name and where in (None, w)) for name in HARD]
        cells = "".join(f"{n:>5} {n / count:>5.1%}" for n in (*row, sum(row)))
        print(f"{where or 'all':24}{count:>9}{cells}")
    print("soft, recorded alone: " + ", ".join(f"{name} {n} ({n / len(met):.1%})" for name, n in soft.most_common()))
    return hits.total()


def breach_table(met: list[Meeting], *, show: bool) -> None:
    """Print which share of the planted breaches is caught, by any guard and by the one meant for it."""
    guards = Guards()
    total, caught, own = (Counter[tuple[str, str]]() for _ in range(3))
    for guard, kind, meeting in breaches(met):
        found = [finding.guard for finding in guards(meeting.view, meeting.text) if not finding.soft]
        total[guard, kind] += 1
        caught[guard, kind] += bool(found)
        own[guard, kind] += guard in found
        if show and not found and guard != "echo" and kind != "three quarters of it, shuffled":
            print(f"  missed {guard}, {kind}: {meeting.text[:160]!r}")
    print(f"\n{'planted breaches':42}{'planted':>9}{'caught':>16}{'by its own guard':>20}")
    # Most of what agents say tells nothing of who speaks ("It is in the north."): shown beside the sum.
    beside = [counted.pop(("role", "what agents really said"), 0) for counted in (total, caught, own)]
    for place in [*total, None]:
        count, some, right = (c[place] if place else c.total() for c in (total, caught, own))
        title = ": ".join(place) if place else "all"
        print(f"{title:42}{count:>9}{some:>9} {some / count:>6.1%}{right:>13} {right / count:>6.1%}")
    print(f"beside: {beside[1]} of {beside[0]} messages of real agents, said in the user's place")


def cost(met: list[Meeting]) -> None:
    """Print what a message takes: when a case is met first, and after."""
    guards = Guards()
    for title in ("first pass, caches cold", "second pass"):
        begun = time.process_time()
        for meeting in met:
            guards(meeting.view, meeting.text)
        print(f"{title}: {(time.process_time() - begun) / len(met) * 1000:.3f} ms of CPU a message")


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--show", action="store_true", help="print every message stopped and every breach missed")
    given = parser.parse_args()
    rows = list(sessions_in(given.data))
    distilled, plain = list(by_rules(rows)), list(by_plain_rule(rows))
    people_table("cases by demo:/rules", distilled, show=given.show)
    people_table("cases by the plain rule", plain, show=given.show)
    breach_table([*distilled, *plain], show=given.show)
    print()
    cost([*distilled, *plain])


if __name__ == "__main__":
    main()
