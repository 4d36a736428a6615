"""The conversation that an agent is given: its own copy, in the shape that it takes."""

import copy

from inline_snapshot import snapshot

from convsim_nb.domain.session import Message
from tests.adapters.agents.shapes import CALL, ITEM_CALL, ITEM_RESULT, ITEM_SAYS, SAYS, TOOL
from tests.adapters.agents.turns import ask

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
SHOWN = Message(
    role="user",
    content="What is this?",
    wire=({"role": "user", "content": [{"type": "text", "text": "What is this?"}, IMAGE]},),
)
CHAT = Message(
    role="assistant",
    content="It was sent.",
    wire=({"role": "assistant", "tool_calls": [CALL]}, TOOL, SAYS),
    source="agent",
)
ITEMS = Message(role="assistant", content="It was sent.", wire=(ITEM_CALL, ITEM_RESULT, ITEM_SAYS), source="agent")
ASKS_AGAIN = Message(role="user", content="When?", source="simulated")


async def given_messages(*messages, **settings):
    got = []
    await ask(lambda messages: got.append(messages) or "", *messages, **settings)
    return got[0]


async def given_input(*messages, **settings):
    got = []
    await ask(lambda input: got.append(input) or "", *messages, **settings)
    return got[0]


async def test_an_agent_of_messages_gets_tool_calls_and_images_back():
    """What it said comes back as it was said, as Chat Completions messages."""
    assert await given_messages(SHOWN, CHAT, ASKS_AGAIN) == [
        *SHOWN.wire,
        {"role": "assistant", "tool_calls": [CALL]},
        TOOL,
        SAYS,
        {"role": "user", "content": "When?"},
    ]


async def test_an_agent_of_input_gets_items():
    """Its own items as they are; messages of the other protocol are put into its own."""
    assert await given_input(SHOWN, ITEMS, ASKS_AGAIN) == snapshot(
        [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "What is this?"},
                    {"type": "input_image", "image_url": "data:image/png;base64,AA"},
                ],
            },
            {"type": "function_call", "id": "f1", "call_id": "c1", "name": "look_up", "arguments": '{"order": 7}'},
            {"type": "function_call_output", "call_id": "c1", "output": '{"state": "sent"}'},
            {
                "type": "message",
                "id": "m1",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "It was sent.", "annotations": []}],
            },
            {"role": "user", "content": "When?"},
        ]
    )
    assert await given_input(CHAT) == snapshot(
        [
            {"type": "function_call", "call_id": "c1", "name": "look_up", "arguments": '{"order": 7}'},
            {"type": "function_call_output", "call_id": "c1", "output": '{"state": "sent"}'},
            {"role": "assistant", "content": "It was sent."},
        ]
    )


async def test_items_reach_an_agent_of_messages_in_its_own_protocol():
    """A conversation that was begun with the one kind of agent can go on with the other."""
    assert await given_messages(ITEMS, ASKS_AGAIN) == snapshot(
        [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"order": 7}'}}
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": '{"state": "sent"}'},
            {"role": "assistant", "content": "It was sent."},
            {"role": "user", "content": "When?"},
        ]
    )


async def test_text_alone_for_those_that_want_it():
    """`agent_history="text"` leaves calls and images out, in both shapes."""
    plain = [{"role": "user", "content": "What is this?"}, {"role": "assistant", "content": "It was sent."}]

    assert await given_messages(SHOWN, CHAT, agent_history="text") == plain
    assert await given_input(SHOWN, ITEMS, agent_history="text") == plain


async def test_what_an_agent_does_to_its_copy_does_not_come_back():
    """Many agents append to the list, and some edit what is in it."""
    before = copy.deepcopy(CHAT)

    def rude(messages):
        messages[0]["tool_calls"][0]["function"]["name"] = "drop_tables"
        messages.clear()
        return "done"

    await ask(rude, CHAT, ASKS_AGAIN)

    assert before == CHAT
