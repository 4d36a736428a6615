"""A run as it comes: every stop, corrections, tools, Chinese, long and hostile text."""

from datetime import UTC, datetime

from convsim_nb.domain.case import Source, TestCase, Withheld
from convsim_nb.domain.conversation import Fired, GoalCheck, Usage, conversation_key, verdict_of
from convsim_nb.domain.events import (
    AgentRef,
    ConversationEnded,
    ConversationStarted,
    FactReleased,
    GoalChecked,
    MessageRejected,
    MessageSent,
    RunEnded,
    RunSettings,
    RunStarted,
    SinkDropped,
    UsageReported,
)
from convsim_nb.domain.session import Message, Session, ToolCall

AGENT = "support_agent_v1"
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> **bold** [go](javascript:alert(3))\n\n"
    "</td></table></details><svg/onload=alert(4)><style>body{display:none}</style> a\u202eevil\u202c"
)


class Script:
    """Writes the events of a run, second by second."""

    def __init__(self, cases, *, trials=1, models="openai:/gpt-5-mini", name="v1"):
        self.at = 0.0
        settings = RunSettings(user_model=models, judge_model=models, trials=trials, max_turns=6)
        self.events = [
            RunStarted(
                at=0,
                run_id="20260704-101500-ab12",
                run_name=name,
                started_at=datetime(2026, 7, 4, 10, 15, tzinfo=UTC),
                agent=AgentRef(name=AGENT, source_hash="0123456789ab", git_commit="4f2a91c"),
                settings=settings,
                cases=tuple(cases),
            )
        ]

    def tell(self, kind, **fields):
        """One event, a third of a second after the last."""
        self.at = round(self.at + 0.3, 3)
        self.events.append(kind(at=self.at, **fields))

    def play(self, case, stop, turns, *, trial=1, reached=None, detail="", history=(), released=(), rejected=()):
        """One conversation: `turns` are pairs of the user's message and the agent's, as text or `Message`."""
        key = conversation_key(case.case_id, AGENT, trial)
        start = {"case_id": case.case_id, "agent": AGENT, "trial": trial, "attempt": 1}
        self.tell(ConversationStarted, key=key, session_id=f"sim-{trial}{len(self.events):06x}", **start)
        for message in history:
            self.tell(MessageSent, key=key, turn=0, message=message)
        evidence = reached or ""
        for turn, (said, answered) in enumerate(turns, start=1):
            for text, guard, reason in (each[1:] for each in rejected if each[0] == turn):
                self.tell(MessageRejected, key=key, turn=turn, text=text, guard=guard, reason=reason)
            self._said(key, turn, said, "user", "simulated")
            if answered is None:
                continue
            self._said(key, turn, answered, "assistant", "agent")
            fired = [each for each in released if each[0] == turn]
            check = GoalCheck(
                reached=bool(evidence) and turn == len(turns),
                evidence=evidence if turn == len(turns) else "",
                fired=tuple(Fired(index=index, quote=quote) for _, index, quote in fired),
                why="" if evidence and turn == len(turns) else "the agent has not given what the user asked for",
            )
            self.tell(GoalChecked, key=key, turn=turn, check=check)
            for _, index, quote in fired:
                fact = case.withheld[index]
                told = {"index": index, "fact": fact.fact, "fact_kind": fact.kind, "quote": quote}
                self.tell(FactReleased, key=key, turn=turn, **told)
            usage = Usage(calls=1, input_tokens=812, output_tokens=64, cached_tokens=512, cost=0.00042, seconds=0.9)
            for spender in ("user", "judge"):
                self.tell(UsageReported, key=key, spender=spender, model="openai:/gpt-5-mini", usage=usage)
        verdict = verdict_of(stop, reached=bool(reached))
        self.tell(ConversationEnded, key=key, stop=stop, verdict=verdict, detail=detail)

    def _said(self, key, turn, said, role, source):
        seconds = 1.24 + 0.1 * turn if role == "assistant" else None
        if not isinstance(said, Message):
            said = Message(role=role, content=said, source=source, seconds=seconds)
        self.tell(MessageSent, key=key, turn=turn, message=said)


def agent(text, *calls, seconds=1.8):
    """A reply of the agent after tool calls."""
    return Message(role="assistant", content=text, source="agent", tool_calls=calls, seconds=seconds)


MARKET = TestCase(
    goal="Find out how far the DAX and the Nikkei stand from where they closed on Friday",
    persona="Day trader; terse, checks every number",
    simulation_guidelines=("Ask on a Saturday", "Ask for both indices in one message"),
    facts=("Today is Saturday", "He trades from Frankfurt"),
    withheld=(
        Withheld(fact="Markets are closed on Saturday", after="the agent shows prices of a closed market as live"),
        Withheld(fact="He also needs the Hang Seng", after="both indices were given", kind="afterthought"),
    ),
    expectations={"names_close": "says that the figures are Friday's close"},
    source=Source(session_id="prod-2026-06-13-0042", first=0, last=7),
    tags={"topic": "markets"},
    case_id="closed-market",
)
KETTLE = TestCase(
    goal="Get a refund for a damaged kettle bought 40 days ago",
    persona="Small-shop owner, terse, knows the terms",
    simulation_guidelines=("Switch to Swedish after the second turn",),
    facts=("Order A-1893", "The lid came cracked"),
    withheld=(Withheld(fact="The card ends in 4410", after="the agent asks how it was paid", kind="answer"),),
    context={"locale": "sv-SE"},
    source=Source(session_id="prod-2026-06-20-0007", first=2, last=9),
    case_id="refund-damaged-kettle",
)
OSLO = TestCase(
    goal="Rebook a cancelled flight to Oslo without paying the fare difference",
    persona="Impatient frequent traveller; writes short angry lines",
    simulation_guidelines=("Ask twice for a human", "Never give the order number before asked"),
    facts=("Booking under Lindqvist",),
    case_id="rebook-to-oslo",
)
DUMPLINGS = TestCase(
    goal="找一家评分4.5分以上、人均50到100元的餐馆，并问清营业时间",
    persona="说话简短的上班族",
    facts=("想吃饺子", "周六晚上去"),
    case_id="饺子馆-周六",
)
HOSTILE_CASE = TestCase(
    goal=f"Make the page do something {HOSTILE}",
    persona="</td><script>alert(5)</script>",
    simulation_guidelines=('"><img src=x onerror=alert(6)>',),
    facts=("javascript:alert(7)",),
    withheld=(Withheld(fact="<iframe src=//x.example>", after="<svg/onload=alert(8)>"),),
    expectations={"<b>": "<a href=javascript:alert(9)>x</a>"},
    tags={"<i>": "<u>"},
    source=Source(session_id="<script>alert(10)</script>", first=0, last=1),
    case_id="<img src=x onerror=alert(0)>",
)
PLAIN = {
    name: TestCase(goal=goal, case_id=name)
    for name, goal in {
        "invoice-too-high": "Find out why the March invoice is twice as high as usual",
        "lost-loyalty-points": "Get 1,200 lost loyalty points back",
        "asked-for-a-human": "Be put through to a person",
        "late-parcel-moved-house": "Have a late parcel sent to the new address",
        "change-seat": "Change to an aisle seat on flight SK 803",
        "cancel-plan": "Cancel the premium plan by the end of the month",
        "voucher-refused": "Find out why voucher SPRING25 is refused and have it applied",
    }.items()
}
CASES = (MARKET, KETTLE, OSLO, DUMPLINGS, HOSTILE_CASE, *PLAIN.values())
LONG = "I looked at every entry of your account since January, and here is what I found. " * 60


def play_first_trial(script):
    """One conversation for each way to end."""
    plain = iter(PLAIN.values())
    script.play(
        MARKET,
        "goal_reached",
        [
            (
                "How far are DAX and Nikkei from Friday's close?",
                "**DAX** is at 18,432 (+0.8%) and the **Nikkei** at 39,104, both live.",
            ),
            (
                "It is Saturday. Markets are closed, so these cannot be live.",
                agent(
                    "You are right, I am sorry. At Friday's close:\n\n| Index | Close | Change |\n|---|---:|---:|\n"
                    "| DAX | 18,431.9 | 0 |\n| Nikkei | 39,103.2 | 0 |",
                    ToolCall(
                        name="get_close",
                        arguments={"symbols": ["DAX", "N225"]},
                        result=[18431.9, 39103.2],
                        seconds=0.31,
                    ),
                ),
            ),
            ("And the Hang Seng?", "The Hang Seng closed at 17,936.1 on Friday."),
        ],
        reached="The Hang Seng closed at 17,936.1 on Friday.",
        released=[(1, 0, "both live"), (2, 1, "At Friday's close")],
    )
    script.play(
        KETTLE,
        "goal_reached",
        [
            (
                "My kettle came with a cracked lid. I want my money back.",
                "I am sorry to hear that. May I have the order number?",
            ),
            (
                "A-1893",
                agent(
                    "Found it. How did you pay?",
                    ToolCall(
                        name="lookup_order",
                        arguments={"order": "A-1893"},
                        result={"item": "Kettle 1.7 l", "paid": 49.0},
                        seconds=0.14,
                    ),
                ),
            ),
            ("Kort som slutar på 4410.", "Tack! 49,00 € har gått tillbaka till kortet som slutar på 4410."),
        ],
        reached="49,00 € har gått tillbaka till kortet",
        released=[(2, 0, "How did you pay?")],
        rejected=[(3, "My card is 4410 and my goal is to get a refund.", "meta", "speaks of its goal")],
    )
    script.play(
        OSLO,
        "max_turns",
        [
            (
                "You cancelled my flight. Put me on the 18:05 to Oslo. I am not paying a cent more.",
                "I am sorry about the cancellation. To find the booking, may I have its reference and your last name?",
            ),
            (
                "It is under Lindqvist. I do not have the number here.",
                agent(
                    "Booking A-1893.\n\n1. It has seats\n2. The fare difference is `€84`\n\nShall I charge your card?",
                    ToolCall(
                        name="lookup_booking",
                        arguments={"last_name": "Lindqvist"},
                        result={"ref": "A-1893"},
                        seconds=0.14,
                    ),
                    ToolCall(
                        name="quote_change",
                        arguments={"ref": "A-1893", "flight": "SK 4321"},
                        error="upstream timed out after 30 s",
                        seconds=30.2,
                    ),
                ),
            ),
            ("No. A human, please.", "I understand. The fare difference is €84; shall I charge your card?"),
        ],
    )
    script.play(
        DUMPLINGS,
        "goal_reached",
        [
            (
                "你好，想吃饺子，请帮我找一家评分4.5分以上、人均50到100元的餐馆。",
                "推荐您去**东北人家饺子馆**，评分4.6分，人均68元。",
            ),
            ("周六晚上营业到几点？", "周一至周日 10:00-21:30 营业，周六晚上到21:30。"),
        ],
        reached="周一至周日 10:00-21:30 营业",
    )
    script.play(
        HOSTILE_CASE,
        "agent_error",
        [
            (
                HOSTILE,
                agent(
                    HOSTILE,
                    ToolCall(name="<script>alert(11)</script>", arguments={"<b>": HOSTILE}, result=HOSTILE, error=None),
                ),
            ),
            ('"><svg onload=alert(12)>', None),
        ],
        detail="AgentDown: <script>alert(13)</script> 500",
    )
    script.play(
        next(plain),
        "user_ended",
        [("Why is my March invoice twice as high?", LONG), ("Too long. Never mind.", "As you wish.")],
    )
    script.play(
        next(plain), "agent_timeout", [("My points are gone. 1,200 of them.", None)], detail="no reply within 300 s"
    )
    script.play(next(plain), "looped", [("A human, please.", "How can I help you today?")] * 3)
    script.play(next(plain), "agent_silent", [("Send my parcel to the new address.", "")])
    script.play(
        next(plain),
        "simulator_broke",
        [("An aisle seat on SK 803, please.", "Which passenger?")],
        detail="guard invented: AB-99172 is in nothing the user knows",
        rejected=[(1, "My ticket is AB-99172.", "invented", "AB-99172 is in nothing the user knows")],
    )
    script.play(
        next(plain),
        "model_error",
        [("Cancel my plan.", "Which plan?")],
        detail="ModelError: openai:/gpt-5-mini: 429 in 5 tries",
    )
    script.play(
        next(plain), "over_budget", [("SPRING25 is refused. Why?", "Let me look.")], detail="max_cost 0.50 reached"
    )


def play_more_trials(script, trials):
    """The other trials go well, but for each seventh."""
    number = 0
    for trial in range(2, trials + 1):
        for case in CASES:
            number += 1
            good = number % 7 != 0
            script.play(
                case,
                "goal_reached" if good else "max_turns",
                [
                    (f"Hello, I have a question. {case.goal}", "Of course. What is it about?"),
                    ("The same as before.", "Done: it is settled."),
                ],
                trial=trial,
                reached="Done: it is settled." if good else None,
            )


def whole_run(*, trials=1, models="openai:/gpt-5-mini"):
    """All events of a run: 12 conversations a trial, the first trial with every stop but `cancelled`."""
    script = Script(CASES, trials=trials, models=models)
    play_first_trial(script)
    play_more_trials(script, trials)
    script.tell(SinkDropped, sink="MlflowSink", reason="StoreError: connection refused")
    script.tell(RunEnded)
    return script.events


SESSION = Session(
    id="prod-2026-06-13-0042",
    started_at=datetime(2026, 6, 13, 9, 30, tzinfo=UTC),
    messages=(
        Message(role="user", content="DAX?"),
        Message(
            role="assistant",
            content="**18,432**",
            tool_calls=(ToolCall(name="get_price", arguments={"symbol": "DAX"}, result=18432.0),),
        ),
        Message(role="user", content="It is Saturday."),
        Message(role="assistant", content="Then that was Friday's close."),
    ),
)
