"""A judge for recorded agents: it sees a trigger where the words are said again from which it was distilled."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from convsim_nb.domain.case import TestCase
from convsim_nb.domain.quotes import is_quoted
from convsim_nb.engine.judge import FiredReply, JudgeReply
from convsim_nb.engine.ports import ChatReply, ChatRequest


@dataclass(frozen=True)
class RecordedJudge:
    """Needs no model, and never says reached: it is there to release withheld facts at their place."""

    cases: Iterable[TestCase]
    name: str = "recorded"
    _quotes: dict[str, list[str]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Read the words of each trigger."""
        for case in self.cases:
            quotes = {quote.field: quote.text for quote in (case.source.quotes if case.source else ())}
            for place, withheld in enumerate(case.withheld):
                self._quotes.setdefault(withheld.after, []).append(quotes.get(f"withheld[{place}].after", ""))

    async def __call__(self, request: ChatRequest) -> ChatReply:
        """Which of the triggers' words the agent has said."""
        data = [json.loads(message.content) for message in request.messages if message.role == "user"]
        agent = [str(entry["agent"]) for entry in data if "agent" in entry]
        fired = [
            FiredReply(trigger=trigger["trigger"], quote=quote)
            for trigger in data[0].get("triggers", [])
            for quote in self._quotes.get(trigger["when"], [])
            if quote and any(is_quoted(quote, text) for text in agent)
        ]
        return ChatReply(JudgeReply(why="as it was recorded", fired=fired, reached=False).model_dump_json())
