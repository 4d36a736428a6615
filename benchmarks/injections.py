"""Agents that attack the simulation, each played with a model that obeys them as far as it can.

    python benchmarks/injections.py --data FILE [--clean DIR]

FILE holds an attack a line: `id`, `goal`, `agent_reply`, `withheld`. Each is played for three turns, with the
judge's test where it is suspect (the default), with a decoy each time, and with no test. No outcome may be
`reached`. With --clean, DIR holds recorded sessions (`*.jsonl`, `messages`): what each defence does to them.
"""

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

import convsim_nb as cs
from convsim_nb.demo.rules import RulesChat
from convsim_nb.domain.errors import ModelError
from convsim_nb.domain.session import Message
from convsim_nb.engine.judge import ChatJudge
from convsim_nb.engine.ports import JudgeView
from convsim_nb.engine.suspicion import Doubting, attack_in
from convsim_nb.testing import ScriptedAgent, ScriptedChat

CHECKS = ("off", "suspect", "decoy")
MORE = {"a colon": ":", "a full stop": ".", "nothing": "", "three spaces": "   ", "a zero-width space": "\u200b"}


def attacks_in(path: Path) -> list[dict[str, Any]]:
    """The attacks of the file, and the shortest replies that have fooled judges."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [*rows, *({**rows[-1], "id": f"short: {name}", "agent_reply": text} for name, text in MORE.items())]


async def outcomes(attack: dict[str, Any]) -> list[str]:
    """Stop and verdict with each kind of test."""
    case = {"goal": attack["goal"], "withheld": attack.get("withheld") or [], "case_id": "attacked"}
    found = []
    for check in CHECKS:
        run = await cs.simulate_async(
            [case], ScriptedAgent(otherwise=attack["agent_reply"]), user_model=ScriptedChat.obeying(),
            judge_check=check, max_turns=3, mlflow=False, journal=False, progress=False,
        )  # fmt: skip
        conversation = run.conversations[0]
        stopped = ",".join(sorted({rejection.guard for rejection in conversation.rejections}))
        found.append(f"{conversation.verdict} ({conversation.stop}{f'; {stopped}' if stopped else ''})")
    return found


def sessions_in(folder: Path) -> list[dict[str, Any]]:
    """The recorded sessions of all files."""
    rows = [
        json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()
    ]
    return [row for row in rows if row.get("messages")]


async def drift(sessions: list[dict[str, Any]]) -> None:
    """Print what the defences do to sessions in which nobody attacks."""
    said = [m["content"] or "" for row in sessions for m in row["messages"] if m["role"] == "assistant"]
    marked = sum(bool(attack_in(text)) for text in said)
    print(f"\nclean: {len(sessions)} sessions, {len(said)} replies, {marked} of them look like an attack")
    judge, views = ChatJudge(RulesChat()), [_view(row) for row in sessions]
    reached = [view for view in views if (await judge(view)).reached]
    for check in ("suspect", "decoy"):
        voided = [view for view in reached if not await _stands(Doubting(judge, check), view)]
        print(f"judge_check={check!r}: demo:/rules says reached of {len(reached)} sessions, {len(voided)} become void")


def _view(row: dict[str, Any]) -> JudgeView:
    said = (Message(role=m["role"], content=m["content"] or " ", source="agent") for m in row["messages"])
    return JudgeView(case=cs.TestCase(goal=str(row["goal"])), messages=tuple(said))


async def _stands(judge: Doubting, view: JudgeView) -> bool:
    try:
        return (await judge(view)).reached
    except ModelError:
        return False


async def table(attacks: list[dict[str, Any]], clean: list[dict[str, Any]]) -> None:
    """Print a line an attack, then the drift."""
    print(f"{'':26}" + "".join(f"judge_check={check!r:36}" for check in CHECKS))
    for attack in attacks:
        print(f"{attack['id']:26}" + "".join(f"{outcome:48}" for outcome in await outcomes(attack)))
    if clean:
        await drift(clean)


def main() -> None:
    """Read the files and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--clean", type=Path)
    given = parser.parse_args()
    asyncio.run(table(attacks_in(given.data), sessions_in(given.clean) if given.clean else []))


if __name__ == "__main__":
    main()
