"""Failures that no rule explains, read by a model: what it says has to be quoted, and costs no more than it may."""

import socket
import urllib.request

import openai
import pytest

import convsim_nb as cs
from convsim_nb.analysis.blamed import KINDS
from convsim_nb.domain.errors import ModelError, ModelNameError, UsageError
from convsim_nb.engine.blame import BlameReply
from convsim_nb.testing import ScriptedAgent, ScriptedChat
from tests.servers import OpenAIServer, Status

CASES = [
    cs.TestCase(goal=f"Get a refund for kettle {n}", case_id=f"kettle-{n}", facts=["The order is A-1893"])
    for n in range(3)
]


@pytest.fixture
def run(tmp_path):
    """Three conversations that end without their goal, and no rule says why; a fourth that the agent breaks."""
    chat = ScriptedChat(user=("A refund, please.", "So what?"), judge=({"reached": False, "why": "no refund yet"},))
    agent = ScriptedAgent({"breaks": RuntimeError("boom")}, otherwise="Refunds are paid in vouchers only.")
    broken = cs.TestCase(goal="See it break", case_id="breaks", script=["This breaks"])
    options = {"max_turns": 2, "mlflow": False, "journal": tmp_path, "progress": False, "guards": "off"}
    return cs.simulate([*CASES, broken], agent, user_model=chat, **options).wait()


def answers(by_goal):
    """A model that reads the conversation of a goal as it is told."""

    def reply(request):
        assert request.reply_type is BlameReply
        return next(answer for goal, answer in by_goal.items() if goal in request.messages[1].content)

    return ScriptedChat(failure=reply, name="reader")


WRONG = {"why": "Vouchers were never asked for.", "quote": "paid in vouchers only", "kind": "agent_wrong"}


def test_a_model_reads_what_no_rule_explains_and_is_quoted(run):
    """Rules keep what they know; the model sorts the rest, by kinds that can be counted, each with its quote."""
    model = answers(
        {
            "kettle 0": WRONG,
            "kettle 1": WRONG,
            "kettle 2": {"why": "It did not insist.", "quote": "So what?", "kind": "user_strayed"},
        }
    )
    found = run.failures(model=model)

    assert [(group.reason.whose, len(group.keys)) for group in found] == [("agent", 2), ("agent", 1), ("user", 1)]
    assert found[0].sentence == (
        "2 x agent: it said something wrong (kettle-0/ScriptedAgent/1, kettle-1/ScriptedAgent/1), such as "
        "“paid in vouchers only”. Next: hold the quote against what it knows and what its tools say"
    )
    assert "3 read by reader (prompt failure 2)" in repr(found)
    assert len(model.requests) == 3
    frame = found.to_frame().set_index("case_id")
    assert list(frame.loc["kettle-2", ["whose", "by", "note", "quote"]]) == [
        "user",
        "reader",
        "It did not insist.",
        "So what?",
    ]
    assert list(frame.loc["breaks", ["whose", "by", "quote"]]) == ["agent", "rules", ""]
    assert "paid in vouchers only" in run.report(failures=found).read_text()
    assert "“paid in vouchers only”" in found._repr_html_()


def test_rules_alone_ask_nobody_and_say_what_they_leave_open(run):
    """Without a model the three are the agent's until somebody reads them, and the way to ask one is named."""
    found = run.failures()

    assert [one.reason.sure for one in found.each] == [False, False, False, True]
    assert "3 that no rule explains: read them, or ask a model, run.failures(model=...)" in repr(found)


@pytest.mark.parametrize(
    "reply",
    [
        {**WRONG, "quote": "No refund for you"},
        {**WRONG, "quote": "A refund, please."},  # the user's words show no fault of the agent
        {**WRONG, "quote": ""},
        {**WRONG, "kind": "user_strayed"},
    ],
)
def test_what_is_not_quoted_from_the_right_side_does_not_count(run, reply):
    """It is asked once more, with the reason; then the failure stays as the rules left it, and that is a line."""
    model = answers({"kettle": reply})
    found = run.failures(model=model)

    assert len(model.requests) == 6
    assert "copy it letter by letter" in model.requests[-1].messages[-1].content
    assert {one.by for one in found.each} == {"rules"}
    assert found.problems[0].startswith("kettle-0/ScriptedAgent/1 and 2 more were not read: the model gave no usable")


def test_what_a_model_cannot_tell_stays_open(run):
    """`unclear` needs no quote, and changes no reason; the note is kept."""
    found = run.failures(model=ScriptedChat(name="reader"))

    assert [(one.by, one.reason.sure) for one in found.each][:3] == [("reader", False)] * 3
    assert "3 that no rule explains and the model neither" in repr(found)


def test_a_budget_ends_the_reading_and_keeps_what_was_read(run):
    """At 15 tokens a call, 20 are enough for one: the others are named, with what is used up."""
    found = run.failures(model=answers({"kettle": WRONG}), max_tokens=20)

    assert sorted(one.by for one in found.each) == ["reader", "rules", "rules", "rules"]
    assert len(found.problems) == 1
    assert "and 1 more were not read: max_tokens=20 is used up: 15 spent" in found.problems[0]


def test_a_model_that_fails_is_a_line(run):
    """An error of the model's is said once for all that it is of."""
    found = run.failures(model=ScriptedChat(failure=[ModelError("429 in 5 tries")]))

    assert found.problems == ("kettle-0/ScriptedAgent/1 and 2 more were not read: 429 in 5 tries",)


def test_what_is_wrong_with_the_call_is_said_before_any_model_is_called(run):
    """The stand-in reads nothing, an unknown model and a prompt of another name are refused."""
    with pytest.raises(UsageError, match="is not a language model and reads no failures"):
        run.failures(model="demo:/rules")
    with pytest.raises(ModelNameError):
        run.failures(model="gpt-5")
    with pytest.raises(UsageError, match="prompts has 'user': there are failure"):
        run.failures(model=ScriptedChat(), prompts={"user": "x"})


def test_a_prompt_of_ones_own_is_named(run):
    """It takes the place of ours in the request, and its version stands with the result."""
    own = "Read the conversation and answer with a JSON object of why, quote and kind. " * 4
    model = answers({"kettle": WRONG})
    found = run.failures(model=model, prompts={"failure": own})

    assert model.requests[0].messages[0].content == own.strip()
    assert "(prompt failure text:" in repr(found)


def test_every_kind_that_a_model_may_name_has_its_words():
    """Each but `unclear` says whose part it is, why, and what to do next."""
    kinds = BlameReply.model_fields["kind"].annotation.__args__

    assert {*KINDS, "unclear"} == set(kinds)


def test_clients_that_do_not_get_through_are_no_fault_of_the_agent(tmp_path):
    """urllib and OpenAI's client: no such host, nobody listens, a refused key, 503; a 404 is the agent's own."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        closed = f"http://127.0.0.1:{listening.getsockname()[1]}"

    def fetched(url):
        return lambda messages: urllib.request.urlopen(url).read().decode()  # noqa: S310 - addresses of this test

    def asked(url):
        client = openai.OpenAI(base_url=url, api_key="sk-none", max_retries=0)
        return lambda messages: client.chat.completions.create(model="m", messages=messages).choices[0].message.content

    with (
        OpenAIServer(Status(401, "Incorrect API key")) as locked,
        OpenAIServer(Status(503, "no room")) as full,
        OpenAIServer(Status(404, "no such model")) as other,
    ):
        agents = {
            "no host": fetched("http://nobody.invalid/"),
            "nobody listens": fetched(closed),
            "OpenAI, nobody listens": asked(f"{closed}/v1"),
            "OpenAI, key": asked(locked.url),
            "OpenAI, full": asked(full.url),
            "OpenAI, no model": asked(other.url),
        }
        options = {"user_model": ScriptedChat.happy(), "mlflow": False, "journal": tmp_path, "progress": False}
        runs = {name: cs.simulate(CASES[:1], agent, **options) for name, agent in agents.items()}
        found = {name: run.wait(60).failures()[0].reason for name, run in runs.items()}

    assert {name: reason.whose for name, reason in found.items()} == {
        **dict.fromkeys(agents, "infrastructure"),
        "OpenAI, no model": "agent",
    }
    assert found["OpenAI, key"].next == "its key was refused: give one that it takes, and play again"
    assert found["nobody listens"].why.startswith("the agent could not be reached: AgentUnreachable: ")
    assert (len(locked.seen), len(full.seen), len(other.seen)) == (1, 3, 1)


def test_one_turn_is_one_turn(tmp_path):
    """A conversation of one turn that fell short is said to be of one turn."""
    options = {"goal_check": lambda _: False, "max_turns": 1, "mlflow": False, "progress": False, "journal": tmp_path}
    run = cs.simulate([cs.TestCase(goal="A refund")], lambda messages: "Hm", user_model=ScriptedChat.happy(), **options)

    assert "agent: not done in 1 turn (" in repr(run.wait().failures())
