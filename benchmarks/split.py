"""How well sessions are split into goals: recall on stitched sessions, over-splitting on sessions with one goal.

    python benchmarks/split.py --data DIR                       # demo:/rules
    python benchmarks/split.py --data DIR --model openai:/gpt-5-mini --sets stitched_multigoal

DIR holds JSON lines: `session_id`, `messages`, and for sessions whose boundaries are known
`segments.boundaries`, the numbers of the user messages that open another goal.
"""

import argparse
import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from segmentation import pk, window_diff

from convsim_nb.domain.session import Message
from convsim_nb.engine.ports import Chat
from convsim_nb.engine.split import split
from convsim_nb.workflow.models import resolve_model

KNOWN = "stitched_multigoal"
"""The set whose boundaries are goals. Labels of other sets are of domains within one task."""
ONE_GOAL = ("star_human", "tau_airline_gpt4o")
AT_ONCE = 8


@dataclass
class Score:
    """What was found in one group of sessions, user message by user message."""

    sessions: int = 0
    cut: list[str] = field(default_factory=list)
    """Sessions in which more boundaries were found than there are."""
    table: Counter[tuple[bool, bool]] = field(default_factory=Counter)
    """User messages after the first: (is a boundary, was found)."""
    pk: list[float] = field(default_factory=list)
    window_diff: list[float] = field(default_factory=list)

    def add(self, name: str, places: list[int], true: set[int], found: set[int], count: int) -> None:
        """Count one session of `count` messages, whose user messages after the first stand at `places`."""
        self.sessions += 1
        self.cut += [name] if found - true else []
        self.table.update((n in true, n in found) for n in places)
        wanted, got = _gaps(true, count), _gaps(found, count)
        self.pk.append(pk(wanted, got))
        self.window_diff.append(window_diff(wanted, got))

    def line(self, name: str) -> str:
        """The figures, for a table."""
        hit, missed, extra = (self.table[k] for k in ((True, True), (True, False), (False, True)))
        recall = f"{hit / (hit + missed):.2f}" if hit + missed else "   -"
        return (
            f"{name:28} {self.sessions:8} {hit + missed:10} {hit:5} {extra:5} {recall:>6} "
            f"{len(self.cut) / max(self.sessions, 1):9.3f} {_mean(self.pk):5.3f} {_mean(self.window_diff):10.3f}"
        )


def _gaps(openings: set[int], count: int) -> str:
    return "".join("1" if n in openings else "0" for n in range(1, count))


def _mean(values: list[float]) -> float:
    return sum(values) / max(len(values), 1)


async def scored(rows: list[tuple[str, dict]], chat: Chat) -> dict[str, Score]:
    """The scores by group."""
    scores: dict[str, Score] = {}
    places = asyncio.Semaphore(AT_ONCE)

    async def one(group: str, row: dict) -> None:
        messages = [Message(role=m["role"], content=m["content"] or "") for m in row["messages"]]
        async with places:
            found = await split(messages, [m.content for m in messages], chat=chat, report=lambda _: None)
        if found.problem:
            print(f"{row['session_id']}: {found.problem}")
        users = [n for n, message in enumerate(messages) if message.role == "user"][1:]
        true = set(row["segments"]["boundaries"]) if group.startswith(KNOWN) else set()
        got = {span.first for span in found.spans[1:]}
        scores.setdefault(group, Score()).add(row["session_id"], users, true, got, len(messages))

    await asyncio.gather(*(one(group, row) for group, row in rows))
    return scores


def rows_of(folder: Path, names: list[str]) -> list[tuple[str, dict]]:
    """The sessions of the sets, each with its group: stitched ones and their controls are counted apart."""
    found = []
    for name in names:
        for line in (folder / f"{name}.jsonl").read_text("utf-8").splitlines():
            row = json.loads(line)
            group = name
            if name == KNOWN:
                group = f"{name}, {'stitched' if row['segments']['boundaries'] else 'controls'}"
            found.append((group, row))
    return found


def main() -> None:
    """Print a line a group."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="demo:/rules")
    parser.add_argument("--sets", nargs="*", default=[KNOWN, *ONE_GOAL])
    parser.add_argument("--show", action="store_true", help="name the sessions that were cut where they should not be")
    options = parser.parse_args()
    name, chat = resolve_model(options.model)
    scores = asyncio.run(scored(rows_of(options.data, options.sets), chat))
    note = " (rules, and no language model)" if name == "demo:/rules" else ""
    print(f"{name}{note}")
    print(f"{'set':28} {'sessions':>8} boundaries found extra recall over-split    Pk WindowDiff")
    for group in sorted(scores):
        print(scores[group].line(group))
        if options.show and scores[group].cut:
            print("   cut:", ", ".join(scores[group].cut))


if __name__ == "__main__":
    main()
