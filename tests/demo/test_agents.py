"""The built-in agent, by its public call: version 1 has each of its faults, version 2 has none."""

import subprocess
import sys
import time
from datetime import date

import pytest

import convsim_nb as cs
from convsim_nb.demo import FAULTS, astream_agent, make_agent, make_async_agent, support_agent_v1, support_agent_v2
from convsim_nb.demo.agents import __doc__ as about
from convsim_nb.demo.sessions import built_in_sessions
from convsim_nb.domain.errors import UsageError
from convsim_nb.testing import ScriptedChat

CLOSED = "It's Saturday, the markets are closed, so those cannot be live. What were Friday's closing values?"
MY_SESSIONS = built_in_sessions()


def talk(agent, *said, history="full"):
    """The agent's answers to these messages, one after the other."""
    messages, answers = [], []
    for text in said:
        messages.append({"role": "user", "content": text})
        reply = agent(messages)["messages"]
        answers.append(reply[-1]["content"])
        messages += reply if history == "full" else reply[-1:]
    return answers


def last(agent, *said):
    return talk(agent, *said)[-1]


def tools(agent, *said):
    """The names of the tools that the last message led to."""
    messages = [{"role": "user", "content": text} for text in said]
    reply = agent(messages)["messages"]
    return [call["function"]["name"] for message in reply for call in message.get("tool_calls", ())]


# --- the faults -----------------------------------------------------------------------

SHOWN = {
    "stale_levels": (["Where does the DAX stand?"], "DAX 18,412.60 (+0.6 %)", "closed today, Saturday 14 March 2026"),
    "ignores_date": (["I need my January statement", "ACC-1189"], "February 2026", "January 2026"),
    "forgets_ids": (["Status of order ORD-20931?", "cancel it"], "order number", "cancelled"),
    "refund_above_policy": (["I want my fee refunded", "ACC-3381"], "the full 38.50 EUR", "at most 15.00 EUR"),
    "unconfirmed_transfer": (
        ["Please move 600 euros from ACC-4418 to my current account"],
        "reference",
        "I send 600.00 EUR from ACC-4418 to ACC-4417 on 14 March 2026. Is that right?",
    ),
    "drops_second_goal": (
        ["Send me the February statement and tell me my balance too", "ACC-6390", "ACC-6390", "yes"],
        "",
        "4,093.65 EUR",
    ),
    "ignores_account_kind": (["How much is in my savings?", "ACC-4417"], "2,418.36 EUR", "11,950.00 EUR"),
    "misreads_blocked_card": (["My card is blocked, please unblock it", "4406"], "replacement", "unblocked now"),
    "takes_first_amount": (
        ["Change my standing order from 650 to 680", "ACC-2093", "yes"],
        "650.00 EUR a month, next on",
        "680.00 EUR a month, next on",
    ),
}
"""By fault: a conversation, what is said in it where the fault is, and what is said in it where it is not."""

each_fault = pytest.mark.parametrize("fault", FAULTS)


@each_fault
def test_version_1_has_the_fault(fault):
    """The wrong words are said, and the right ones are not."""
    said, wrong, right = SHOWN[fault]
    everything = " ".join(talk(support_agent_v1, *said))

    assert wrong in everything
    assert right not in everything


@each_fault
def test_version_2_has_it_not(fault):
    """The same customer hears the right words, and not the wrong ones."""
    said, wrong, right = SHOWN[fault]
    everything = " ".join(talk(support_agent_v2, *said))

    assert right in everything
    assert not wrong or wrong not in everything


@each_fault
def test_each_fault_stands_for_itself(fault):
    """It shows when it is the only one, and does not when all the others are there."""
    said, wrong, right = SHOWN[fault]
    alone = " ".join(talk(make_agent(2, faults=[fault]), *said))
    others = " ".join(talk(make_agent(1, faults=FAULTS.keys() - {fault}), *said))

    assert (wrong in alone, right in alone) == (True, False)
    assert right in others


def test_the_docstring_names_the_faults():
    """Who reads the module finds the same list as in `FAULTS`."""
    assert all(fault in about for fault in FAULTS)
    assert SHOWN.keys() == FAULTS.keys()


# --- the closed market ----------------------------------------------------------------


def test_version_1_shows_a_closed_market_as_live_until_the_customer_objects():
    """Live-looking numbers first; told that it is Saturday it apologises and gives Friday's closes, which differ."""
    live, corrected = talk(support_agent_v1, "Where do the DAX and the S&P 500 stand?", CLOSED)

    assert "DAX 18,412.60 (+0.6 %), S&P 500 5,243.80 (+0.3 %)" in live
    assert "right now" in live.lower()
    assert "closed" not in live
    assert "apologise" in corrected
    assert "Friday 13 March 2026: DAX 18,374.53 (-0.2 %), S&P 500 5,209.91 (-0.3 %)" in corrected


def test_version_2_says_at_once_that_the_market_is_closed():
    """The first answer has the closing levels and their day; told again, it says the same without an apology."""
    first, again = talk(support_agent_v2, "Where do the DAX and the S&P 500 stand?", CLOSED)

    assert "closed today, Saturday 14 March 2026" in first
    assert "Friday 13 March 2026: DAX 18,374.53 (-0.2 %), S&P 500 5,209.91 (-0.3 %)" in first
    assert "apologise" not in again
    assert "DAX 18,374.53" in again


@pytest.mark.parametrize("version", [1, 2])
def test_on_a_working_day_both_show_live_levels(version):
    """The day is injected; on a Friday nothing is closed."""
    agent = make_agent(version, today=date(2026, 3, 13))

    assert "18,412.60" in last(agent, "Where does the DAX stand?")
    assert "Thursday 12 March 2026: DAX 18,403.77" in last(agent, "What was the closing level of the DAX yesterday?")


# --- corrections ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "mended"),
    [
        (["How much is in my savings?", "ACC-4417", "no, that's my current account, I meant the savings"], "11,950.00"),
        (["I need my January statement", "ACC-1189", "not February, I asked for January"], "January 2026"),
        (["Send me the tax form for 2024", "ACC-6027", "that is 2025, I said 2024"], "2024 of ACC-6027"),
        (["Change my standing order from 650 to 680", "ACC-2093", "no, it should be 680"], "680.00 EUR a month"),
        (["My card is blocked, unblock it", "4406", "No! It was already blocked, unblock it"], "It is unblocked now"),
        (["I want my fee refunded", "ACC-3381", "Are you sure? Goodwill is 15 at most"], "refund at most 15.00 EUR"),
        (["Is ORD-20931 executed?", "no, I meant ORD-20886"], "ORD-20886 (sell 30 Calder Shipping"),
    ],
)
def test_version_1_puts_right_what_it_is_told(said, mended):
    """A correction is understood with the fact in it, and answered with an apology and the right thing."""
    answer = last(support_agent_v1, *said)

    assert mended in answer
    assert "sorry" in answer.lower() or "apologies" in answer.lower()


def test_a_corrected_transfer_is_taken_back_first():
    """The wrong transfer is cancelled and the right one made: the balance shows the right one alone."""
    said = ["Move 500 euros from ACC-4418 to my current account", "No, I said 50, not 500!"]

    assert tools(support_agent_v1, *said)[-3:] == ["cancel_transfer", "find_account", "make_transfer"]
    assert "11,900.00 EUR" in last(support_agent_v1, *said, "What's the balance of my savings? ACC-4418")


def test_a_change_of_mind_before_the_confirmation_costs_nothing():
    """Version 2 reads the amount back; another amount is read back again, and a no leaves the money where it is."""
    asked = ["Move 500 euros from ACC-4418 to my current account"]

    assert "50.00 EUR" in last(support_agent_v2, *asked, "Sorry, make that 50")
    assert "not done anything" in last(support_agent_v2, *asked, "No, leave it")
    assert "11,950.00 EUR" in last(support_agent_v2, *asked, "No, leave it", "What's in my savings account ACC-4418?")


# --- several goals, missing facts, unknown wishes -------------------------------------


def test_version_2_sees_to_three_wishes_of_one_message():
    """Address, standing order, exchange rate: one after the other, and the account is asked for once."""
    answers = talk(
        support_agent_v2,
        "Three things: my new address, cancel my standing order, and the rate for Swedish kronor",
        "ACC-9046",
        "Östra Förstadsgatan 30, 212 12 Malmö",
        "yes",
        "yes",
    )

    assert sum("account number" in answer for answer in answers) == 1
    assert "Östra Förstadsgatan 30, 212 12 Malmö" in answers[3]
    assert "Malmö Simklubb is cancelled" in answers[4]
    assert "11.2350 SEK" in answers[4]


def test_an_interruption_is_seen_to_and_the_question_asked_again():
    """Asked for the account the customer asks something else: that is answered, then the question stands again."""
    answer = last(support_agent_v2, "What's my balance?", "When does the NYSE open?")

    assert "15:30" in answer
    assert "account" in answer


def test_a_follow_up_needs_no_more_than_what_is_new():
    """ "And in dollars?" is the same question with another currency."""
    first, second = talk(support_agent_v2, "What do I get for 300 euros in pounds?", "and in dollars?")

    assert "252.60 GBP" in first
    assert "326.25 USD" in second


def test_an_unknown_number_is_asked_for_again():
    """A typo in the account number is named; the right number then gives the answer."""
    missing, found = talk(support_agent_v2, "What's my balance? ACC-2705", "Sorry, ACC-2750")

    assert "cannot find an account ACC-2705" in missing
    assert "418.05 EUR" in found


def test_who_cannot_find_the_number_is_helped_and_then_handed_over():
    """Where the number stands comes first, a call back on the next working day after that."""
    _, hint, offer, done = talk(support_agent_v2, "Cancel my order", "I don't know it", "No idea, really", "yes please")

    assert "in the app under Orders" in hint
    assert "call you back" in offer
    assert "Monday 16 March 2026" in done


def test_what_it_cannot_do_it_says():
    """An unknown request is not guessed at: it says so and offers a person, and says it otherwise the second time."""
    first, second, done = talk(
        support_agent_v2, "What are your mortgage rates?", "How much could I borrow?", "All right, yes please"
    )

    assert "cannot do in this chat" in first
    assert first != second
    assert "colleague" in second
    assert "TKT-" in done


def test_it_greets_thanks_and_says_goodbye():
    """Small talk is answered as such, and no tool is called for it."""
    hello, anything, goodbye = talk(support_agent_v2, "Hello", "Thanks!", "No, that's all. Bye")

    assert "What can I do for you?" in hello
    assert "else" in anything
    assert goodbye
    assert tools(support_agent_v2, "Hello") == []


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (["Guten Tag, wie ist mein Kontostand?", "ACC-5120"], "Auf Ihrem Girokonto ACC-5120 liegen 1.872,44 EUR"),
        (["Ich möchte meinen Kontoauszug für Januar", "ACC-5120"], "Kontoauszug für Januar 2026"),
        (["Hola, ¿cuál es mi saldo?", "ACC-7308"], "En su cuenta corriente ACC-7308 hay 913,27 EUR"),
        (["He perdido mi tarjeta, por favor", "1294"], "La tarjeta terminada en 1294 queda bloqueada"),
    ],
)
def test_it_answers_in_the_language_it_is_asked_in(said, words):
    """German and Spanish, with their own way of writing numbers; a bare number does not change the language."""
    assert words in last(support_agent_v2, *said)


# --- the recorded customers -----------------------------------------------------------

ENDS = {
    "hb-4101": ["DAX 18,374.53", "S&P 500 5,209.91"],
    "hb-4102": ["11,950.00 EUR", "600.00 EUR went from ACC-4418 to ACC-4417"],
    "hb-4103": ["5509 is blocked now|blocked the card ending in 5509", "Storgatan 12"],
    "hb-4104": ["It is unblocked now"],
    "hb-4105": ["refund at most 15.00 EUR", "within two working days"],
    "hb-4106": ["January 2026"],
    "hb-4107": ["address is now 14 Orchard Lane, Bristol BS6 5QT"],
    "hb-4108": ["680.00 EUR a month"],
    "hb-4109": ["still open", "ORD-20931 (buy 40 Alder Robotics) is cancelled|cancelled order ORD-20931"],
    "hb-4110": ["102.00 EUR", "76.50 EUR"],
    "hb-4111": ["certificate for 2024"],
    "hb-4112": ["252.60 GBP", "10,536.00 TRY", "400 EUR a day"],
    "hb-4113": ["ORD-21077 is still open", "CMP-9000"],
    "hb-4114": ["CMP-9000"],
    "hb-4115": ["February 2026", "4,093.65 EUR"],
    "hb-4116": ["für den 1. April 2026 vorgemerkt", "1.872,44 EUR"],
    "hb-4117": ["DSP-9000", "1294 queda bloqueada", "Calle del Olmo 7"],
    "hb-4118": ["from 09:00 to 17:30", "from 15:30 to 22:00"],
    "hb-4119": ["executed in full on 11 March 2026", "custody fee", "refunded the custody fee"],
    "hb-4120": ["TRF-88120", "Released"],
    "hb-4121": ["418.05 EUR"],
    "hb-4122": ["Östra Förstadsgatan 30", "Malmö Simklubb is cancelled", "11.2350 SEK"],
    "hb-4123": ["cannot do in this chat"],
    "hb-4124": ["DSP-9000", "2216"],
    "hb-4125": ["ORD-21003 cannot be cancelled", "ORD-21002 (buy 25 Nordsee Wind)"],
    "hb-4126": ["1,594.33 EUR"],
    "hb-4127": ["credited 15.00 EUR"],
    "hb-4128": ["last paid on 5 March 2026", "Perth Choral Society is cancelled"],
    "hb-4129": ["50.00 EUR went from ACC-2093 to ACC-2094|transferred 50.00 EUR from ACC-2093"],
    "hb-4130": ["overdraft fee", "9.50 EUR, to ACC-2750"],
}
"""What version 2 must have said by the end of each recorded customer's messages; `|` between two ways to say it."""


@pytest.mark.parametrize("session", MY_SESSIONS, ids=[session["session_id"] for session in MY_SESSIONS])
def test_version_2_carries_every_recorded_customer_to_the_end(session):
    """The customers wrote to version 1; version 2 answers each message, and the facts they were after are there."""
    answers = talk(support_agent_v2, *[m["content"] for m in session["messages"] if m["role"] == "user"])
    everything = " ".join(answers)

    assert all(answer.strip() for answer in answers)
    for either in ENDS[session["session_id"]]:
        assert any(words in everything for words in either.split("|")), either


# --- how it is called -----------------------------------------------------------------


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("session", MY_SESSIONS[:8], ids=[session["session_id"] for session in MY_SESSIONS[:8]])
def test_the_text_of_the_history_is_enough(session, version):
    """With and without the tool calls in its history it says the same: nothing is kept between calls."""
    agent = make_agent(version)
    said = [m["content"] for m in session["messages"] if m["role"] == "user"]

    assert talk(agent, *said) == talk(agent, *said, history="text")


def test_the_caller_s_messages_are_left_alone():
    """The list that is passed in stays as it is; system messages and content parts are understood."""
    messages = [
        {"role": "system", "content": "You are Harbor's support."},
        {"role": "user", "content": [{"type": "text", "text": "balance of ACC-4417 please"}]},
    ]
    before = [dict(message) for message in messages]

    assert "2,418.36 EUR" in support_agent_v2(messages)["messages"][-1]["content"]
    assert messages == before


def test_conversations_do_not_touch_each_other():
    """Money that moved in one conversation is where it was in the next."""
    talk(support_agent_v1, "Move 600 euros from ACC-4418 to my current account")

    assert "11,950.00 EUR" in last(support_agent_v1, "What's the balance of ACC-4418?")


async def test_async_and_streaming_say_the_same():
    """The three ways to call it give the same text; the stream comes word by word."""
    messages = [{"role": "user", "content": "balance of ACC-4417 please"}]
    whole = support_agent_v1(messages)
    pieces = [piece async for piece in astream_agent(1)(messages)]

    assert await make_async_agent(1)(messages) == whole
    assert "".join(pieces) == whole["messages"][-1]["content"]
    assert len(pieces) > 5


async def test_latency_is_what_was_asked_for():
    """Each of the three ways takes at least so long over a turn."""
    messages = [{"role": "user", "content": "balance of ACC-4417 please"}]
    started = time.perf_counter()
    make_agent(1, latency=0.05)(messages)
    sync = time.perf_counter()
    await make_async_agent(1, latency=0.05)(messages)
    waited = time.perf_counter()
    async for _ in astream_agent(1, latency=0.05)(messages):
        pass

    assert min(sync - started, waited - sync, time.perf_counter() - waited) >= 0.045


def test_a_wrong_version_or_fault_is_named():
    """Said when the agent is made, not at its first call; and messages without a user's are refused."""
    with pytest.raises(UsageError, match="no version 3 of the support agent: take 1 or 2"):
        make_agent(3)
    with pytest.raises(UsageError, match="no fault 'lazy': the faults are stale_levels"):
        make_agent(1, faults=["lazy"])
    with pytest.raises(UsageError, match="given no user message"):
        support_agent_v1([{"role": "assistant", "content": "Hello"}])


def test_it_needs_no_mlflow():
    """Importing and calling it loads neither mlflow nor anything heavy."""
    program = """
import sys
from convsim_nb.demo import support_agent_v1
support_agent_v1([{"role": "user", "content": "balance of ACC-4417"}])
print(sorted({"mlflow", "litellm", "pandas", "pydantic"} & set(sys.modules)))
"""
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert loaded.stdout.strip() == "[]"


async def test_its_tool_calls_stand_in_a_simulated_conversation():
    """Simulated, each answer carries its tool calls with arguments and results."""
    case = {"goal": "Know the balance of the savings account", "script": ["How much is in my savings?", "ACC-4417"]}
    run = await cs.simulate_async(
        [case], support_agent_v2, user_model=ScriptedChat.happy(turns=2), journal=False, mlflow=False, progress=False
    )
    calls = run.conversations[0].messages[-1].tool_calls

    assert [(call.name, call.arguments) for call in calls] == [
        ("find_account", {"account": "ACC-4417"}),
        ("get_balance", {"account": "ACC-4418"}),
    ]
    assert calls[1].result == {"account": "ACC-4418", "kind": "savings", "balance": 11950.0}
