"""One answer of an agent in the shapes of many libraries: an order was looked up, and it was sent."""

import dataclasses
import warnings
from typing import Any

from pydantic import BaseModel

from convsim_nb.domain.session import ToolCall

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow warns of its own type hints when they are imported
    import mlflow.types.agent as mlflow_agent
    import mlflow.types.llm as mlflow_llm
    import mlflow.types.responses as mlflow_responses

__all__ = ["mlflow_agent", "mlflow_llm", "mlflow_responses"]

CALL = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"order": 7}'}}
ASKS = {"role": "assistant", "content": None, "tool_calls": [CALL]}
TOOL = {"role": "tool", "tool_call_id": "c1", "content": '{"state": "sent"}'}
SAYS = {"role": "assistant", "content": "It was sent."}
LOOKED_UP = ToolCall(name="look_up", arguments={"order": 7}, result={"state": "sent"}, id="c1")

COMPLETION = {
    "id": "x",
    "object": "chat.completion",
    "created": 0,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": SAYS}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
}
ITEM_CALL = {"type": "function_call", "id": "f1", "call_id": "c1", "name": "look_up", "arguments": '{"order": 7}'}
ITEM_RESULT = {"type": "function_call_output", "call_id": "c1", "output": '{"state": "sent"}'}
ITEM_SAYS = {
    "type": "message",
    "id": "m1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "It was sent.", "annotations": []}],
}
RESPONSE = {
    "id": "r1",
    "object": "response",
    "created_at": 0,
    "model": "m",
    "output": [ITEM_SAYS],
    "parallel_tool_calls": False,
    "tool_choice": "auto",
    "tools": [],
    "usage": {
        "input_tokens": 9,
        "output_tokens": 3,
        "total_tokens": 12,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    },
}


class AIMessage(BaseModel):
    """Built like LangChain's, which is no dependency of ours."""

    content: Any
    type: str = "ai"
    tool_calls: list[dict[str, Any]] = []
    usage_metadata: dict[str, Any] | None = None
    additional_kwargs: dict[str, Any] = {}
    id: str | None = None


class HumanMessage(BaseModel):
    content: str
    type: str = "human"


class ToolMessage(BaseModel):
    content: str
    tool_call_id: str
    type: str = "tool"
    status: str = "success"


@dataclasses.dataclass
class PredictResult:
    response: Any
    trace_id: str | None = None
