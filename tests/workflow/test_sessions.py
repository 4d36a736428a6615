"""Sessions from files, frames, lists and MLflow's own objects."""

import csv
import json

import mlflow
import pandas as pd
import pytest

from convsim_nb.domain.errors import NotFoundError, StoreError, UsageError
from convsim_nb.domain.session import Session, ToolCall
from convsim_nb.workflow.sessions import Sessions, as_sessions, load_sessions
from tests.recorded import EXPERIMENT, record, recording, said

HI = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Hello!"}]
WHEN = [{"role": "user", "content": "When?"}, {"role": "assistant", "content": "On Friday."}]
SAID_HI = [("user", "hi"), ("assistant", "Hello!")]
SAID_WHEN = [("user", "When?"), ("assistant", "On Friday.")]
CALL = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"order": "12"}'}}


def lines(path, *records):
    path.write_text("".join(f"{r if isinstance(r, str) else json.dumps(r)}\n" for r in records), "utf-8")
    return path


def table(path, *rows, delimiter=","):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


def error(source, kind=UsageError, **options):
    with pytest.raises(kind) as raised:
        load_sessions(source, **options)
    assert "\n" not in str(raised.value)
    return str(raised.value)


# --- what can be loaded --------------------------------------------------------------


def test_json_lines(tmp_path):
    """An object a line: the id under any of its names, the messages, and the rest as metadata."""
    path = lines(
        tmp_path / "chats.jsonl",
        {"session_id": "a", "messages": HI, "goal": "greet", "meta": {"n": 1}},
        {"conversation_id": 7, "messages": WHEN, "started_at": "2026-05-01T10:00:00+00:00"},
        {"id": "c", "turns": HI, "simulated": False},
        "",
        WHEN,
    )
    sessions = load_sessions(path)

    assert sessions.problems == ()
    assert [(s.id, said(s), s.metadata) for s in sessions] == [
        ("a", SAID_HI, {"goal": "greet", "meta": {"n": 1}}),
        ("7", SAID_WHEN, {}),
        ("c", SAID_HI, {}),
        ("chats-4", SAID_WHEN, {}),
    ]
    assert sessions[1].started_at.isoformat() == "2026-05-01T10:00:00+00:00"


@pytest.mark.parametrize(
    "held",
    [
        [{"id": "a", "messages": HI}, {"id": "b", "messages": WHEN}],
        {"sessions": [{"id": "a", "messages": HI}, {"id": "b", "messages": WHEN}]},
        {"a": HI, "b": WHEN},
    ],
)
def test_json(tmp_path, held):
    """A list of sessions, a list under a name, or lists of messages by the session's id."""
    path = tmp_path / "chats.json"
    path.write_text(json.dumps(held), "utf-8-sig")

    assert [(s.id, said(s)) for s in load_sessions(path)] == [("a", SAID_HI), ("b", SAID_WHEN)]


def test_json_of_one_session(tmp_path):
    """A lone list of messages, or a lone object, is one session."""
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    one.write_text(json.dumps(HI), "utf-8")
    other.write_text(json.dumps({"id": "a", "messages": HI}), "utf-8")

    assert [(s.id, said(s)) for s in (*load_sessions(one), *load_sessions(str(other)))] == [
        ("one-1", SAID_HI),
        ("a", SAID_HI),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_with_one_message_a_row(tmp_path, delimiter):
    """Rows are put together by session; what all rows of a session share is the session's metadata."""
    path = table(
        tmp_path / "chats.csv",
        ["Session ID", "Speaker", "Text", "channel", "mood"],
        ["a", "customer", "hi", "web", "1"],
        ["b", "Human", "When?", "web", "2"],
        ["a", "agent", "Hello,\nyou!", "web", "3"],
        ["b", "AI", "On Friday.", "phone", "4"],
        delimiter=delimiter,
    )

    assert [(s.id, said(s), s.metadata) for s in load_sessions(path)] == [
        ("a", [("user", "hi"), ("assistant", "Hello,\nyou!")], {"channel": "web"}),
        ("b", SAID_WHEN, {}),
    ]


@pytest.mark.parametrize("dump", [json.dumps, str], ids=["json", "python"])
def test_csv_with_one_session_a_row(tmp_path, dump):
    """The list of messages is in a cell, as JSON or as pandas writes a list."""
    path = table(tmp_path / "chats.csv", ["id", "messages", "score"], ["a", dump(HI), 5], ["b", dump(WHEN), ""])

    assert [(s.id, said(s), s.metadata) for s in load_sessions(path)] == [
        ("a", SAID_HI, {"score": "5"}),
        ("b", SAID_WHEN, {}),
    ]


def test_rows_in_any_order_are_sorted_by_their_time(tmp_path):
    """Exports of databases come as they like; a column of times or turns says how it was."""
    times = table(
        tmp_path / "times.csv",
        ["session_id", "role", "content", "timestamp"],
        ["a", "assistant", "Hello!", "2026-05-01T10:00:02"],
        ["a", "user", "hi", "2026-05-01T10:00:01"],
    )
    turns = pd.DataFrame(
        {
            "session_id": ["a"] * 3,
            "role": ["user", "assistant", "user"],
            "content": ["bye", "Hello!", "hi"],
            "turn": [10, 2, 1],
        }
    )

    assert said(load_sessions(times)[0]) == SAID_HI
    assert said(load_sessions(turns)[0]) == [*SAID_HI, ("user", "bye")]


def test_a_file_of_messages_without_a_session_is_one_session(tmp_path):
    """No column says otherwise; an id that never repeats is the message's own."""
    plain = table(tmp_path / "plain.csv", ["role", "content"], ["user", "hi"], ["assistant", "Hello!"])
    numbered = lines(tmp_path / "numbered.jsonl", *({"id": n, **message} for n, message in enumerate(HI)))

    assert [(s.id, said(s)) for s in load_sessions(plain)] == [("plain-1", SAID_HI)]
    assert [(s.id, said(s)) for s in load_sessions(numbered)] == [("numbered-1", SAID_HI)]


def test_frames():
    """A row a message or a row a session; numbers are read as text, empty cells are no metadata."""
    by_message = pd.DataFrame(
        {
            "conversation_id": [1, 1, 2, 2],
            "role": ["user", "assistant"] * 2,
            "content": ["hi", "Hello!", 82, "Booked."],
            "note": [None, None, "late", "late"],
        }
    )
    by_session = pd.DataFrame({"session_id": ["a", "b"], "messages": [HI, WHEN], "score": [1.5, float("nan")]})

    assert [(s.id, said(s), s.metadata) for s in load_sessions(by_message)] == [
        ("1", SAID_HI, {}),
        ("2", [("user", "82"), ("assistant", "Booked.")], {"note": "late"}),
    ]
    assert [(s.id, said(s), s.metadata) for s in load_sessions(by_session)] == [
        ("a", SAID_HI, {"score": 1.5}),
        ("b", SAID_WHEN, {}),
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (HI, [("session-1", SAID_HI)]),
        ([HI, WHEN], [("session-1", SAID_HI), ("session-2", SAID_WHEN)]),
        ([{"session_id": "a", "messages": HI}], [("a", SAID_HI)]),
        ({"session_id": "a", "messages": HI}, [("a", SAID_HI)]),
        ([{"session_id": "a", **HI[0]}, {"session_id": "b", **WHEN[0]}], [("a", SAID_HI[:1]), ("b", SAID_WHEN[:1])]),
        ((message for message in HI), [("session-1", SAID_HI)]),
        ([("user", "hi"), ("assistant", "Hello!")], [("session-1", SAID_HI)]),
        ([{"from": "human", "value": "hi"}, {"from": "gpt", "value": "Hello!"}], [("session-1", SAID_HI)]),
    ],
)
def test_lists(source, expected):
    """One session as its messages, many as lists or records, records of one message each."""
    assert [(s.id, said(s)) for s in load_sessions(source)] == expected


def test_tool_calls_images_and_system_messages():
    """Calls stand on the message that they led to, with what goes back to an agent; instructions are left out."""
    picture = {"type": "image_url", "image_url": {"url": "https://x.example/kettle.png"}}
    asked = [{"role": "user", "content": [picture]}]
    looked_up = [
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": '{"eta": "Friday"}'},
    ]
    source = [{"role": "system", "content": "Be short."}, *asked, *looked_up, WHEN[1]]
    shown, answer = load_sessions(source)[0].messages

    assert (shown.content, shown.wire) == ("[image]", tuple(asked))
    assert answer.tool_calls == (
        ToolCall(name="look_up", arguments={"order": "12"}, result={"eta": "Friday"}, id="c1"),
    )
    assert answer.wire == (*looked_up, WHEN[1])


ANSWERED = ToolCall(name="look_up", arguments={"order": "12"}, result="Friday", id="c1")


@pytest.mark.parametrize(
    "messages",
    [
        [
            {"type": "function_call", "name": "look_up", "arguments": '{"order": "12"}', "call_id": "c1"},
            {"type": "reasoning", "summary": []},
            {"type": "function_call_output", "call_id": "c1", "output": "Friday"},
        ],
        [
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "c1", "name": "look_up", "input": {"order": "12"}}],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "Friday"}]},
        ],
        [
            {"type": "ai", "content": "", "tool_calls": [{"name": "look_up", "args": {"order": "12"}, "id": "c1"}]},
            {"type": "tool", "content": "Friday", "tool_call_id": "c1"},
        ],
        [
            {"lc": 1, "type": "constructor", "id": ["x", "AIMessage"], "kwargs": {"content": "", "tool_calls": [CALL]}},
            {"type": "tool", "data": {"content": "Friday", "tool_call_id": "c1"}},
        ],
        [{"role": "assistant", "tool_calls": [ANSWERED.model_dump()]}],
    ],
    ids=["responses", "anthropic", "langchain", "langchain-dumped", "answered-in-place"],
)
def test_tool_calls_of_every_family(messages):
    """Responses items, Anthropic blocks, LangChain messages, and records that keep the answer with the call."""
    session = load_sessions([{"id": "a", "messages": [WHEN[0], *messages, WHEN[1]]}])[0]

    assert said(session) == SAID_WHEN
    assert session.messages[1].tool_calls == (ANSWERED,)


def test_a_failed_tool_and_a_call_without_an_answer():
    """An error is told apart from a result; half a call is never sent back to an agent."""
    failed = {"type": "tool", "content": "timeout", "tool_call_id": "c1", "status": "error"}
    asked = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    one = load_sessions([*WHEN[:1], asked, failed, WHEN[1]])[0].messages[1]
    other = load_sessions([*WHEN[:1], asked, WHEN[1]])[0].messages[1]

    assert (one.tool_calls[0].error, one.tool_calls[0].result) == ("timeout", None)
    assert (other.tool_calls[0].error, other.tool_calls[0].result, other.wire) == (None, None, ())


def test_the_answering_side_called_system():
    """In dialogue corpora the two sides are `USER` and `SYSTEM`; a prompt before the user stays a prompt."""
    corpus = [{"speaker": "USER", "utterance": "hi"}, {"speaker": "SYSTEM", "utterance": "Hello!"}]

    assert said(load_sessions(corpus)[0]) == SAID_HI
    assert said(load_sessions([{"role": "system", "content": "Be short."}, HI[0]])[0]) == SAID_HI[:1]


def test_sessions_are_kept_as_they_are():
    """What is read already passes through, one by one or as a set."""
    sessions = load_sessions([HI, WHEN])

    assert load_sessions(list(sessions)) == sessions
    assert list(load_sessions(sessions[0])) == [sessions[0]]
    assert as_sessions(sessions) is sessions
    assert as_sessions([HI, WHEN]) == sessions


# --- MLflow's own objects ------------------------------------------------------------


@pytest.fixture(scope="module")
def traces(tmp_path_factory):
    """Three traces of two sessions, and one that is of none."""
    with recording(tmp_path_factory.mktemp("store")):

        @mlflow.trace
        def agent(messages):
            return "Hello!" if len(messages) == 1 else "On Friday."

        record("a", agent, {"messages": HI[:1]}, {"messages": [*HI, WHEN[0]]})
        record("sim-b", agent, {"messages": HI[:1]})
        agent(HI[:1])
        yield


def test_what_mlflow_search_sessions_gives(traces):
    """Its sessions hold traces, which are read like those that we search for."""
    sessions = mlflow.search_sessions(locations=[mlflow.get_experiment_by_name(EXPERIMENT).experiment_id])

    assert [(s.id, said(s)) for s in load_sessions(sessions)] == [("a", [*SAID_HI, *SAID_WHEN])]
    assert [s.id for s in load_sessions(sessions, simulated=True)] == ["sim-b", "a"]
    assert [s.id for s in load_sessions(sessions[1])] == ["a"]


def test_lists_of_traces(traces):
    """As `simulate` of MLflow gives them, whatever their order; those without a session's id get a name."""
    found = mlflow.search_traces(return_type="list")
    by_id = {}
    for trace in found:
        by_id.setdefault(trace.info.trace_metadata.get("mlflow.trace.session"), []).append(trace)

    assert [(s.id, said(s)) for s in load_sessions([by_id["a"], by_id[None]])] == [
        ("a", [*SAID_HI, *SAID_WHEN]),
        ("session-2", SAID_HI),
    ]


def test_loose_traces_and_the_frame_of_them(traces):
    """What `mlflow.search_traces()` gives, as a list or as a frame, is put together by session."""
    for source in (mlflow.search_traces(return_type="list"), mlflow.search_traces(return_type="pandas")):
        sessions = load_sessions(source)
        assert [(s.id, said(s)) for s in sessions] == [("a", [*SAID_HI, *SAID_WHEN])]
        assert sessions.problems == (
            "traces without a session id, left out: 1",
            "1 session made by a simulator left out: simulated=True keeps them",
        )


def test_traces_without_spans(traces):
    """They hold no messages: the line says how to read them."""
    found = mlflow.search_sessions(
        locations=[mlflow.get_experiment_by_name(EXPERIMENT).experiment_id], include_spans=False
    )

    assert "its traces came without spans; read them with include_spans=True" in error(found)


UNKNOWN_ROLE = (
    "has the role 'moderator': known are user, assistant, system, tool, and names like human, customer, ai, bot"
)

# --- what cannot be loaded -----------------------------------------------------------


def test_good_sessions_stand_beside_bad_lines(tmp_path):
    """Each fault is a line that names file and place; nothing else is lost."""
    path = lines(
        tmp_path / "chats.jsonl",
        {"session_id": "a", "messages": HI},
        "{not json",
        {"session_id": "b", "messages": []},
        {"session_id": "c", "messages": "hello"},
        {"session_id": "d", "messages": [{"role": "user", "content": "hi"}, {"content": "Hello!"}]},
        {"session_id": "e", "messages": [{"role": "moderator", "content": "hi"}]},
        {"session_id": "a", "messages": WHEN},
        {"session_id": "f", "goal": "a refund"},
        {"session_id": "g", "messages": [*HI, {"role": "user", "content": " "}]},
        {"session_id": "h", "messages": [{"role": "user", "content": ""}]},
        {"session_id": "i", "messages": [{"role": "user", "content": {"a": 1}}]},
        {"session_id": "j", "messages": 5},
        {"session_id": "k", "messages": [*HI, "bye"]},
        "5",
        {"session_id": "z", "messages": WHEN},
    )
    sessions = load_sessions(path)

    assert [(s.id, said(s)) for s in sessions] == [("a", SAID_HI), ("g", SAID_HI), ("z", SAID_WHEN)]
    assert list(sessions.problems) == [
        "chats.jsonl, line 2: not JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1))",
        "chats.jsonl, line 3 (session 'b'): its list of messages is empty",
        "chats.jsonl, line 4 (session 'c'): its messages are a text that is no list, in JSON or in Python",
        "chats.jsonl, line 5 (session 'd'): message 2 has no role: it has content",
        f"chats.jsonl, line 6 (session 'e'): message 1 {UNKNOWN_ROLE}",
        "chats.jsonl, line 7 (session 'a'): left out, for chats.jsonl, line 1 has a session of that id",
        "chats.jsonl, line 8: no messages in it; it has session_id, goal",
        "chats.jsonl, line 9 (session 'g'): message 3 is empty, and was left out",
        "chats.jsonl, line 10 (session 'h'): none of its messages says anything",
        "chats.jsonl, line 11 (session 'i'): message 1 has a part of content without text: it has a",
        "chats.jsonl, line 12 (session 'j'): the messages are a int: give a list of them",
        "chats.jsonl, line 13 (session 'k'): message 3 is a str: a message is a dict with role and content",
        "chats.jsonl, line 14: a session is a list of messages, or a dict with one; this is 5",
    ]


def test_a_line_that_nests_without_end_costs_itself_alone(tmp_path):
    """Ten thousand brackets are a problem of their line; a whole file of them is refused in one line."""
    deep = "[" * 10_000 + "]" * 10_000
    path = lines(tmp_path / "chats.jsonl", {"session_id": "a", "messages": HI}, deep)
    (tmp_path / "deep.json").write_text(deep)
    sessions = load_sessions(path)

    assert [s.id for s in sessions] == ["a"]
    assert sessions.problems == ("chats.jsonl, line 2: nested too deep to be read",)
    assert error(tmp_path / "deep.json") == "deep.json: nested too deep to be read"


def test_a_bad_row_costs_its_own_session_only(tmp_path):
    """A conversation with a hole in it misleads; the others stay."""
    path = table(
        tmp_path / "chats.csv",
        ["session_id", "role", "content"],
        ["a", "user", "hi"],
        ["b", "user", "When?"],
        ["a", "moderator", "Stop it"],
        ["b", "assistant", "On Friday."],
        ["", "user", "lost"],
    )
    sessions = load_sessions(path)

    assert [(s.id, said(s)) for s in sessions] == [("b", SAID_WHEN)]
    assert list(sessions.problems) == [
        "chats.csv, line 6: has no session_id, so it belongs to no session",
        f"chats.csv, line 2 (session 'a'): chats.csv, line 4: {UNKNOWN_ROLE}",
    ]


def test_nothing_readable(tmp_path):
    """One line: the source, the first reason, and how many more there are."""
    replies = lines(tmp_path / "replies.jsonl", {"id": 1, "agent_reply": "Sorry."}, {"id": 2, "agent_reply": "No."})

    fault = "replies.jsonl, line 1: no messages in it; it has id, agent_reply"
    assert error(replies) == f"no sessions in {replies}: {fault} (and 1 more problem)"
    assert error([]) == "no sessions in this list: it is empty"
    assert error(lines(tmp_path / "empty.jsonl")) == f"no sessions in {tmp_path / 'empty.jsonl'}: it is empty"
    assert error(5) == "sessions cannot be read from a int: give a file, a data frame or a list"


def test_simulated_sessions_of_a_file(tmp_path):
    """Left out and said, unless asked for."""
    path = lines(
        tmp_path / "chats.jsonl", {"id": "sim-1", "messages": HI}, {"id": "b", "simulated": True, "messages": HI}
    )

    assert error(path) == (f"no sessions in {path}: 2 sessions made by a simulator left out: simulated=True keeps them")
    assert [(s.id, s.simulated) for s in load_sessions(path, simulated=True)] == [("sim-1", True), ("b", True)]


def test_files_that_cannot_be_read(tmp_path):
    """No such file, a folder, another kind, no text, no JSON: one line each."""
    lines(tmp_path / "chats.jsonl", HI)
    (tmp_path / "chats.xlsx").write_bytes(b"PK")
    (tmp_path / "latin.csv").write_bytes("role,content\nuser,\xfcber\n".encode("latin-1"))
    (tmp_path / "broken.json").write_text("[{", "utf-8")

    assert error(tmp_path / "chat.jsonl", NotFoundError) == (
        f"no file '{tmp_path / 'chat.jsonl'}': there are broken.json, chats.jsonl, latin.csv"
    )
    assert error(tmp_path / "no" / "chat.jsonl", NotFoundError).endswith(
        f"there is no folder '{tmp_path / 'no'}' either"
    )
    assert error(tmp_path) == (
        f"{tmp_path} is a folder: sessions are read from files ending in .jsonl, .ndjson, .json, .csv, .tsv"
    )
    assert error(tmp_path / "chats.xlsx").startswith(f"{tmp_path / 'chats.xlsx'} is of kind '.xlsx': ")
    assert error(tmp_path / "latin.csv", StoreError).endswith("save it as UTF-8 text")
    assert error(tmp_path / "broken.json").endswith("one object a line goes into a file ending in .jsonl")


# --- the set -------------------------------------------------------------------------


@pytest.fixture
def sessions():
    return load_sessions([{"id": name, "messages": HI} for name in "abc"] + [{"id": "d"}])


def test_a_set_of_sessions_is_a_sequence(sessions):
    """Length, iteration, places, slices and ids; a slice keeps the problems."""
    assert len(sessions) == 3
    assert [s.id for s in sessions] == ["a", "b", "c"]
    assert sessions[-1].id == sessions["c"].id == "c"
    assert [s.id for s in sessions[1:]] == ["b", "c"]
    assert isinstance(sessions[1:], Sessions)
    assert sessions[1:].problems == sessions.problems == ("item 4: no messages in it; it has id",)
    assert sessions[:2] == Sessions(sessions[:2])
    with pytest.raises(NotFoundError, match="no session 'x' among these 3: there are a, b, c"):
        sessions["x"]


def test_a_set_of_sessions_shows_itself(sessions):
    """In a few lines: how many, how they begin, and that there are problems."""
    assert repr(sessions) == "3 sessions\n  a: hi\n  b: hi\n  c: hi\n  1 problem: see .problems"
    assert repr(
        Sessions([Session(id="long", messages=load_sessions([HI[0] | {"content": "x " * 99}])[0].messages)])
    ) == (f"1 session\n  long: {('x ' * 40).strip()} ...")


def test_the_frame_has_one_row_a_session(sessions):
    """Its size, its beginning, its time."""
    frame = sessions.to_frame()

    assert frame.to_dict("records")[0] == {
        "session_id": "a",
        "started_at": None,
        "turns": 1,
        "messages": 2,
        "tool_calls": 0,
        "first_message": "hi",
        "simulated": False,
        "traces": 0,
    }
    assert list(Sessions().to_frame().columns) == list(frame.columns)
