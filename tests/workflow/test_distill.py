"""Distilling many sessions: what is kept, what is stopped, what is taken up again."""

import asyncio
import signal

import pytest

import convsim_nb as cs
from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.errors import ModelError
from convsim_nb.engine.ports import ChatReply
from convsim_nb.testing import ScriptedChat

GOAL = {"goal": {"text": "Get a refund for the kettle", "message": 0, "quote": "a refund for my kettle"}}


def session(name, *said):
    roles = ("user", "assistant") * len(said)
    messages = [cs.Message(role=role, content=text) for role, text in zip(roles, said, strict=False)]
    return cs.Session(id=name, messages=messages)


KETTLE = ("I want a refund for my kettle", "Done.", "thanks")
SESSIONS = [session(f"s{n}", *KETTLE) for n in range(4)]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Unfinished work lies in the working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Counted:
    """A model that distils kettles, fails where it is told to, and counts its calls."""

    name = "counted"

    def __init__(self, *, fails=(), usage=None):
        self.fails, self.calls, self.usage = set(fails), 0, usage or Usage(calls=1, input_tokens=100, output_tokens=10)
        self.chat = ScriptedChat(distill=(GOAL,))

    async def __call__(self, request):
        """One answer."""
        self.calls += 1
        if self.calls in self.fails:
            raise ModelError("503 from the provider")
        reply = await self.chat(request)
        return ChatReply(reply.text, self.usage)


def test_what_the_user_sent_beside_words_is_said():
    """A case carries no image and no file: `problems` names the session, and how many of each its user sent."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    file = {"type": "file", "file": {"filename": "bill.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}}
    asked = [{"type": "text", "text": KETTLE[0]}, image, image, file]
    chat = [{"role": "user", "content": asked}, {"role": "assistant", "content": [image]}]
    (seen,) = cs.load_sessions([{"id": "seen", "messages": chat}])
    cases = cs.distill([seen, SESSIONS[0]], model=Counted(), progress=False)

    assert len(cases) == 2
    assert [line for line in cases.problems if line.startswith("session")] == [
        "session seen: the user sent 2 images, 1 file, which no test case carries: a simulated user writes text alone"
    ]


def test_cases_come_in_the_order_of_their_sessions():
    """Each case has its source, its style, who wrote it with which prompts; the set knows what it took."""
    cases = cs.distill(SESSIONS, model=Counted(), progress=False)

    assert [case.case_id for case in cases] == ["s0", "s1", "s2", "s3"]
    source = cases[0].source
    assert (source.session_id, source.first, source.last, source.model) == ("s0", 0, 2, "counted")
    assert set(source.prompts) == {"split", "distill"}
    assert cases[0].style.examples == ("I want a refund for my kettle", "thanks")
    assert (cases.usage.calls, cases.usage.input_tokens) == (8, 800)


def test_cases_that_are_next_to_the_same_say_so():
    """The later of two is marked, on itself and in `problems`; nothing is dropped."""
    cases = cs.distill(SESSIONS[:2], model=Counted(), progress=False)

    assert [[one.check for one in case.findings] for case in cases] == [[], ["duplicate"]]
    assert cases.problems == ("case s1: case: nearly the same goal and withheld facts as case s0",)


def test_a_session_that_fails_is_a_problem_beside_the_good_cases():
    """One model error costs one session."""
    cases = cs.distill(SESSIONS[:2], model=Counted(fails=[2]), split=False, concurrency=1, progress=False)

    assert [case.case_id for case in cases] == ["s0"]
    assert cases.problems == ("session s1: 503 from the provider",)


def test_the_same_call_does_only_what_is_missing(folder):
    """What failed is asked again, what was read is not; when all is done, nothing is left behind."""
    first = cs.distill(SESSIONS, model=Counted(fails=[3]), split=False, concurrency=1, progress=False)
    again = Counted()
    second = cs.distill(SESSIONS, model=again, split=False, concurrency=1, progress=False)

    assert (len(first), len(second), again.calls) == (3, 4, 1)
    assert [path.name for path in (folder / ".convsim").iterdir()] == [".gitignore"]
    assert [case.case_id for case in second] == ["s0", "s1", "s2", "s3"]


def test_another_model_or_another_session_is_not_taken_for_the_same(folder):
    """A journal that was named is kept; what shapes a case is part of what its line is found by."""
    path = folder / "kept.jsonl"
    cs.distill(SESSIONS[:2], model=Counted(), split=False, journal=path, progress=False)
    same, other = Counted(), Counted()
    other.name = "other"
    cs.distill(SESSIONS[:2], model=same, split=False, journal=path, progress=False)
    cs.distill([SESSIONS[0], session("s1", "hello", "Hi")], model=other, split=False, journal=path, progress=False)

    assert (same.calls, path.stat().st_mode & 0o077) == (0, 0)
    assert other.calls >= 2


def test_a_journal_cut_short_by_a_crash_is_taken_up(folder):
    """Half a line at the end is no line; what is no journal at all is refused by its place."""
    path = folder / "kept.jsonl"
    cs.distill(SESSIONS[:2], model=Counted(), split=False, journal=path, progress=False)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(lines[0] + lines[1][:40])
    again = Counted()
    cs.distill(SESSIONS[:2], model=again, split=False, journal=path, progress=False)
    assert again.calls == 1

    path.write_text('{"goal": "x"}\n')
    with pytest.raises(cs.ConvsimError, match=r"kept.jsonl:1 is no line of distilled sessions"):
        cs.distill(SESSIONS[:2], model=Counted(), journal=path, progress=False)


def test_a_budget_ends_it_with_all_that_was_done():
    """Sessions that there was no room for are named; the next call goes on with them."""
    cases = cs.distill(SESSIONS, model=Counted(), split=False, max_tokens=250, concurrency=1, progress=False)

    assert len(cases) == 2
    assert cases.problems[0].startswith("session s2: not distilled: max_tokens=250 is used up")
    with pytest.raises(cs.ConvsimError, match=r"max_cost=1: the price of model='http://h/v1#m' is not known"):
        cs.distill(SESSIONS, model="http://h/v1#m", max_cost=1)


class Hanging(Counted):
    """A model that never answers a second call."""

    def __init__(self, *, on_hang=lambda: None):
        super().__init__()
        self.on_hang = on_hang

    async def __call__(self, request):
        """Answers once."""
        if self.calls:
            self.on_hang()
            await asyncio.sleep(60)
        return await super().__call__(request)


def test_time_that_is_over_keeps_what_was_done():
    """`max_seconds` ends calls that hang."""
    cases = cs.distill(SESSIONS, model=Hanging(), split=False, max_seconds=0.3, progress=False)

    assert len(cases) == 1
    assert cases.problems[0] == "session s1: not distilled: max_seconds=0.3 is over"


def test_in_the_background_it_can_be_looked_at_and_stopped(folder):
    """`start_distill` returns at once; a stop keeps what was done, and the same work pays for the rest alone."""
    work = cs.start_distill(SESSIONS, model=(model := Hanging()), split=False, concurrency=1)
    while model.calls < 1 or work.done < 1:
        work.wait(0.02)
    seen = [(each.state, each.cases) for each in work.outcomes]
    so_far = [case.case_id for case in work.cases]
    work.stop()
    work.stop()
    done = work.wait(10).cases

    assert seen == [("done", 1), ("reading", 0), ("waiting", 0), ("waiting", 0)]
    assert so_far == ["s0"]
    assert repr(work) == "<Distilling: 4 of 4 sessions, stopped>"
    assert ([case.case_id for case in done], len(done.problems)) == (["s0"], 3)
    assert done.problems[0] == "session s1: not distilled: stopped"
    again = Counted()
    assert len(cs.start_distill(SESSIONS, model=again, split=False).wait().cases) == 4
    assert again.calls == 3
    assert not (folder / ".convsim" / "distilled").exists()


def test_an_option_that_is_none_is_named():
    """The nearest name is offered, before any model is called."""
    with pytest.raises(cs.ConvsimError, match=r"distill\(\) has no option 'concurency': did you mean concurrency\?"):
        cs.start_distill(SESSIONS, model=Counted(), concurency=2)


def test_ctrl_c_keeps_what_was_done_and_says_where(capsys):
    """The interrupt is raised once the work has ended; the same call then does the rest."""
    # CI may run in the background of a shell, which hands an ignored SIGINT down to everything it starts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    model = Hanging(on_hang=lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        cs.distill(SESSIONS, model=model, split=False, concurrency=1)
    signal.signal(signal.SIGINT, before)

    assert "1/4 sessions distilled: interrupted; what is done is kept in .convsim" in capsys.readouterr().err
    again = Counted()
    assert len(cs.distill(SESSIONS, model=again, split=False, progress=False)) == 4
    assert again.calls == 3
