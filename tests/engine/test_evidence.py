"""What a check finds in a test case, beside its session and without a model."""

import pytest

from convsim_nb.domain.case import Source, TestCase
from convsim_nb.domain.session import Message
from convsim_nb.engine.alike import near_duplicates
from convsim_nb.engine.evidence import findings

MARKET = (
    "What are the levels of the DAX and the FTSE?",
    "The DAX is at 18,412 right now, and the FTSE stands at 8,020.",
    "But it's Saturday, the markets are closed. Those can't be live.",
    "You are right. Friday's close was 18,305 for the DAX and 8,001 for the FTSE.",
    "Thanks.",
)
CLOSED = {
    "goal": "Learn the current levels of the DAX and the FTSE",
    "withheld": [
        {"fact": "It is Saturday and the markets are closed", "after": "the agent presents index levels as current"}
    ],
}
CLOSED_QUOTES = [
    ("goal", 0, "What are the levels of the DAX and the FTSE?"),
    ("withheld[0].fact", 2, "it's Saturday, the markets are closed"),
    ("withheld[0].after", 1, "The DAX is at 18,412 right now"),
]
TRANSFER = (
    "hi",
    "Hello, how can I help?",
    "I need to send 150 euros to Marta Lund on 3 May",
    "From which account?",
    "ACC-2093",
    "I would take the fast transfer, reference FX-771. Shall I?",
    "yes, FX-771 is fine",
    "Done: 50 euros to Marta Lund.",
    "no, I said 150 euros!",
    "Corrected.",
)
TRANSFER_QUOTES = [("goal", 2, "I need to send 150 euros to Marta Lund on 3 May")]


def messages(said):
    roles = ("user", "assistant") * len(said)
    return [Message(role=role, content=text) for role, text in zip(roles, said, strict=False)]


def found(said, quotes, *, first=0, **fields):
    """Check, field and reason of each finding."""
    source = Source(
        session_id="s",
        first=first,
        last=len(said) - 1,
        quotes=[{"field": field, "message": n, "text": text} for field, n, text in quotes],
    )
    return [(one.check, one.field, one.reason) for one in findings(TestCase(**fields, source=source), messages(said))]


def test_a_case_that_holds_what_it_should_is_clean():
    """The opening's goal, the correction withheld, both quoted."""
    assert found(MARKET, CLOSED_QUOTES, **CLOSED) == []


def test_the_correction_put_into_the_goal_by_hand_is_said():
    """The closed market: whoever writes it into the goal is told where it was said."""
    goal = "Learn the closing levels of the DAX and the FTSE, as the markets are closed on Saturday"
    told = found(MARKET, CLOSED_QUOTES, **{**CLOSED, "goal": goal})

    said = "it holds 'close', 'market', 'saturday', which the user said only in message 2, in reaction to the agent"
    assert told[0] == ("later", "goal", f"{said}: it is withheld")


def test_a_correction_in_the_goal_is_found_without_withheld_and_without_session():
    """A model that withholds nothing is caught by the opening; a case from a file by its own withheld fact."""
    goal = "Learn the levels of the DAX and the FTSE, as the markets are closed on Saturday"
    alone = {"goal": goal}
    assert [one[:2] for one in found(MARKET, CLOSED_QUOTES[:1], **alone)] == [("later", "goal")]

    case = TestCase(**{**CLOSED, "goal": goal})
    assert [(one.check, one.field) for one in findings(case)] == [("later", "goal")]


@pytest.mark.parametrize("field", ["persona", "simulation_guidelines", "facts"])
def test_what_is_withheld_stands_nowhere_that_the_user_is_told_from_the_start(field):
    """A guideline that tells the user to object to Saturday's prices gives the objection away."""
    text = "Objects that the markets are closed on a Saturday"
    value = text if field == "persona" else [text]
    quotes = [*CLOSED_QUOTES, (f"{field}[0]" if field != "persona" else field, 2, "the markets are closed")]

    assert [one[0] for one in found(MARKET, quotes, **{**CLOSED, field: value})] == ["later"]


@pytest.mark.parametrize(
    ("quote", "reason"),
    [
        (("facts[0]", 0, "I like the DAX"), "'I like the DAX' does not stand in message 0"),
        (("facts[0]", 1, "The DAX is at 18,412"), "message 1 is not the user's"),
        (("facts[0]", 9, "x"), "message 9 is none of this conversation's"),
        (("facts[7]", 0, "the DAX"), "it is not quoted"),
    ],
)
def test_quotes_stand_where_they_are_said_to_stand(quote, reason):
    """Word for word, in a message of the one who may be quoted; and no fact goes without."""
    fields = {**CLOSED, "facts": ["The index is the DAX"]}

    assert ("quote", quote[0] if quote[0] == "facts[0]" else "facts[0]", reason) in found(
        MARKET, [*CLOSED_QUOTES, quote], **fields
    )


def test_what_the_agent_said_first_is_no_fact_of_the_users():
    """An id that the user only took up cannot be known from the start."""
    fields = {"goal": "Send 150 euros to Marta Lund on 3 May", "facts": ["Account: ACC-2093", "Reference: FX-771"]}
    quotes = [*TRANSFER_QUOTES, ("facts[0]", 4, "ACC-2093"), ("facts[1]", 6, "FX-771 is fine")]

    assert found(TRANSFER, quotes, **fields) == [
        ("agent", "facts[1]", "'FX-771' was said by the agent first: the user cannot know it from the start")
    ]


def test_amounts_and_days_that_were_asked_for_are_kept():
    """A goal without its amount lets a judge take another for it; it may stand among the facts."""
    assert found(TRANSFER, TRANSFER_QUOTES, goal="Send money to Marta Lund") == [
        ("amount", "goal", "the user asked with '150', '3 May' in message 2, which stands nowhere in the case")
    ]
    quotes = [*TRANSFER_QUOTES, ("facts[0]", 2, "150 euros to Marta Lund on 3 May")]
    assert found(TRANSFER, quotes, goal="Send money to Marta Lund", facts=["150 euros, on May 3rd"]) == []


def test_a_correction_that_only_says_the_goal_again_is_no_withheld_fact():
    """There is nothing in it that the user had not said before."""
    withheld = [{"fact": "I said 150 euros", "after": "the agent sends another amount than was asked for"}]
    quotes = [
        *TRANSFER_QUOTES,
        ("withheld[0].fact", 8, "no, I said 150 euros!"),
        ("withheld[0].after", 7, "Done: 50 euros to Marta Lund."),
    ]

    assert [
        one[:2] for one in found(TRANSFER, quotes, goal="Send 150 euros to Marta Lund on 3 May", withheld=withheld)
    ] == [("restated", "withheld[0].fact")]


def test_a_trigger_fits_another_conversation_and_comes_before_its_fact():
    """An id that only this agent said would never be seen again; what is reacted to was said before."""
    withheld = [{"fact": "No fees, please", "after": "the agent offers the fast transfer FX-771"}]
    quotes = [
        *TRANSFER_QUOTES,
        ("withheld[0].fact", 4, "ACC-2093"),
        ("withheld[0].after", 5, "reference FX-771"),
    ]
    told = found(TRANSFER, quotes, goal="Send 150 euros to Marta Lund on 3 May", withheld=withheld)

    assert [one for one in told if one[0] == "trigger"] == [
        ("trigger", "withheld[0].after", "message 5 does not come before message 4"),
        (
            "trigger",
            "withheld[0].after",
            "'FX-771' was in this agent's words alone: describe what it did so that other words fit too",
        ),
    ]


def test_the_case_is_written_as_the_user_wrote():
    """A German session gives a German goal."""
    said = ("Ich möchte bitte wissen, wann mein Paket ankommt", "Morgen.", "Danke")
    quotes = [("goal", 0, "wann mein Paket ankommt")]

    assert [one[:2] for one in found(said, quotes, goal="Find out when the parcel will be there")] == [
        ("language", "goal")
    ]
    assert found(said, quotes, goal="Erfahren, wann das Paket ankommt") == []


def test_talk_of_the_record_is_no_guideline():
    """Users do not know that somebody read their messages as a list; one who speaks of JSON may."""
    lines = ["The user's messages contain the full prior conversation as a JSON list"]
    quotes = [*CLOSED_QUOTES, ("simulation_guidelines[0]", 0, "What are the levels")]
    assert [one[:2] for one in found(MARKET, quotes, **CLOSED, simulation_guidelines=lines)] == [
        ("artefact", "simulation_guidelines[0]")
    ]

    said = ("Can you turn this JSON into a table?", "Sure: | a | b |", "thanks")
    assert found(said, [("goal", 0, "turn this JSON into a table")], goal="Turn a JSON into a table") == []


def test_the_opening_lasts_as_long_as_the_agent_only_asks():
    """An answer to a question may stand in the goal; what was said after an answer may not."""
    said = (
        "I want to book a table",
        "For which day?",
        "Sunday 3 May",
        "Sunday is full.",
        "then Monday, with my dog Bo",
    )
    quotes = [("goal", 0, "I want to book a table")]

    assert found(said, quotes, goal="Book a table for Sunday 3 May") == []
    assert [one[0] for one in found(said, quotes, goal="Book a table for Monday with the dog")] == ["later"]
    assert [one[0] for one in found(said, [("goal", 4, "then Monday")], goal="Book a table")] == ["later"]


def test_chinese_is_checked_without_spaces():
    """Pairs of characters stand for words."""
    said = (
        "请问恒生指数现在是多少？",
        "恒生指数现在是17651点。",
        "今天是星期六，休市了，这不可能是实时的",
        "您说得对。",
    )
    quotes = [
        ("goal", 0, "恒生指数现在是多少"),
        ("withheld[0].fact", 2, "今天是星期六，休市了"),
        ("withheld[0].after", 1, "现在是17651点"),
    ]
    withheld = [{"fact": "今天是星期六，休市了", "after": "客服把指数说成实时的"}]

    assert found(said, quotes, goal="查询恒生指数现在的点数", withheld=withheld) == []
    told = found(said, quotes, goal="查询恒生指数，今天是星期六休市", withheld=withheld)
    assert ("later", "goal") in [one[:2] for one in told]


def test_near_duplicates_are_told_by_goal_and_withheld():
    """The same wish in nearly the same words; another amount, or another thing withheld, is another case."""
    goals = [
        "Get a refund for the damaged kettle of order A-1893",
        "Get the refund for a damaged kettle, order A-1893",
        "Get a refund for the damaged kettle of order B-2001",
        "Book a table for four in Ulm",
    ]
    cases = [TestCase(goal=goal, case_id=str(n)) for n, goal in enumerate(goals)]

    assert list(near_duplicates(cases)) == [(0, 1)]
