"""Live progress on fake terminals and in fake logs."""
# ruff: noqa: E501 - whole lines as snapshots

import io

import pytest
from inline_snapshot import snapshot

from convsim_nb.domain.events import ConversationEnded, ConversationStarted, MessageDelta, RunEnded, RunStarted
from convsim_nb.domain.state import RunState
from convsim_nb.views.text import TextProgress
from convsim_nb.views.width import columns_of
from tests.views.scene import AGENT, CASES, MARKET, OSLO, PLAIN, Script, whole_run


class Log(io.StringIO):
    """A stream that counts its writes."""

    writes = 0

    def write(self, text):
        self.writes += 1
        return super().write(text)


class Terminal(Log):
    """A terminal of one endless page, that obeys what we send it."""

    def isatty(self):
        return True

    @property
    def screen(self):
        lines = []
        for line in self.getvalue().split("\n"):
            assert "\x1b[1A" not in line, "a line that others may have written is overwritten"
            lines.append(line.rsplit("\r\x1b[2K", maxsplit=1)[-1])
        return lines


def shown(stream, events, **settings):
    """What `stream` holds after `events`, whose times are the clock's."""
    now = [0.0]
    progress = TextProgress(stream, clock=lambda: now[0], **settings)
    for event in events:
        now[0] = event.at
        progress(event)
    return stream


def test_a_log_gets_a_line_for_each_end_and_a_status_now_and_then():
    """Plain lines: sign and word, case, stop, turns, seconds, and what went wrong; no control character."""
    log = shown(Log(), whole_run(), every=10).getvalue()

    assert log == snapshot("""\
v1: 12 conversations with support_agent_v1
✓ reached     closed-market                             goal reached · 3 turns · 5.4 s
1/12 ended · 1 reached · 1 running · 1 correction · user 4,380 tokens, $0.0021 · judge 4,380 tokens, $0.0021 · 0.6 turns/s · 0:10
✓ reached     refund-damaged-kettle                     goal reached · 3 turns · 5.4 s
✗ not reached rebook-to-oslo                            out of turns · 3 turns · 4.8 s
✓ reached     饺子馆-周六                               goal reached · 2 turns · 3.3 s
4/12 ended · 3 reached, 1 not reached · 1 running · 1 correction · user 9,636 tokens, $0.0046 · judge 9,636 tokens, $0.0046 · 0.5 turns/s · 0:20 · about 0:40 left
✗ not reached <img src=x onerror=alert(0)>              agent error · 2 turns · 2.1 s · AgentDown: <script>alert(13)</script> 500
✗ not reached invoice-too-high                          ended by the user · 2 turns · 3.3 s
✗ not reached lost-loyalty-points                       agent timed out · 1 turn · 600 ms · no reply within 300 s
7/12 ended · 3 reached, 4 not reached · 1 running · 1 correction · user 14,016 tokens, $0.0067 · judge 14,016 tokens, $0.0067 · 0.6 turns/s · 0:30 · about 0:21 left
✗ not reached asked-for-a-human                         went in circles · 3 turns · 4.8 s
✗ not reached late-parcel-moved-house                   agent said nothing · 1 turn · 1.8 s
○ void        change-seat                               simulator broke · 1 turn · 2.1 s · guard invented: AB-99172 is in nothing the user knows
○ void        cancel-plan                               model error · 1 turn · 1.8 s · ModelError: openai:/gpt-5-mini: 429 in 5 tries
○ void        voucher-refused                           over budget · 1 turn · 1.8 s · max_cost 0.50 reached
12/12 ended · 3 reached, 6 not reached, 3 void · 1 correction · user 18,396 tokens, $0.0088 · judge 18,396 tokens, $0.0088 · 0.6 turns/s · 0:40
MlflowSink hears no more of this run: StoreError: connection refused
ended after 0:41: 3 reached, 6 not reached, 3 void
""")


def test_a_terminal_keeps_one_line_for_each_end_and_redraws_one(monkeypatch):
    """The bar is redrawn in place and never left behind; at the end stands what became of the run."""
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = shown(Terminal(), whole_run(), columns=79)

    assert terminal.screen == snapshot(
        [
            "v1: 12 conversations with support_agent_v1",
            "✓ reached     closed-market               goal reached · 3 turns · 5.4 s",
            "✓ reached     refund-damaged-kettle       goal reached · 3 turns · 5.4 s",
            "✗ not reached rebook-to-oslo              out of turns · 3 turns · 4.8 s",
            "✓ reached     饺子馆-周六                 goal reached · 2 turns · 3.3 s",
            "✗ not reached <img src=x onerror=alert(…  agent error · 2 turns · 2.1 s · Agen…",
            "✗ not reached invoice-too-high            ended by the user · 2 turns · 3.3 s",
            "✗ not reached lost-loyalty-points         agent timed out · 1 turn · 600 ms ·…",
            "✗ not reached asked-for-a-human           went in circles · 3 turns · 4.8 s",
            "✗ not reached late-parcel-moved-house     agent said nothing · 1 turn · 1.8 s",
            "○ void        change-seat                 simulator broke · 1 turn · 2.1 s · g…",
            "○ void        cancel-plan                 model error · 1 turn · 1.8 s · Model…",
            "○ void        voucher-refused             over budget · 1 turn · 1.8 s · max_c…",
            "MlflowSink hears no more of this run: StoreError: connection refused",
            "ended after 0:41: 3 reached, 6 not reached, 3 void",
            "",
        ]
    )


@pytest.mark.parametrize("columns", [20, 40, 79, 200])
def test_no_line_is_wider_than_the_terminal(columns, monkeypatch):
    """Chinese names, long errors and many counts are cut or left out, the count of the ended never."""
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = shown(Terminal(), whole_run(trials=4)[:-2], columns=columns)

    pieces = [piece for line in terminal.getvalue().split("\n") for piece in line.split("\r\x1b[2K")]
    drawn = [piece for piece in pieces if piece.startswith(("█", "░", "✓", "✗", "○"))]
    assert max(map(columns_of, drawn)) <= columns
    assert "48/48" in drawn[-1]
    assert not [piece for piece in drawn if piece[0] in "█░" and "…" in piece]


def test_signs_are_coloured_on_a_terminal_alone(monkeypatch):
    """Colour stands beside the word, never in a log, and not where it is unwanted."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")

    assert "\x1b[32m✓ reached" in shown(Terminal(), whole_run()).getvalue()
    assert "\x1b" not in shown(Log(), whole_run()).getvalue()
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in shown(Terminal(), whole_run()).getvalue()


def test_streaming_text_costs_no_output():
    """Ten thousand pieces of a reply within a tenth of a second are not drawn."""
    script = Script(CASES[:1])
    key = f"{MARKET.case_id}/{AGENT}/1"
    start = {"key": key, "case_id": MARKET.case_id, "agent": AGENT, "trial": 1, "attempt": 1, "session_id": "s"}
    script.tell(ConversationStarted, **start)
    pieces = [MessageDelta(at=0.35, key=key, turn=1, text="x")] * 10_000

    assert shown(Terminal(), [*script.events, *pieces]).writes == shown(Terminal(), [*script.events, pieces[0]]).writes


def ends(number, *, verdict="reached"):
    """`number` conversations that end at once."""
    script = Script([MARKET], trials=number)
    for trial in range(1, number + 1):
        key = f"{MARKET.case_id}/{AGENT}/{trial}"
        stop = "goal_reached" if verdict == "reached" else "max_turns"
        script.events.append(ConversationEnded(at=0.1, key=key, stop=stop, verdict=verdict))
    return script.events


def test_thousands_of_conversations_do_not_flood_a_log():
    """So many are listed, then it is said that they are only counted; failures have a list of their own."""
    log = shown(Log(), [*ends(3_000), *ends(3_000, verdict="not_reached")[1:], RunEnded(at=1)], max_lines=5)

    assert log.getvalue().splitlines() == snapshot(
        [
            "v1: 3,000 conversations with support_agent_v1",
            "✓ reached     closed-market                             goal reached · 0 turns · 0 ms",
            "✓ reached     closed-market, trial 2                    goal reached · 0 turns · 0 ms",
            "✓ reached     closed-market, trial 3                    goal reached · 0 turns · 0 ms",
            "✓ reached     closed-market, trial 4                    goal reached · 0 turns · 0 ms",
            "✓ reached     closed-market, trial 5                    goal reached · 0 turns · 0 ms",
            "… more that reached their goal are counted, not listed",
            "✗ not reached closed-market                             out of turns · 0 turns · 0 ms",
            "✗ not reached closed-market, trial 2                    out of turns · 0 turns · 0 ms",
            "✗ not reached closed-market, trial 3                    out of turns · 0 turns · 0 ms",
            "✗ not reached closed-market, trial 4                    out of turns · 0 turns · 0 ms",
            "✗ not reached closed-market, trial 5                    out of turns · 0 turns · 0 ms",
            "… more that did not reach their goal are counted, not listed",
            "ended after 0:01: 3,000 not reached",
        ]
    )


def test_a_long_job_says_less_and_less():
    """A status each few seconds at first, one a minute in a job of hours."""
    script = Script([OSLO])
    key = f"{OSLO.case_id}/{AGENT}/1"
    start = {"key": key, "case_id": OSLO.case_id, "agent": AGENT, "trial": 1, "attempt": 1, "session_id": "s"}
    script.tell(ConversationStarted, **start)
    day = [MessageDelta(at=float(at), key=key, turn=1, text="x") for at in range(1, 7200)]
    lines = shown(Log(), [*script.events, *day]).getvalue().splitlines()

    assert len(lines) < 160
    assert [line.rsplit(" · ", 1)[-1] for line in lines[1:6]] == ["0:05", "0:10", "0:15", "0:20", "0:25"]
    assert lines[-1].rsplit(" · ", 1)[-1].startswith(("1:58:", "1:59:"))


def test_time_left_is_guessed_from_what_has_ended():
    """Not before three conversations ended, and not after the last."""
    # Each takes 2.1 s: after three of five, 4.2 s are left.
    script = Script(list(PLAIN.values())[:5])
    for case in list(PLAIN.values())[:5]:
        script.play(case, "max_turns", [("a", "b")])
    later = MessageDelta(at=99, key="any", turn=1, text="x")
    lines = shown(Log(), [*script.events, later], every=0).getvalue().splitlines()

    guesses = [line.partition("about ")[2] for line in lines if "ended ·" in line]
    assert not any(guesses[:2])
    assert "0:04 left" in guesses
    assert guesses[-1] == ""


def test_a_resumed_run_counts_what_was_done_before():
    """Only what was left unfinished is to do; what was cancelled is to do again."""
    script = Script([MARKET, OSLO, *list(PLAIN.values())[:1]])
    script.play(MARKET, "goal_reached", [("a", "b")], reached="b")
    script.play(OSLO, "cancelled", [("a", "b")])
    script.tell(RunEnded, stopped=True)
    state = RunState.replay(script.events)
    again = Script([MARKET, OSLO, *list(PLAIN.values())[:1]])
    again.play(OSLO, "max_turns", [("a", "b")])
    state.apply(again.events[0])

    assert shown(Log(), again.events, state=state, every=1).getvalue().splitlines() == snapshot(
        [
            "v1: 3 conversations with support_agent_v1, 1 done before",
            "1/3 ended · 1 reached · 1 running · 0.8 turns/s · 0:01",
            "✗ not reached rebook-to-oslo                            out of turns · 1 turn · 1.8 s",
        ]
    )


def test_a_stopped_run_says_what_never_ended():
    """What never started is void, and the last line adds up."""
    script = Script([MARKET, OSLO])
    script.play(MARKET, "goal_reached", [("a", "b")], reached="b")
    script.tell(RunEnded, stopped=True)

    assert shown(Log(), script.events).getvalue().splitlines()[-1] == snapshot("stopped after 0:02: 1 reached, 1 void")


def test_a_stream_that_knows_no_unicode_gets_ascii():
    """An old terminal, or a log in ASCII, is written to and not failed on."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    shown(stream, whole_run())

    lines = raw.getvalue().decode("ascii").splitlines()
    assert [line[:27].rstrip() for line in lines if line.startswith(("+", "x", "o"))][:4] == snapshot(
        [
            "+ reached     closed-market",
            "+ reached     refund-damage",
            "x not reached rebook-to-osl",
            "+ reached     ???-??",
        ]
    )
    stream.close()


def test_it_writes_to_stderr_and_leaves_stdout_alone(capsys):
    """Results go to stdout, progress does not."""
    for event in whole_run():
        progress = TextProgress() if isinstance(event, RunStarted) else progress  # noqa: F821 - the first event is it
        progress(event)

    out, err = capsys.readouterr()
    assert out == ""
    assert "✗ not reached" in err


def test_a_hostile_agent_cannot_write_to_the_terminal(monkeypatch):
    """Escape sequences in an error or a case id are shown, not obeyed."""
    monkeypatch.setenv("NO_COLOR", "1")
    case = MARKET.edited(case_id="a\x1b[2Jb")
    script = Script([case])
    script.play(case, "agent_error", [("a", None)], detail="boom\x1b]0;owned\x07\r\nnext")

    log = shown(Log(), script.events).getvalue()
    assert "\x1b" not in log
    assert "a⟨U+001B⟩[2Jb" in log
    assert "boom⟨U+001B⟩]0;owned⟨U+0007⟩ next" in log
