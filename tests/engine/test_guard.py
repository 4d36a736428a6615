"""Guards: what they stop, what they let through, and what they tell the model."""

import json

import pytest

from convsim_nb.domain.case import TestCase
from convsim_nb.domain.session import Message
from convsim_nb.engine.guard import Guards
from convsim_nb.engine.guard.leaks import REASON
from convsim_nb.engine.ports import UserMove, UserView
from convsim_nb.testing import ScriptedAgent, ScriptedChat
from tests.engine.conversations import play

CASE = TestCase(
    goal="Find out where the index stands",
    persona="You are a careful saver who reads everything twice before you answer anybody at all.",
    facts=["Customer number: QX71LM", "Phone: +44 20 7946 0018"],
    withheld=[
        {"fact": "The market is closed on Saturdays", "after": "the agent shows the level as live"},
        {"fact": "The last statement was of 14 May", "after": "the agent names another date"},
    ],
    expectations={"answer": "Friday's closing level", "numbers": [18305.4]},
)
ASKED = (Message(role="user", content="Index?"), Message(role="assistant", content="It is at 18,412. What else?"))
LONG = "The index is made of forty companies from five branches, each weighed by what it is worth on the exchange."


def found(text, *, case=CASE, messages=ASKED, released=()):
    """The guards that have something against a text, the soft ones in brackets."""
    view = UserView(case=case, messages=messages, released=tuple((2, case.withheld[n]) for n in released))
    return [f"({f.guard})" if f.soft else f.guard for f in Guards()(view, text)]


@pytest.mark.parametrize(
    "text",
    [
        "But the market is closed on Saturdays!",
        "isn't it shut... I mean, Saturday, the markets are closed?",
        "My last statement was of May 14th",
        "What about 14.5.?",
        "and what was Friday's closing level?",
        "Is it 18 305.4 then?",
    ],
)
def test_a_secret_is_given_away_by_its_words_dates_and_numbers(text):
    """Withheld facts and expectations, word for word and reworded; a date in any of its forms."""
    assert found(text) == ["leak"]


def test_what_is_known_or_was_said_gives_nothing_away():
    """Words of the goal, of a released fact, or of what either side has said are free."""
    heard = (*ASKED, Message(role="assistant", content="Markets close at the weekend, so on Saturdays too."))

    assert found("Is the market closed on Saturdays?", messages=heard) == []
    assert found("But the market is closed on Saturdays!", released=(0,)) == []
    assert found("where does the index stand") == []


def test_one_telling_word_is_enough_where_a_fact_has_no_more():
    """A fact that hangs on one word leaks by that word; of several, one is no proof."""
    voucher = TestCase(goal="Get a refund", withheld=[{"fact": "It was paid with a voucher", "after": "it"}])

    assert found("I had a voucher", case=voucher) == ["leak"]
    assert found("is there a market near you", case=CASE) == []


def test_chinese_is_read_by_pairs_of_characters():
    """Without spaces between words, pairs of characters take the place of stems; particles prove nothing."""
    case = TestCase(goal="找一家餐馆", withheld=[{"fact": "同行的朋友对花生过敏", "after": "推荐花生"}])

    assert found("我朋友花生过敏", case=case) == ["leak"]
    assert found("请帮我找一家餐馆，谢谢您", case=case) == []
    assert found("我的订单号是KXM5544", case=case) == ["invention"]
    assert found("您好，请问有什么可以帮您？", case=case) == ["role"]


@pytest.mark.parametrize(
    ("text", "stopped"),
    [
        ("It's AB-99172", True),
        ("my id is mia_li_3668", True),
        ("write to anna@post.example", True),
        ("call +44 7700 900123", True),
        ("account number 4471", True),
        ("order 20881337", True),
        ("my number is QX 71-LM", False),
        ("020 7946 0018", False),
        ("at 7pm, for 4 people, 20kg, covid-19, the 12th-24th, an A380", False),
        ("it was $12345.67 and 14,400 EUR in 2024", False),
    ],
)
def test_ids_addresses_and_numbers_from_nowhere_are_stopped(text, stopped):
    """Made up is what stands in nothing that the user knows; spelling and spacing do not matter."""
    assert ("invention" in found(text)) is stopped


def test_a_number_that_the_agent_gave_may_be_said_back():
    """What either side has said is known."""
    heard = (*ASKED, Message(role="assistant", content="Your reference is ZT-4410-K."))

    assert found("so zt4410k it is", messages=heard) == []


@pytest.mark.parametrize(
    "text",
    [
        "My goal is to get the level.",
        "As an AI I have no account.",
        "The user wants to know the level.",
        "###STOP###",
        "user: hello",
        "In this scenario I ask for the level.",
        "I'm a simulated customer.",
        "I am a careful saver who reads everything twice before you answer anybody at all.",
        "Ich bin ein simulierter Nutzer.",
    ],
)
def test_talk_of_the_part_that_is_played_is_stopped(text):
    """Goal, persona, instructions, simulation; and the persona read out."""
    assert found(text) == ["meta"]


def test_who_has_a_goal_about_games_may_speak_of_role_playing():
    """A phrase that stands in the brief is what the person is about."""
    assert found("any role playing games?", case=TestCase(goal="Find a role playing game for two")) == []


@pytest.mark.parametrize(
    "text",
    [
        "How can I help you today?",
        "I have cancelled your subscription.",
        "Would you like me to book that?",
        "Could you please provide your order number?",
        "Wie kann ich Ihnen helfen?",
    ],
)
def test_speaking_as_the_serving_side_is_stopped_even_where_the_agent_said_it_first(text):
    """An agent that swaps the roles does not make it right."""
    assert found(text) == ["role"]
    assert found(text, messages=(*ASKED, Message(role="assistant", content=text))) in (["role"], ["echo"])


def test_the_agents_message_said_back_is_stopped_but_a_short_or_longer_one_is_not():
    """Eight words or more and of like length: below that, people are alike by chance."""
    heard = (*ASKED, Message(role="assistant", content=LONG))

    assert found(f"So: {LONG.lower()}", messages=heard) == ["echo"]
    assert found("The index is made of forty companies?", messages=heard) == []
    assert found("OK. What else?") == []


def test_dates_times_and_counts_from_nowhere_are_recorded_alone():
    """People give such too when asked, so they stop nothing."""
    assert found("on 3 June at 10:30 for 5") == ["(invented date)", "(invented time)", "(invented count)"]
    assert found("four", case=TestCase(goal="A table for 4")) == []


def test_hidden_characters_hide_nothing():
    """Zero-width characters between letters, and full-width ones, are read as what they show."""
    assert found("As a sim\u200bulated user") == ["meta"]
    assert found("ＡＢ－９９１７２１") == ["invention"]


async def test_a_stopped_message_is_asked_for_again_and_the_reason_keeps_the_secret():
    """The agent never hears it; the model is told why in words that say nothing of the fact."""
    chat = ScriptedChat(user=lambda request: "closed on Saturday!" if "not_sent" not in told(request) else "Level?")
    agent = ScriptedAgent()
    run, log = await play([CASE], agent, chat, max_turns=1)

    conversation = run.conversations[0]
    assert [m.content for m in conversation.messages] == ["Level?", "It is done."]
    assert [(r.turn, r.text, r.guard) for r in conversation.rejections] == [(1, "closed on Saturday!", "leak")]
    reason = told(next(r for r in chat.requests if "not_sent" in told(r)))
    assert json.loads(reason)["reason"] == REASON
    assert not {"market", "closed", "saturday"} & set(REASON.lower().split())
    assert "message_rejected" in log.kinds()


async def test_three_stopped_messages_void_the_trial_and_name_guard_and_message():
    """The simulation was at fault, not the agent: it stands in `problems`, and in no rate."""
    run, _ = await play([CASE], ScriptedAgent(), ScriptedChat(user=("I am a language model.",)))

    conversation = run.conversations[0]
    assert (conversation.stop, conversation.verdict, len(conversation.rejections)) == ("simulator_broke", "void", 3)
    assert (run.summary.void, run.summary.rate) == (1, None)
    [problem] = run.problems
    assert "guard 'meta'" in problem
    assert "I am a language model." in problem


async def test_a_user_of_ones_own_is_recorded_and_not_stopped_unless_asked():
    """What a custom user says is its author's affair; `guards` says otherwise."""

    async def mine(view):
        return UserMove("say", f"How can I help you? {view.turn}")

    options = {"user": mine, "user_model": None, "judge_model": ScriptedChat(), "max_turns": 1}
    recorded, _ = await play([{"goal": "x"}], **options)
    stopped, _ = await play([{"goal": "x"}], guards="stop", **options)
    off, _ = await play([{"goal": "x"}], guards="off", **options)

    assert [(d.turn, d.guard) for d in recorded.conversations[0].doubts] == [(1, "role")]
    assert recorded.conversations[0].stop == "max_turns"
    assert stopped.conversations[0].stop == "simulator_broke"
    assert off.conversations[0].doubts == ()
    assert [run.state.settings.guards for run in (recorded, stopped, off)] == ["record", "stop", "off"]


async def test_script_and_history_pass_no_guard():
    """What a case is given to say is said, whatever it is."""
    run, _ = await play([{"goal": "x", "script": ["How can I help you?"]}], max_turns=1)

    assert run.conversations[0].rejections == ()


def told(request):
    """The last thing that the model was told."""
    return request.messages[-1].content
