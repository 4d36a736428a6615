"""Whose fault a conversation without its goal is, by rules."""

import pytest
from inline_snapshot import snapshot

from convsim_nb.analysis.failures import failures_of, grouped, passed_in
from convsim_nb.domain.case import Source, TestCase, Withheld
from convsim_nb.domain.conversation import Conversation, GoalCheck, Rejection, Release, verdict_of
from convsim_nb.domain.session import Message, ToolCall

CASE = TestCase(
    goal="Get a refund",
    case_id="c",
    withheld=[Withheld(fact="The order is another", after="the agent refunds the wrong order")],
)


def failed(stop, *, detail="", case_id="c", said=("No.",), number=1, turn=3, **fields):
    """A conversation that ended so, with these replies of the agent."""
    messages = [
        one
        for text in said
        for one in (
            Message(role="user", content="Please.", source="simulated"),
            text if isinstance(text, Message) else Message(role="assistant", content=text, source="agent"),
        )
    ]
    return Conversation(
        key=f"{case_id}/a/{number}", case_id=case_id, agent="a", stop=stop, verdict=verdict_of(stop), detail=detail,
        messages=tuple(messages), turn=turn, **fields,
    )  # fmt: skip


def told(*conversations, case=CASE, passed=None):
    """Whose and why, for each."""
    found = failures_of(conversations, cases={"c": case}, passed=passed)
    return [(one.reason.whose, one.reason.why, one.reason.sure) for one in found]


def test_every_stop_has_somebody_whose_part_it_is():
    """Infrastructure, user, case and agent are told apart by stop, guard and what was said."""
    broken = "stopped the simulated user 3 times, last: 'x'"
    wrong = Release(index=0, fact="f", kind="correction", turn=2, quote="I refunded order 7")
    tool = Message(role="assistant", content="No.", source="agent", tool_calls=(ToolCall(name="refund", error="500"),))

    assert told(
        failed("cancelled"),
        failed("over_budget"),
        failed("model_error", detail="ModelError: no JSON in 3 tries"),
        failed("simulator_broke", detail=f"guard 'invention' {broken}"),
        failed("simulator_broke", detail=f"guard 'role' {broken}"),
        failed("agent_error", detail="AgentUnreachable: 503 from http://localhost:8000"),
        failed("agent_error", detail="AgentUnreachable: the agent's key was refused by http://x/v1: 401"),
        failed("agent_error", detail="ClientConnectorError: Cannot connect to host localhost"),
        failed("agent_error", detail="KeyError: 'order'"),
        failed("agent_timeout"),
        failed("agent_silent"),
        failed("looped"),
        failed("max_turns", released=(wrong,)),
        failed("max_turns", checks=(GoalCheck(reached=False, barred=True),)),
        failed("max_turns", said=(tool,)),
        failed("max_turns", said=("No.", "No.", "no.")),
        failed("max_turns", rejections=(Rejection(turn=1, text="t", guard="leak", reason="r"),)),
        failed("user_ended", turn=1),
        failed("user_ended"),
        failed("max_turns"),
    ) == snapshot(
        [
            ("infrastructure", "it was stopped before its end", True),
            ("infrastructure", "the budget was used up", True),
            (
                "infrastructure",
                "the user's or the judge's model gave no usable answer: ModelError: no JSON in 3 tries",
                True,
            ),
            ("case", "the user was asked for something that the case does not say, and made it up", True),
            ("user", "the simulated user fell out of its part: guard role stopped it three times", True),
            ("infrastructure", "the agent could not be reached: AgentUnreachable: 503 from http://localhost:…", True),
            ("infrastructure", "AgentUnreachable: the agent's key was refused by http://x/v1: 401", True),
            (
                "infrastructure",
                "the agent could not be reached: ClientConnectorError: Cannot connect to host localhost",
                True,
            ),
            ("agent", "it raised KeyError: 'order'", True),
            ("agent", "it took longer than agent_timeout", True),
            ("agent", "it gave an empty answer", True),
            ("agent", "agent and user went in circles", True),
            ("agent", "it had to be corrected: the agent refunds the wrong order", True),
            ("case", "the goal was met in the last turn, together with a fault to object to", True),
            ("agent", "its tool refund failed", True),
            ("agent", "it repeats its answers", True),
            ("user", "guards stopped as many of its messages as it sent", True),
            ("user", "it gave up after one turn", True),
            ("agent", "the user gave up", False),
            ("agent", "not done in 3 turns", False),
        ]
    )


def test_a_fault_is_named_in_words_of_people():
    """By what the case says of it; a case that rules distilled has conditions for rules: there by what put it right."""
    wrong = Release(index=0, fact="It is order 8", kind="correction", turn=2, quote="I refunded order 7")
    by_rules = CASE.model_copy(update={"source": Source(session_id="s", model="demo:/rules")})

    assert told(failed("max_turns", released=(wrong,)))[0][1].endswith(": the agent refunds the wrong order")
    assert told(failed("max_turns", released=(wrong,)), case=by_rules)[0][1].endswith(": It is order 8")


def test_a_script_that_is_as_long_as_the_conversation_left_no_room():
    """Where the script used up all turns, more turns are needed, and not another agent."""
    case = CASE.edited(script=["One", "Two", "Three"])

    assert told(failed("max_turns"), case=case)[0][:2] == ("case", "its script uses up all turns")


def test_a_case_that_no_version_passes_is_the_cases():
    """With other runs beside it, the agent is not blamed for what nobody has ever done; one pass is enough."""
    good = failed("max_turns").model_copy(update={"verdict": "reached", "stop": "goal_reached"})

    assert told(failed("max_turns"), passed=passed_in([[failed("max_turns")]]))[0][:2] == (
        "case",
        "no version passes it",
    )
    assert told(failed("max_turns"), passed=passed_in([[good]]))[0][0] == "agent"
    assert told(failed("cancelled"), passed=frozenset())[0][0] == "infrastructure"


def test_what_stands_outside_rates_is_no_failure():
    """Reached, forked and assisted conversations are left out."""
    operated = Message(role="user", content="I", source="operator")
    good = failed("max_turns").model_copy(update={"verdict": "reached", "stop": "goal_reached"})
    assisted = failed("max_turns").model_copy(update={"messages": (operated,)})

    assert told(good, assisted) == []


def test_groups_count_and_give_examples():
    """The agent's groups first, the larger first; three examples, and what to do next; ids do not part groups."""
    many = [failed("agent_error", detail=f"KeyError: {n * 11111111}", number=n) for n in range(1, 6)]
    groups = grouped(failures_of([failed("cancelled"), *many, failed("looped", number=9)], cases={}))

    assert [group.sentence for group in groups] == snapshot(
        [
            "5 x agent: it raised KeyError: … (c/a/1, c/a/2, c/a/3 and 2 more). Next: mend it: its trace is the last",
            "1 x agent: agent and user went in circles (c/a/9). Next: read where it begins to repeat itself",
            "1 x infrastructure: it was stopped before its end (c/a/1). Next: play what is missing: convsim resume",
        ]
    )


@pytest.mark.parametrize(
    "detail",
    [
        "AgentUnreachable: APITimeoutError",
        "ConnectionRefusedError: [Errno 111] Connection refused",
        "aiohttp.ClientConnectorDNSError: Cannot connect to host a.invalid",
        "ConnectError: All connection attempts failed",
        "RuntimeError: the shop said <urlopen error [Errno 111] Connection refused>",
        "RuntimeError: the shop answered HTTP 503",
        "ToolError: HTTP error 502",
        "ToolError: Error code: 429 - {'error': 'slow down'}",
        "ToolError: upstream, status_code=504",
        "RuntimeError: 503 Service Unavailable for url http://shop/v1",
    ],
)
def test_what_says_in_words_that_it_was_away_is_infrastructure(detail):
    """An exception's name in front, the system's words, or a status that is called one."""
    assert told(failed("agent_error", detail=detail))[0][0] == "infrastructure"


@pytest.mark.parametrize(
    "detail",
    [
        "ValueError: order 503 not found",
        "KeyError: 429",
        "RuntimeError: order status 502 is not known",
        "ValueError: invoice 504 was refused by the customer",
        "RuntimeError: the connection of flight 502 is missed",
        "ValueError: the agent's key was refused by the door of room 429",
        "ValueError: no AgentUnreachable here",
        "ToolError: HTTP 500",
    ],
)
def test_a_number_or_a_word_alone_is_the_agents_own(detail):
    """An order's number is no status, and a word about connections or keys is none of the system's."""
    assert told(failed("agent_error", detail=detail))[0][0] == "agent"
