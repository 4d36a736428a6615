"""The kernel's end of the live view: what it sends, when, and from which thread."""

import asyncio
import json
import threading
import time
from pathlib import Path

import pytest

from convsim_nb.domain import events as ev
from convsim_nb.domain.session import Message, ToolCall
from convsim_nb.domain.state import RunState
from convsim_nb.engine.emit import Emitter
from convsim_nb.notebook.live.protocol import state_json
from convsim_nb.notebook.live.run_view import RunView
from tests.notebook import run_events as ex


class Comm:
    """What joins a widget to its page, as the widget sees it."""

    comm_id = "comm"
    kernel = True

    def __init__(self):
        self.sent, self.threads, self._heard = [], [], None

    def on_msg(self, heard):
        """Hear what the page says."""
        self._heard = heard

    def send(self, data, **_):
        """Send a message to the page: it has to be JSON in UTF-8."""
        json.dumps(data, ensure_ascii=False, allow_nan=False).encode()
        if data["method"] == "custom":
            self.sent.append(json.loads(json.dumps(data["content"])))
            self.threads.append(threading.current_thread().name)

    def say(self, **content):
        """Let the page say something."""
        self._heard({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})

    def close(self, *_, **__):
        """Part."""

    def of(self, kind):
        """The messages of one type."""
        return [message for message in self.sent if message["type"] == kind]


class Shown:
    """A run with a view on it."""

    def __init__(self):
        self.state, self.stops, self.comm = RunState(), [], Comm()
        self.view = RunView(self.state, stop=lambda: self.stops.append(threading.current_thread().name))
        self.view.comm = self.comm
        self.emit = Emitter(self.state, [self.view])

    def tell(self, events):
        """Tell events outside a loop."""
        for event in events:
            self.emit(event)

    async def tell_on_loop(self, events, *, every=1, pause=0.0):
        """Tell events on a loop, with a pause after `every` so many, and wait for the last batch."""
        for number, event in enumerate(events, start=1):
            self.emit(event)
            if number % every == 0:
                await asyncio.sleep(pause)
        await asyncio.sleep(0.1)


@pytest.fixture
def shown():
    """A view that knows nothing yet."""
    return Shown()


def folded(messages):
    """The state that the events of all batches give."""
    events = [ev.EVENT.validate_python(event) for message in messages for event in message["events"]]
    return RunState.replay(events)


# --- what is sent --------------------------------------------------------------------


async def test_the_batches_of_a_run_hold_all_of_its_events(shown):
    """Folding what was sent gives the state that the run has; batches are numbered without a gap."""
    await shown.tell_on_loop(ex.mixed(), every=7)
    batches = shown.comm.of("batch")

    assert [batch["seq"] for batch in batches] == list(range(1, len(batches) + 1))
    sent = folded(batches)
    assert [each.stop for each in sent.conversations] == [each.stop for each in shown.state.conversations]
    assert [len(each.messages) for each in sent.conversations] == [
        len(each.messages) for each in shown.state.conversations
    ]
    assert (sent.ended, sent.at) == (True, shown.state.at)


async def test_tokens_are_gathered_for_fifty_milliseconds(shown):
    """A thousand tokens in half a second are a dozen messages and not a thousand, with no piece lost."""
    started, begun, said = ex.run([ex.Line(ex.OSLO).user("Hello.")], end=False)[:3]
    tokens = [ev.MessageDelta(at=1.0, key=begun.key, turn=1, text=f"{n} ") for n in range(1000)]
    start = time.monotonic()
    await shown.tell_on_loop([started, begun, said, *tokens], every=50, pause=0.02)
    periods = (time.monotonic() - start) / 0.05
    batches = shown.comm.of("batch")

    assert 3 < len(batches) <= periods + 2
    deltas = [event for batch in batches for event in batch["events"] if event["kind"] == "message_delta"]
    assert len(deltas) <= len(batches)
    assert "".join(delta["text"] for delta in deltas) == "".join(f"{n} " for n in range(1000))


async def test_text_is_not_joined_over_what_happened_in_between(shown):
    """A reply that ends and the next one that begins within one batch stay apart."""
    begun = ex.Line(ex.OSLO).events[0]
    two = [
        ev.MessageDelta(at=1, key=begun.key, turn=1, text="a"),
        ev.MessageDelta(at=1, key="other", turn=1, text="x"),
        ev.MessageDelta(at=1, key=begun.key, turn=1, text="b"),
        ev.MessageSent(at=1, key=begun.key, turn=1, message=Message(role="assistant", content="ab", source="agent")),
        ev.MessageDelta(at=1, key=begun.key, turn=2, text="c"),
    ]
    await shown.tell_on_loop([ex.started([ex.OSLO]), begun, *two], every=99)
    sent = [event for batch in shown.comm.of("batch") for event in batch["events"]]
    assert [event.get("text") for event in sent if event["kind"] == "message_delta"] == ["ab", "x", "c"]


async def test_the_start_and_the_end_do_not_wait(shown):
    """They are sent at once: a cell that waits blocks the loop on which a timer would be."""
    shown.emit(ex.started([ex.OSLO]))
    assert [event["kind"] for event in shown.comm.of("batch")[-1]["events"]] == ["run_started"]
    shown.emit(ev.RunEnded(at=1.0))
    assert [event["kind"] for event in shown.comm.of("batch")[-1]["events"]] == ["run_ended"]


def test_outside_a_loop_every_event_is_sent_at_once(shown):
    """Where there is no loop there is no timer: nothing may lie about unsent."""
    events = ex.run([ex.market()])
    shown.tell(events)
    assert len(shown.comm.of("batch")) == len(events)


def test_messages_come_with_their_html_and_proofs_with_their_place(shown):
    """Beside the events: HTML by message, and by quote the message that holds it."""
    shown.tell(ex.run([ex.market()]))
    key = "closed-market/support_agent/1#1"
    html = {name: text for batch in shown.comm.of("batch") for name, text in batch["html"].items()}
    quotes = [batch["quotes"] for batch in shown.comm.of("batch") if batch["quotes"]]

    assert list(html) == [f"{key}.{place}" for place in range(6)]
    assert html[f"{key}.1"].startswith("<p><strong>DAX</strong> is at")
    assert quotes == [
        {key: {"both live": 1}},
        {key: {"At Friday's close": 3}},
        {key: {"The Hang Seng closed at 17,936.1 on Friday.": 5}},
    ]


def test_the_header_counts_by_verdict_and_status(shown):
    """Python counts, and only when a count or what was spent may have changed."""
    shown.tell(ex.mixed(model="demo:/rules"))
    header = shown.comm.of("batch")[-1]["header"]
    assert header == {
        "title": "v1",
        "note": "Simulated user and judge: a rule-based stand-in, not a language model.",
        "total": 12,
        "counts": {"reached": 7, "not_reached": 3, "void": 2},
        "rate": "70% reached, 95% interval 40% to 89%",
        "left": None,
        "corrections": 1,
        "spent": ["user 23,652 tokens, $0.011", "judge 23,652 tokens, $0.011"],
        "stopping": False,
        "steering": {},
    }
    kinds = {batch["events"][0]["kind"] for batch in shown.comm.of("batch") if "header" not in batch}
    assert kinds == {"message_delta", "message_sent", "message_rejected", "goal_checked"}


# --- hello ---------------------------------------------------------------------------


def test_hello_is_answered_with_the_whole_state(shown):
    """Addressed to the view that asked, with the number of the last batch, and the HTML of what it shows."""
    shown.tell(ex.mixed())
    shown.comm.say(type="hello", view="v7", open=shown.state.conversations[3].key)
    answer = shown.comm.sent[-1]

    assert (answer["type"], answer["to"]) == ("state", "v7")
    assert answer["seq"] == shown.comm.of("batch")[-1]["seq"]
    assert answer["state"] == json.loads(json.dumps(state_json(shown.state)))
    assert answer["elapsed"] == shown.state.at
    assert list(answer["html"]) == [f"饺子馆-周六/support_agent/1#1.{place}" for place in range(4)]
    assert answer["words"]["stops"]["max_turns"] == "out of turns"
    assert answer["words"]["roles"]["user/operator"] == "you"


async def test_every_snapshot_fits_the_batches_around_it(shown):
    """Whenever a view asks, its state is what the batches up to its number give, and the next batch goes on."""
    events = ex.mixed()
    for number, event in enumerate(events):
        shown.emit(event)
        if number % 5 == 0:
            shown.comm.say(type="hello", view=str(number))
            await asyncio.sleep(0)
    await asyncio.sleep(0.1)
    batches = {batch["seq"]: batch for batch in shown.comm.of("batch")}
    states = shown.comm.of("state")

    assert len(states) == len(range(0, len(events), 5))
    for state in states:
        before = folded([batches[seq] for seq in range(1, state["seq"] + 1)])
        assert state["state"] == json.loads(json.dumps(state_json(before)))


def test_a_snapshot_is_made_where_the_events_are(shown):
    """A view asks on the kernel's thread; the state is read on the engine's, between two events."""
    events = ex.run([ex.oslo()], end=False)
    begun = threading.Event()

    async def play():
        for event in events[1:]:
            shown.emit(event)
            begun.set()
            await asyncio.sleep(0.002)

    shown.emit(events[0])
    engine = threading.Thread(target=lambda: asyncio.run(play()), name="engine")
    engine.start()
    begun.wait(5)
    shown.comm.say(type="hello", view="v")
    engine.join()

    where = dict(zip((message["type"] for message in shown.comm.sent), shown.comm.threads, strict=True))
    assert where["state"] == "engine"


async def test_after_the_end_a_view_is_answered_on_its_own_thread(shown):
    """The engine's loop is gone or asleep then; a second view and a reload are served at once."""
    await shown.tell_on_loop(ex.mixed())
    shown.comm.say(type="hello", view="before")
    assert shown.comm.of("state") == []
    shown.view.close_stream()
    shown.comm.say(type="hello", view="after")
    assert [message["to"] for message in shown.comm.of("state")] == ["after"]


def test_a_loop_that_is_gone_keeps_nobody_waiting(shown):
    """A run on a caller's own loop, which was closed with it."""
    asyncio.run(shown.tell_on_loop(ex.mixed()))
    shown.comm.say(type="hello", view="v")
    assert [message["to"] for message in shown.comm.of("state")] == ["v"]


async def test_closing_the_stream_sends_what_is_left(shown):
    """The last events do not wait for a timer that nobody runs any more."""
    for event in ex.run([ex.market()], end=False):
        shown.emit(event)
    shown.view.close_stream()
    assert folded(shown.comm.of("batch")).conversations[0].stop == "goal_reached"


def test_the_html_of_an_earlier_conversation_is_sent_when_it_is_opened(shown):
    """A page that came later has no HTML of what was said before: it asks for one conversation."""
    shown.tell(ex.mixed())
    key = shown.state.conversations[1].key
    shown.comm.say(type="open", view="v", key=key)
    details = shown.comm.sent[-1]
    assert (details["type"], details["to"], details["key"]) == ("details", "v", key)
    assert len(details["html"]) == 6
    assert details["quotes"] == {
        f"{key}#1": {"both live": 1, "At Friday's close": 3, "The Hang Seng closed at 17,936.1 on Friday.": 5}
    }


@pytest.mark.parametrize(
    "content",
    [{}, {"type": "dance"}, {"type": "hello"}, {"type": "open", "view": "v"}, {"type": "hello", "view": 7}],
)
def test_what_is_not_known_is_left_alone(shown, content):
    """A page may be older or newer than the kernel."""
    shown.comm.say(**content)
    assert (shown.comm.sent, shown.stops) == ([], [])


def test_a_conversation_that_is_not_there_has_no_details(shown):
    """A view may ask for something that a new run no longer has."""
    shown.comm.say(type="open", view="v", key="gone")
    assert shown.comm.sent[-1]["html"] == {}


# --- stop ----------------------------------------------------------------------------


def test_stop_calls_back_and_tells_every_view(shown):
    """A double click, or a click in two views, does no harm; the view says that it is stopping."""
    shown.tell(ex.mixed(end=False))
    shown.comm.say(type="stop")
    shown.comm.say(type="stop")
    assert shown.stops == ["MainThread", "MainThread"]
    assert shown.comm.sent[-1]["header"]["stopping"] is True
    shown.emit(ev.RunEnded(at=9.0, stopped=True))
    assert shown.comm.sent[-1]["header"]["stopping"] is False


def test_stop_does_nothing_after_the_end(shown):
    """The button stays, and is dead."""
    shown.tell(ex.mixed())
    sent = len(shown.comm.sent)
    shown.comm.say(type="stop")
    assert (shown.stops, len(shown.comm.sent)) == ([], sent)


def test_a_closed_view_hears_on_and_says_nothing(shown):
    """The run's last events may come after the widget was closed; that is no failure of a sink."""
    first, *rest = ex.run([ex.market()])
    shown.emit(first)
    shown.view.close()
    shown.tell(rest)
    assert (len(shown.comm.of("batch")), shown.state.dropped) == (1, [])


# --- hostile text, and what is saved -------------------------------------------------


def test_hostile_text_is_sent_as_harmless_html(shown):
    """No tag of an attack is in any HTML that goes to the browser; what hides is shown."""
    shown.tell(ex.hostile())
    html = " ".join(text for batch in shown.comm.of("batch") for text in batch["html"].values())

    assert "&lt;script&gt;" in html
    for tag in (
        "<script",
        "<img",
        "<svg",
        "<iframe",
        "<style",
        "<form",
        "<input",
        "<details",
        "<math",
        "<meta",
        "<base",
    ):
        assert tag not in html
    assert 'href="javascript:' not in html
    assert "\u202e" not in json.dumps(shown.comm.of("batch")[-1], ensure_ascii=False)
    assert "⟨U+202E⟩" in html


def test_what_json_cannot_say_does_not_end_the_view(shown):
    """A tool may give half a character, or a number that is none: the message is sent all the same."""
    call = ToolCall(name="odd", arguments={"half": "\ud800"}, result=[float("nan"), float("inf")])
    begun, said = ex.Line(ex.OSLO).user("Hello.").events[:2]
    answer = Message(role="assistant", content="Odd.", source="agent", tool_calls=(call,))
    shown.tell([ex.started([ex.OSLO]), begun, said, ev.MessageSent(at=1, key=begun.key, turn=1, message=answer)])
    shown.comm.say(type="hello", view="v")

    assert shown.state.dropped == []
    (sent,) = shown.comm.sent[-1]["state"]["conversations"][0]["messages"][1]["tool_calls"]
    assert sent["arguments"] == {"half": "⟨U+D800⟩"}
    assert sent["result"] == ["nan", "inf"]


def test_hidden_characters_in_a_name_do_not_break_it(shown):
    """Conversations are found by their key, whatever is in it."""
    case = ex.OSLO.edited(case_id="a\u202eb")
    shown.tell(ex.run([ex.Line(case).user("Hello.")]))
    key = shown.state.conversations[0].key
    shown.comm.say(type="hello", view="v", open=key)
    answer = shown.comm.sent[-1]
    assert answer["state"]["conversations"][0]["key"] == key
    assert list(answer["html"]) == [f"{key}#1.0"]


def test_what_goes_back_to_the_agent_is_not_sent_to_the_browser(shown):
    """`wire` may hold images of megabytes."""
    shown.tell(ex.mixed())
    shown.comm.say(type="hello", view="v")
    assert '"wire"' not in json.dumps(shown.comm.sent)


def test_the_saved_state_of_the_widget_holds_nothing_of_the_run(shown):
    """It is the code and the style, and stays under 64 KB whatever was said."""
    before = shown.view.get_state()
    shown.tell(ex.mixed())
    after = shown.view.get_state()

    assert after == before
    assert len(json.dumps(after, default=str)) < 96_000
    assert "kettle" not in json.dumps({**after, "_esm": ""}, default=str)


def test_the_built_files_name_their_source():
    """Nobody should mend them by hand."""
    static = Path(ex.__file__).parents[2] / "convsim_nb" / "notebook" / "static"
    for name in ("run_view.js", "run_view.css"):
        assert "do not edit" in (static / name).read_text(encoding="utf-8").splitlines()[0]


def test_the_events_that_the_browser_folds_are_those_of_python():
    """tests/notebook/run_events.json is what `python -m tests.notebook.run_events` writes."""
    assert ex.FIXTURE.read_text(encoding="utf-8") == ex.as_text()
