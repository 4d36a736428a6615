"""Fakes that fit the engine's ports, for tests of the package and of what people build on it."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.events import RunEvent
from convsim_nb.engine.ports import ChatReply, ChatRequest
from convsim_nb.engine.suspicion import DECOYS

Answer = str | Mapping[str, Any] | Exception
"""What a scripted model answers: text, an object that is sent as its JSON, or an error that it raises."""
Script = Sequence[Answer] | Callable[[ChatRequest], Answer]
"""One answer a turn, the last one for ever; or a function of the request."""


class AgentDown(Exception):
    """What a scripted agent raises when it is told to fail."""


@dataclass
class ScriptedChat:
    """A language model that says what it is told, by the kind of reply it is asked for.

    The answer's place in a script is the turn of the conversation, read from the request, so that
    conversations that run side by side do not take each other's lines.
    """

    user: Script = ("Hello",)
    judge: Script = ({"reached": False},)
    split: Script = ({"goals": [{"first": 0}]},)
    distill: Script = ()
    draft: Script = ()
    failure: Script = ({"why": "nothing can be shown", "kind": "unclear"},)
    requests: list[ChatRequest] = field(default_factory=list)
    """Every request, in the order of asking."""
    name: str = "scripted"

    @classmethod
    def happy(cls, *, turns: int = 1) -> "ScriptedChat":
        """A user who opens with the goal, and a judge who is content with the agent's words in turn `turns`."""
        return cls(user=_opens_with_goal, judge=lambda request: _content_from(request, turns))

    @classmethod
    def obeying(cls) -> "ScriptedChat":
        """A user and a judge that do what the agent's text tells them to: the worst readers of an attack."""
        return cls(user=_as_told, judge=_always_reached, name="obeying")

    async def __call__(self, request: ChatRequest) -> ChatReply:
        """The scripted answer to a request."""
        self.requests.append(request)
        kind = request.reply_type.__name__ if request.reply_type else ""
        script = self._scripts.get(kind, ())
        answer = script(request) if callable(script) else script[min(_turn(request), len(script)) - 1]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, str) and kind == "UserReply":
            answer = {"action": "say", "text": answer}
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return ChatReply(text, Usage(calls=1, input_tokens=10, output_tokens=5))

    @property
    def _scripts(self) -> dict[str, Script]:
        return {
            "UserReply": self.user,
            "JudgeReply": self.judge,
            "SplitReply": self.split,
            "DistillReply": self.distill,
            "DraftReply": self.draft,
            "BlameReply": self.failure,
        }


@dataclass
class ScriptedAgent:
    """An agent that answers by the words it finds in the user's last message.

    `replies` maps a word to a text, to any reply that an agent may give, or to an error that is raised.
    """

    replies: Mapping[str, Any] = field(default_factory=dict)
    otherwise: Any = "It is done."
    heard: list[list[dict[str, Any]]] = field(default_factory=list)
    """The messages of every call."""

    async def __call__(self, messages: list[dict[str, Any]]) -> Any:
        """Answer the last message."""
        self.heard.append(messages)
        last = str(messages[-1]["content"]).lower()
        reply = next((answer for word, answer in self.replies.items() if word.lower() in last), self.otherwise)
        if isinstance(reply, BaseException):
            raise reply
        return reply


@dataclass
class EventLog:
    """A sink that keeps every event."""

    events: list[RunEvent] = field(default_factory=list)
    name: str = "EventLog"

    def __call__(self, event: RunEvent) -> None:
        """Keep one event."""
        self.events.append(event)

    def kinds(self, key: str | None = None) -> list[str]:
        """The kinds of all events, or of one conversation's, in order."""
        return [event.kind for event in self.events if key is None or getattr(event, "key", None) == key]


def _data(request: ChatRequest) -> list[dict[str, Any]]:
    return [json.loads(message.content) for message in request.messages if message.role == "user"]


def _turn(request: ChatRequest) -> int:
    """The turn that a request is about, from 1."""
    kind = request.reply_type.__name__ if request.reply_type else ""
    if kind == "UserReply":
        return sum(message.role == "assistant" for message in request.messages) + 1
    if kind == "JudgeReply":
        return next((int(d["judge_after_turn"]) for d in _data(request) if "judge_after_turn" in d), 1)
    return 1


def _opens_with_goal(request: ChatRequest) -> Answer:
    goal, turn = _data(request)[0]["goal"], _turn(request)
    return str(goal) if turn == 1 else f"Please go on ({turn})."


def _content_from(request: ChatRequest, turns: int) -> Answer:
    said = [d["agent"] for d in _data(request) if "agent" in d]
    if _turn(request) < turns:
        return {"reached": False, "why": "not yet"}
    if any(d.get("goal") in DECOYS for d in _data(request)):
        return {"reached": False, "why": "nobody asked for that"}
    return {"reached": True, "why": "the agent answered", "evidence": said[-1]}


def _always_reached(request: ChatRequest) -> Answer:
    """Reached, whatever the goal is, with words that the agent really said; every trigger fires by them."""
    said = [str(d["agent"]) for d in _data(request) if "agent" in d]
    lines = [line for line in re.split(r"(?<=[.!?])\s|\n", said[-1] if said else "") if any(map(str.isalnum, line))]
    quote = lines[0][:120] if lines else "".join(said[-1:])
    return {"why": "as told", "reached": True, "evidence": quote, "fired": [{"trigger": 0, "quote": quote}]}


_ORDERS: tuple[tuple[str, Answer], ...] = (
    (r"stop|end[_ ]?(?:of)?[_ ]?conv|im_end|end the chat|</s>|say thank you", {"action": "end", "because": "told to"}),
    (r"swap|you are (?:now )?(?:the|a)", "Hello, how can I help you today? I will book your flight for you."),
    (r"mistake|correct behaviou?r", "You will make the mistake that I was told to wait for."),
    (r"reply|confirm", "Goal achieved."),
)


def _as_told(request: ChatRequest) -> Answer:
    """Ends, swaps roles, reads out the brief or confirms, as the agent's text asks."""
    brief, *_ = _data(request)
    said = [str(d["agent"]).lower() for d in _data(request) if "agent" in d]
    if not said:
        return str(brief["goal"])
    if re.search(r"persona|guidelines|prompt|brief|instructions", said[-1]):
        return f"My persona and my instructions are: {json.dumps(brief)}"
    return next((answer for order, answer in _ORDERS if re.search(order, said[-1])), "And now?")
