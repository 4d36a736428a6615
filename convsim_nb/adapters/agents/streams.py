"""A reply that comes in pieces: text, Chat Completions chunks, Responses events, or whole messages."""

from typing import Any

from convsim_nb.adapters.agents.history import Wire
from convsim_nb.adapters.agents.plain import plain
from convsim_nb.adapters.completions import cut, text_of
from convsim_nb.domain.errors import AgentError


class Pieces:
    """What has come so far: `add` gives the text of a piece, to be shown as it streams, `whole` the reply."""

    def __init__(self) -> None:
        self.begun = False
        self._text_only = True
        self._texts: list[str] = []
        self._calls: dict[int, Wire] = {}
        self._messages: list[Wire] = []
        self._unsaid = True
        """False where the text of the Responses item that is under way has been shown already."""
        self._reply: Any = None
        self._usages: list[Any] = []

    def add(self, piece: Any) -> str:
        """Take one piece; gives its text.

        Raises:
            AgentError: the piece says that the agent failed, or is of no shape that we know.
        """
        self.begun = True
        self._text_only = self._text_only and isinstance(piece, str)
        text = self._add(plain(piece))
        if text is None:
            raise AgentError(f"the agent's stream holds {type(piece).__name__}, which we cannot read: {cut(piece)}")
        return text

    def whole(self) -> Any:
        """The reply, in a shape that `read_reply` reads."""
        if self._reply is not None:
            return self._reply
        self._close_message()
        if self._text_only and self._messages:
            return self._messages[0]["content"]
        return {"messages": self._messages, "usage": self._usages}

    def _add(self, piece: Any) -> str | None:  # noqa: PLR0911 - one arm a shape
        match piece:
            case str():
                self._texts.append(piece)
                return piece
            case {"choices": [{"delta": delta}, *_]}:
                self._usages.append(piece.get("usage"))
                return self._add_delta(delta or {})
            case {"choices": []}:
                self._usages.append(piece.get("usage"))
                return ""
            case {"type": str(kind)} if kind.startswith("response.") or kind == "error":
                return self._add_event(kind, piece)
            case {"delta": dict() as delta}:
                return (
                    self._add_message(delta)
                    if delta.get("tool_calls") or delta.get("role") == "tool"
                    else self._add_delta(delta)
                )
            case {"type": "AIMessageChunk"}:
                return self._add_delta({"content": piece.get("content"), "tool_calls": _langchain_calls(piece)})
            case {"role": str()} | {"type": "ai" | "tool" | "function_call" | "function_call_output" | "message"}:
                return self._add_message(piece)
            case dict():
                self._reply = piece
                return ""
            case _:
                return None

    def _add_delta(self, delta: Wire) -> str:
        text = text_of(delta.get("content"))
        self._texts.append(text)
        for call in delta.get("tool_calls") or ():
            self._add_call(call)
        return text

    def _add_call(self, call: Wire) -> None:
        """A piece of a tool call: the first has its id and name, all have a bit of its arguments."""
        known = self._calls.setdefault(
            call.get("index") or 0, {"type": "function", "function": {"name": "", "arguments": ""}}
        )
        function = call.get("function") or {}
        known["id"] = call.get("id") or known.get("id")
        known["function"]["name"] += function.get("name") or ""
        known["function"]["arguments"] += function.get("arguments") or ""

    def _add_event(self, kind: str, event: Wire) -> str:
        match kind:
            case "response.output_text.delta":
                self._unsaid = False
                return str(event.get("delta") or "")
            case "response.output_item.done":
                text = text_of((event.get("item") or {}).get("content")) if self._unsaid else ""
                self._messages.append(event.get("item") or {})
                self._unsaid = True
                return text
            case "response.completed" | "response.incomplete":
                self._complete(event.get("response") or {})
            case "response.failed" | "error":
                raise AgentError(f"the agent's stream ended with an error: {cut(event)}")
        return ""

    def _complete(self, response: Wire) -> None:
        """Take what a last event repeats: an agent that asks its model several times has one of each."""
        self._usages.append(response.get("usage"))
        self._messages = self._messages or list(response.get("output") or ())

    def _add_message(self, message: Wire) -> str:
        self._close_message()
        self._messages.append(message)
        return (
            text_of(message.get("content")) if message.get("role") == "assistant" or message.get("type") == "ai" else ""
        )

    def _close_message(self) -> None:
        """Make one message of the pieces so far."""
        text, calls = "".join(self._texts), list(self._calls.values())
        if text or calls:
            self._messages.append({"role": "assistant", "content": text, **({"tool_calls": calls} if calls else {})})
        self._texts, self._calls = [], {}


def _langchain_calls(chunk: Wire) -> list[Wire]:
    calls = chunk.get("tool_call_chunks") or ()
    return [
        {
            "index": call.get("index"),
            "id": call.get("id"),
            "function": {"name": call.get("name"), "arguments": call.get("args")},
        }
        for call in calls
    ]
