"""Sessions out of traces: each message stands there once, although every turn's trace repeats the history."""

import json
import re
from contextlib import suppress

import mlflow
import pytest
from mlflow.genai.utils.trace_utils import resolve_conversation_from_session

from tests.recorded import EXPERIMENT, found, record, recording, said

TALK = (
    ("hi", "Hello! How can I help?"),
    ("Where is my order 12?", "It is **on its way**.\n\n- Carrier: DHL\n- Status: in transit"),
    ("ok", "Anything else?"),
    ("ok", "Anything else?"),
    ("When?", "On Friday."),
)
"""A conversation in which a message and its answer come twice."""

ONCE = [line for user, agent in TALK for line in (("user", user), ("assistant", agent))]


@pytest.fixture(scope="module", autouse=True)
def _store(tmp_path_factory):
    with recording(tmp_path_factory.mktemp("store")):
        yield


@pytest.fixture
def session_id(request):
    return re.sub(r"[^a-z0-9]+", "-", request.node.name)


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


def history_before(turn):
    """The messages that were said before a turn of `TALK`, as an application keeps them."""
    return [message for u, a in TALK[:turn] for message in (user(u), assistant(a))]


def everything(turn):
    return {"messages": [*history_before(turn), user(TALK[turn][0])]}


def with_instructions(turn):
    return {"messages": [{"role": "system", "content": "Be short."}, *everything(turn)["messages"]]}


def a_window(turn):
    return {"messages": everything(turn)["messages"][-3:]}


def a_window_that_begins_with_the_agent(turn):
    return {"messages": everything(turn)["messages"][-4:]}


def only_the_newest(turn):
    return {"message": TALK[turn][0], "customer_id": "c-1"}


def the_newest_beside_the_history(turn):
    return {"question": TALK[turn][0], "chat_history": history_before(turn)}


def the_newest_beside_pairs(turn):
    return {"message": TALK[turn][0], "history": [list(pair) for pair in TALK[:turn]]}


def other_spaces(turn):
    return {"messages": [{**m, "content": " ".join(m["content"].split())} for m in everything(turn)["messages"]]}


def agents_texts_cut_short(turn):
    messages = [m if m["role"] == "user" else assistant(m["content"][:12] + "...") for m in history_before(turn)]
    return {"messages": [*messages, user(TALK[turn][0])]}


def the_users_messages_alone(turn):
    return {"messages": [user(text) for text, _ in TALK[: turn + 1]]}


def a_summary(turn):
    return {
        "messages": [assistant(f"Summary of {turn} turns: the user greets and asks.")] * (turn > 0)
        + [user(TALK[turn][0])]
    }


def a_text_of_json(turn):
    return {"prompt": json.dumps(everything(turn)["messages"])}


def json_inside_the_message(turn):
    return {"messages": [user(json.dumps(everything(turn)["messages"]))]}


def a_pasted_transcript(turn):
    told = "".join(f"User: {u}\nAssistant: {a}\n" for u, a in TALK[:turn])
    return {"prompt": f"You are a support agent.\n\n{told}User: {TALK[turn][0]}\nAssistant:"}


def parts_of_content(turn):
    messages = everything(turn)["messages"]
    return {"messages": [{**m, "content": [{"type": "text", "text": m["content"]}]} for m in messages]}


def langchain_tuples(turn):
    roles = {"user": "human", "assistant": "ai"}
    return {"messages": [(roles[m["role"]], m["content"]) for m in everything(turn)["messages"]]}


def further_in(turn):
    return {"request": {"input": everything(turn)["messages"], "context": {"conversation_id": "c", "user_id": "u"}}}


HISTORIES = [
    everything,
    with_instructions,
    a_window,
    a_window_that_begins_with_the_agent,
    only_the_newest,
    the_newest_beside_the_history,
    the_newest_beside_pairs,
    other_spaces,
    agents_texts_cut_short,
    the_users_messages_alone,
    a_summary,
    a_text_of_json,
    json_inside_the_message,
    a_pasted_transcript,
    parts_of_content,
    langchain_tuples,
    further_in,
]


@pytest.mark.parametrize("history", HISTORIES, ids=lambda history: history.__name__)
def test_each_message_stands_there_once(history, session_id):
    """However an application hands the history on, the session holds what was said, and nothing twice."""
    replies = iter([reply for _, reply in TALK])

    @mlflow.trace(name="agent")
    def agent(**arguments):
        return next(replies)

    record(session_id, agent, *(history(turn) for turn in range(len(TALK))))
    session = found(session_id)

    assert said(session) == ONCE
    assert len(session.trace_ids) == len(TALK)
    assert [m.trace_id for m in session.messages] == [i for i in session.trace_ids for _ in range(2)]


def test_mlflow_itself_pastes_the_history_into_each_user_message(session_id):
    """The trap that this module exists for: MLflow's own reading of the very same traces."""
    replies = iter([reply for _, reply in TALK])

    @mlflow.trace
    def agent(messages):
        return next(replies)

    record(session_id, agent, *(everything(turn) for turn in range(3)))
    where = f"metadata.`mlflow.trace.session` = '{session_id}'"
    theirs = resolve_conversation_from_session(
        mlflow.search_traces(locations=[experiment_id()], filter_string=where, return_type="list")
    )

    assert [m["role"] for m in theirs] == ["user", "assistant"] * 3
    assert json.loads(theirs[4]["content"]) == everything(2)["messages"]
    assert said(found(session_id)) == ONCE[:6]


def experiment_id():
    return mlflow.get_experiment_by_name(EXPERIMENT).experiment_id


REPLIES = [
    "Hello!",
    {"choices": [{"message": assistant("Hello!")}], "object": "chat.completion"},
    {"output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello!"}]}]},
    {"messages": [assistant("Hello!")]},
    {"messages": [user("hi"), assistant("Hello!")]},
    [assistant("Hello!")],
    assistant("Hello!"),
    {"type": "ai", "content": "Hello!", "additional_kwargs": {}, "response_metadata": {}},
    {"response": "Hello!", "trace_id": "tr-1"},
    {"answer": "Hello!", "sources": [{"title": "Hours"}]},
    {"result": {"output": {"text": "Hello!"}}},
    {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Hello!"}]},
    {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hello!"}]}}]},
    {"output": {"message": {"role": "assistant", "content": [{"text": "Hello!"}]}}, "stopReason": "end_turn"},
    ["Hel", "lo!"],
    [{"choices": [{"delta": {"content": piece}}]} for piece in ("Hel", "lo!")],
    [{"type": "AIMessageChunk", "content": piece} for piece in ("Hel", "lo!")],
    [
        {"type": "response.output_text.delta", "delta": "Hel"},
        {"type": "response.output_item.done", "item": assistant("Hello!", type="message")},
    ],
]


@pytest.mark.parametrize("reply", REPLIES, ids=range(len(REPLIES)))
def test_replies_of_every_shape(reply, session_id):
    """The agent's words are found in whatever shape it, or its framework, gives them back."""

    @mlflow.trace
    def agent(messages):
        return reply

    record(session_id, agent, {"messages": [user("hi")]})

    assert said(found(session_id)) == [("user", "hi"), ("assistant", "Hello!")]


def test_an_agent_that_answers_in_json_of_its_own_is_kept_as_text(session_id):
    """An answer of no known shape is no reason to lose it."""

    @mlflow.trace
    def agent(message):
        return {"intent": "refund", "amount": 3}

    record(session_id, agent, {"message": "Money back!"})

    assert said(found(session_id))[1] == ("assistant", '{"intent": "refund", "amount": 3}')


def failing(replies):
    """An agent that gives these replies; one that is an error is raised."""
    left = iter(replies)

    @mlflow.trace
    def agent(messages):
        reply = next(left)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def call(messages):
        with suppress(ConnectionError):
            agent(messages)

    return call


def test_a_failed_turn_that_is_tried_again_is_one_turn(session_id):
    """The same list sent again after an error: the user said it once."""
    agent = failing(["Hello!", ConnectionError("503"), "On Friday."])
    again = {"messages": [user("hi"), assistant("Hello!"), user("When?")]}
    record(session_id, agent, {"messages": [user("hi")]}, again, again)

    assert said(found(session_id)) == [
        ("user", "hi"),
        ("assistant", "Hello!"),
        ("user", "When?"),
        ("assistant", "On Friday."),
    ]


def test_what_the_user_said_in_a_failed_turn_stays(session_id):
    """The application forgets the failed turn; the user said it all the same."""
    agent = failing(["Hello!", ConnectionError("503"), "On Friday."])
    before = [user("hi"), assistant("Hello!")]
    lists = [[user("hi")], [*before, user("When?")], [*before, user("Are you there?")]]
    record(session_id, agent, *({"messages": messages} for messages in lists))

    assert [text for role, text in said(found(session_id)) if role == "user"] == ["hi", "When?", "Are you there?"]


@pytest.mark.parametrize("first", ["Category: greeting", "Good day!"])
def test_two_calls_on_one_turn_give_the_reply_that_the_history_tells_of(first, session_id):
    """A router before the agent, or an answer that was regenerated: the history says what the user saw."""
    agent = failing([first, "Hello!", "On Friday."])
    turn = {"messages": [user("hi")]}
    record(session_id, agent, turn, turn, {"messages": [user("hi"), assistant("Hello!"), user("When?")]})

    assert said(found(session_id)) == [
        ("user", "hi"),
        ("assistant", "Hello!"),
        ("user", "When?"),
        ("assistant", "On Friday."),
    ]


def test_a_call_after_the_answer_does_not_take_its_place(session_id):
    """A check that runs on the same list after the agent has answered is not what the user saw."""
    agent = failing(["Hello!", "safe", "On Friday."])
    turn = {"messages": [user("hi")]}
    record(session_id, agent, turn, turn, {"messages": [user("hi"), assistant("Hello!"), user("When?")]})

    assert said(found(session_id))[1] == ("assistant", "Hello!")


def test_turns_without_a_trace_come_back_out_of_the_history(session_id):
    """Traces may be sampled: what a later history tells of, in the middle or at the start, is not lost."""
    agent = failing([TALK[1][1], TALK[4][1]])
    record(session_id, agent, everything(1), everything(4))

    assert said(found(session_id)) == ONCE


def test_a_note_that_only_one_history_tells_of_is_taken_back(session_id):
    """Documents put before the question for one call are not part of the conversation."""
    agent = failing(["Hello!", "At nine.", "Bye!"])
    before = [user("hi"), assistant("Hello!")]
    lists = [
        [user("hi")],
        [*before, user("Documents: opening hours are nine to five"), user("When do you open?")],
        [*before, user("When do you open?"), assistant("At nine."), user("Thanks")],
    ]
    record(session_id, agent, *({"messages": messages} for messages in lists))

    assert [text for role, text in said(found(session_id)) if role == "user"] == ["hi", "When do you open?", "Thanks"]


def test_a_question_wrapped_in_a_prompt_is_unwrapped_by_the_next_history(session_id):
    """What the user typed stands in the next turn's history, without the documents around it."""
    agent = failing(["At nine.", "Bye!"])
    wrapped = user("Use these documents: [nine to five].\nQuestion: When do you open?")
    record(
        session_id,
        agent,
        {"messages": [wrapped]},
        {"messages": [user("When do you open?"), assistant("At nine."), user("Thanks")]},
    )

    assert said(found(session_id))[0] == ("user", "When do you open?")


def test_a_transcript_that_a_user_pastes_is_a_message(session_id):
    """Only a text that repeats the conversation, or ends on the agent's cue, is taken apart."""
    pasted = "Please rate this chat:\nUser: hello\nAgent: go away\nUser: how rude"
    record(session_id, failing(["Hello!", "Rude."]), {"messages": [user("hi")]}, {"messages": [user(pasted)]})

    assert said(found(session_id))[2] == ("user", pasted)


def test_words_are_found_below_a_root_that_has_none(session_id):
    """Where the root span was given no words, the agent's own spans tell what was said."""

    @mlflow.trace(span_type="AGENT")
    def agent(messages):
        return "Hello!"

    @mlflow.trace
    def handle(ticket_id):
        agent([user("hi")])

    record(session_id, handle, {"ticket_id": 7})

    assert said(found(session_id)) == [("user", "hi"), ("assistant", "Hello!")]


def test_an_image_goes_with_the_users_message(session_id):
    """`content` alone would lose the picture. MLflow keeps pictures beside the trace: the message names its place."""
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    shown = user([{"type": "text", "text": "What is this?"}, picture])
    record(session_id, failing(["A kettle."]), {"messages": [shown]})

    message = found(session_id).messages[0]

    assert message.content == "What is this?"
    words, kept = message.wire[0]["content"]
    assert words == {"type": "text", "text": "What is this?"}
    assert kept["type"] == "image_url"
    assert kept["image_url"]["url"].startswith(("mlflow-attachment://", "data:image/png"))


def test_what_else_a_session_knows(session_id):
    """The user, the application's own metadata and the time come from the traces; MLflow's own keys stay out."""
    record(
        session_id,
        failing(["Hello!"]),
        {"messages": [user("hi")]},
        metadata={"channel": "web", "mlflow.trace.user": "u-1"},
    )
    session = found(session_id)

    assert session.metadata == {"channel": "web", "user": "u-1", "experiment_id": experiment_id()}
    assert session.started_at.tzinfo is not None
    assert session.messages[1].seconds >= 0
    assert session.messages[0].seconds is None
    assert not session.simulated


# --- tools ---------------------------------------------------------------------------


def test_tool_spans_stand_on_the_message_that_follows(session_id):
    """Name, arguments, result, error and time of each call, without the calls that a tool makes inside."""

    @mlflow.trace(span_type="TOOL")
    def look_up(order):
        fetch("db")
        return {"eta": "Friday"}

    @mlflow.trace(span_type="TOOL")
    def fetch(source):
        return source

    @mlflow.trace(span_type="TOOL")
    def notify(address):
        raise TimeoutError("no answer")

    @mlflow.trace
    def agent(message):
        look_up("12")
        with suppress(TimeoutError):
            notify("a@b.example")
        return "On Friday."

    record(session_id, agent, {"message": "When?"})
    found_, failed = found(session_id).messages[1].tool_calls

    assert (found_.name, found_.arguments, found_.result, found_.error) == (
        "look_up",
        {"order": "12"},
        {"eta": "Friday"},
        None,
    )
    assert (failed.name, failed.result, failed.error) == ("notify", None, "TimeoutError: no answer")
    assert 0 < found_.seconds < 60


CALL = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"order": "12"}'}}
LOOKED_UP = [
    assistant(None, tool_calls=[CALL]),
    {"role": "tool", "tool_call_id": "c1", "content": '{"eta": "Friday"}'},
]


def test_calls_in_lists_and_spans_are_the_same_calls(session_id):
    """The list knows the id, the span the time: one call, told by both."""

    @mlflow.trace(span_type="TOOL")
    def look_up(order):
        return {"eta": "Friday"}

    @mlflow.trace
    def agent(messages):
        look_up("12")
        return {"messages": [*LOOKED_UP, assistant("On Friday.")]}

    record(session_id, agent, {"messages": [user("When?")]})
    message = found(session_id).messages[1]
    (call,) = message.tool_calls

    assert (call.id, call.name, call.arguments, call.result) == ("c1", "look_up", {"order": "12"}, {"eta": "Friday"})
    assert call.seconds is not None
    assert message.wire == (*LOOKED_UP, assistant("On Friday."))


def test_calls_that_only_a_later_history_tells_of(session_id):
    """The trace of the turn shows the words alone; the next turn's list shows how the agent came to them."""
    agent = failing(["On Friday.", "Bye!"])
    record(
        session_id,
        agent,
        {"messages": [user("When?")]},
        {"messages": [user("When?"), *LOOKED_UP, assistant("On Friday."), user("Thanks")]},
    )
    messages = found(session_id).messages

    assert [m.content for m in messages] == ["When?", "On Friday.", "Thanks", "Bye!"]
    assert [call.result for call in messages[1].tool_calls] == [{"eta": "Friday"}]


def test_a_history_that_drops_the_tools(session_id):
    """The calls stay with their turn when the next turn's list has left them out."""

    @mlflow.trace
    def agent(messages):
        if len(messages) > 1:
            return "Bye!"
        return {"messages": [*LOOKED_UP, assistant("On Friday.")]}

    record(
        session_id,
        agent,
        {"messages": [user("When?")]},
        {"messages": [user("When?"), assistant("On Friday."), user("Thanks")]},
    )
    messages = found(session_id).messages

    assert [m.content for m in messages] == ["When?", "On Friday.", "Thanks", "Bye!"]
    assert [len(m.tool_calls) for m in messages] == [0, 1, 0, 0]


def test_words_before_a_call_are_a_message_of_their_own(session_id):
    """'Let me look' was said before the call, the answer after it."""
    listed = [assistant("Let me look.", tool_calls=[CALL]), LOOKED_UP[1], assistant("On Friday.")]
    record(session_id, failing([{"messages": listed}]), {"messages": [user("When?")]})
    messages = found(session_id).messages

    assert [(m.content, len(m.tool_calls)) for m in messages[1:]] == [("Let me look.", 0), ("On Friday.", 1)]
