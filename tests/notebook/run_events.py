"""Runs as lists of events, for the browser's fold and for notebooks that play them.

`python -m tests.notebook.run_events` writes the list that the JavaScript tests fold, with the states
that `RunState` makes of it.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

from convsim_nb.domain import events as ev
from convsim_nb.domain.case import TestCase, Withheld
from convsim_nb.domain.conversation import Doubt, Fired, GoalCheck, Usage, conversation_key, verdict_of
from convsim_nb.domain.session import Message, ToolCall
from convsim_nb.domain.state import RunState

AGENT = "support_agent"
FIXTURE = Path(__file__).with_suffix(".json")
STARTED_AT = datetime(2026, 7, 4, 10, 15, tzinfo=UTC)
SLOW = 0.09
"""Seconds between two pieces of streamed text."""


class Line:
    """The events of one conversation, on a clock of its own."""

    def __init__(self, case, *, at=0.1, trial=1, attempt=1):
        self.case, self.at, self.turn = case, at, 0
        self.key = conversation_key(case.case_id, AGENT, trial)
        self.events = []
        ids = {"session_id": f"sim-{case.case_id[:4]}{trial}{attempt}", "case_id": case.case_id, "agent": AGENT}
        self.tell(ev.ConversationStarted, trial=trial, attempt=attempt, **ids)

    def tell(self, kind, *, after=0.0, **fields):
        """One event, `after` seconds after the last."""
        self.at = round(self.at + after, 3)
        self.events.append(kind(at=self.at, key=self.key, **fields))
        return self

    def recorded(self, *texts):
        """History: user and agent by turns."""
        for text, role in zip(texts, ("user", "assistant") * len(texts), strict=False):
            self.tell(ev.MessageSent, turn=0, message=Message(role=role, content=text, source="recorded"))
        return self

    def user(self, text, *, source="simulated", doubt=None):
        """The user opens a turn; `doubt` is what a guard has against it all the same, with its reason."""
        self.turn += 1
        doubts = (Doubt(turn=self.turn, guard=doubt[0], reason=doubt[1]),) if doubt else ()
        said = Message(role="user", content=text, source=source)
        self.tell(ev.MessageSent, after=0.5, turn=self.turn, message=said, doubts=doubts)
        return self.spent("user")

    def agent(self, text, *calls, seconds=1.24, streams=True):
        """The agent answers, word by word where it streams."""
        words = [f"{word} " for word in text.split(" ")] if streams else []
        for word in words:
            self.tell(ev.MessageDelta, after=SLOW, turn=self.turn, text=word)
        said = Message(
            role="assistant",
            content=text,
            source="agent",
            tool_calls=calls,
            seconds=seconds,
            trace_id=f"tr-{self.turn}",
            wire=({"role": "assistant", "content": text},) if calls else (),
        )
        return self.tell(ev.MessageSent, after=0.1 if streams else seconds, turn=self.turn, message=said)

    def judge(self, *, why="not yet", evidence="", fired=None, barred=False):
        """The judge speaks; `fired` is the place of a withheld fact and the agent's words."""
        proofs = (Fired(index=fired[0], quote=fired[1]),) if fired else ()
        check = GoalCheck(reached=bool(evidence), evidence=evidence, fired=proofs, why=why, barred=barred)
        self.tell(ev.GoalChecked, after=0.2, turn=self.turn, check=check).spent("judge")
        if fired:
            fact = self.case.withheld[fired[0]]
            told = {"index": fired[0], "fact": fact.fact, "fact_kind": fact.kind, "quote": fired[1]}
            self.tell(ev.FactReleased, turn=self.turn, **told)
        return self

    def rejected(self, text, *, guard, reason):
        """A guard stops a message that would open the next turn."""
        return self.tell(ev.MessageRejected, turn=self.turn + 1, text=text, guard=guard, reason=reason)

    def again(self, error):
        """A call of the agent failed, and is made again."""
        return self.tell(ev.AgentRetried, after=0.3, turn=self.turn, error=error)

    def spent(self, spender, *, cost=0.00042):
        """A model call."""
        usage = Usage(calls=1, input_tokens=812, output_tokens=64, cached_tokens=512, cost=cost, seconds=0.9)
        return self.tell(ev.UsageReported, spender=spender, model="openai:/gpt-5-mini", usage=usage)

    def end(self, stop, *, detail="", reached=False, trace_id=""):
        """It is over."""
        verdict = verdict_of(stop, reached=reached)
        return self.tell(ev.ConversationEnded, after=0.1, stop=stop, verdict=verdict, detail=detail, trace_id=trace_id)


def started(cases, *, model="openai:/gpt-5-mini", name="v1", trials=1, started_at=STARTED_AT):
    """The beginning of a run."""
    return ev.RunStarted(
        at=0.0,
        run_id="20260704-101500-ab12",
        run_name=name,
        started_at=started_at,
        agent=ev.AgentRef(name=AGENT, source_hash="0123456789ab", git_commit="4f2a91c"),
        settings=ev.RunSettings(user_model=model, judge_model=model, trials=trials, max_turns=6),
        cases=tuple(cases),
        tags={"team": "support"},
    )


def run(lines, *, cases=(), end=True, **start):
    """All events of a run, in the order in which they happen; `cases` that have no line stay waiting."""
    every = [*dict.fromkeys(line.case.case_id for line in lines)]
    by_id = {each.case_id: each for each in [*(line.case for line in lines), *cases]}
    order = [by_id[name] for name in [*every, *(c.case_id for c in cases if c.case_id not in every)]]
    told = sorted((event for line in lines for event in line.events), key=lambda event: event.at)
    last = told[-1].at if told else 0.0
    return [started(order, **start), *told, *([ev.RunEnded(at=round(last + 0.1, 3))] if end else [])]


# --- cases ---------------------------------------------------------------------------

OSLO = TestCase(
    goal="Rebook a cancelled flight to Oslo without paying the fare difference",
    persona="Impatient frequent traveller; writes short angry lines",
    simulation_guidelines=("Ask twice for a human", "Never give the booking number before asked"),
    facts=("The booking is under Lindqvist",),
    case_id="rebook-to-oslo",
)
MARKET = TestCase(
    goal="Find out how far the DAX and the Nikkei stand from Friday's close",
    persona="Day trader; terse, checks every number",
    facts=("Today is Saturday",),
    withheld=(
        Withheld(fact="Markets are closed on Saturday", after="the agent shows prices of a closed market as live"),
        Withheld(fact="He also needs the Hang Seng", after="both indices were given", kind="afterthought"),
    ),
    case_id="closed-market",
)
KETTLE = TestCase(
    goal="Get a refund for a damaged kettle bought 40 days ago",
    persona="Small-shop owner who knows the terms",
    facts=("Order A-1893", "The lid came cracked"),
    withheld=(Withheld(fact="The card ends in 4410", after="the agent asks how it was paid", kind="answer"),),
    history=(
        Message(role="user", content="Hello, I ordered a kettle from you."),
        Message(role="assistant", content="Welcome back! What can I do for you?"),
    ),
    case_id="refund-damaged-kettle",
)
DUMPLINGS = TestCase(
    goal="找一家评分4.5分以上、人均50到100元的饺子馆，并问清周六的营业时间",
    persona="说话简短的上班族",
    facts=("想吃饺子", "周六晚上去"),
    case_id="饺子馆-周六",
)
PLAIN = [
    TestCase(goal=goal, case_id=name)
    for name, goal in {
        "invoice-too-high": "Find out why the March invoice is twice as high as usual",
        "lost-loyalty-points": "Get 1,200 lost loyalty points back",
        "asked-for-a-human": "Be put through to a person",
        "late-parcel": "Have a late parcel sent to the new address",
        "aisle-seat": "Change to an aisle seat on flight SK 803",
        "cancel-plan": "Cancel the premium plan by the end of the month",
        "voucher-refused": "Find out why voucher SPRING25 is refused and have it applied",
        "wrong-size": "Exchange a jacket that is one size too small",
    }.items()
]

# --- conversations -------------------------------------------------------------------


def oslo(**when):
    """Out of turns; a tool that fails."""
    line = Line(OSLO, **when)
    line.user("You cancelled my flight. Put me on the 18:05 to Oslo. I am not paying a cent more.")
    line.agent("I am sorry about the cancellation. To find the booking, may I have its reference and your last name?")
    line.judge(why="the agent has only asked for the booking")
    line.user("It is under Lindqvist. I do not have the number here.")
    line.again("the endpoint answered 503: busy")
    line.agent(
        "I can see booking **A-1893**.\n\n1. The 18:05 has seats\n2. The fare difference is `€84`\n\n"
        "Shall I charge your card?",
        ToolCall(name="lookup_booking", arguments={"last_name": "Lindqvist"}, result={"ref": "A-1893"}, seconds=0.14),
        ToolCall(name="quote_change", arguments={"ref": "A-1893"}, error="upstream timed out after 30 s", seconds=30.2),
        seconds=2.41,
    )
    line.judge(why="the agent wants to charge the fare difference")
    line.rejected(
        "Your expected answer is to waive the fare.", guard="given away", reason="says what the agent should bring"
    )
    line.user("No. A human, please.")
    line.agent("I understand. The fare difference is €84; shall I charge your card?", seconds=0.82)
    line.judge(why="the agent insists on the fare difference")
    return line.end("max_turns")


def market(**when):
    """Reached, after a correction and an afterthought."""
    line = Line(MARKET, **when)
    line.user("How far are DAX and Nikkei from Friday's close?")
    line.agent("**DAX** is at 18,432 (+0.8%) and the **Nikkei** at 39,104, both live.", seconds=0.94)
    line.judge(why="both indices were given", fired=(0, "both live"), barred=True)
    line.user("It is Saturday. Markets are closed, so these cannot be live.")
    line.agent(
        "You are right, I am sorry. At Friday's close:\n\n| Index | Close | Change |\n|---|---:|---:|\n"
        "| DAX | 18,431.9 | 0 |\n| Nikkei | 39,103.2 | 0 |",
        ToolCall(name="get_close", arguments={"symbols": ["DAX", "N225"]}, result=[18431.9, 39103.2], seconds=0.31),
        seconds=1.73,
    )
    line.judge(why="both indices are given, the Hang Seng is still open", fired=(1, "At Friday's close"))
    line.user("And the Hang Seng?")
    line.agent("The Hang Seng closed at 17,936.1 on Friday.", seconds=0.61)
    line.judge(why="all three indices were given as of Friday", evidence="The Hang Seng closed at 17,936.1 on Friday.")
    return line.end("goal_reached", detail="all three indices were given as of Friday")


def kettle(**when):
    """Reached; begins with history, fixed words, and an answer that is only given when asked for."""
    line = Line(KETTLE, **when)
    line.recorded("Hello, I ordered a kettle from you.", "Welcome back! What can I do for you?")
    line.user("It came with a cracked lid. I want my money back.", source="scripted")
    line.agent("I am sorry to hear that. May I have the order number?", seconds=0.71)
    line.judge(why="no refund yet")
    line.user("A-1893")
    line.agent(
        "Found it. How did you pay?",
        ToolCall(
            name="lookup_order",
            arguments={"order": "A-1893"},
            result={"item": "Kettle 1.7 l", "paid": 49.0},
            seconds=0.14,
        ),
    )
    line.judge(why="no refund yet", fired=(0, "How did you pay?"))
    line.user("By card, it ends in 4410.", doubt=("invented", "4410 is a number that the case does not give"))
    line.agent("Thank you! €49.00 went back to the card that ends in 4410.", seconds=1.05)
    line.judge(why="the refund is confirmed", evidence="€49.00 went back to the card")
    return line.end("goal_reached", detail="the refund is confirmed")


def dumplings(**when):
    """Reached, in Chinese."""
    line = Line(DUMPLINGS, **when)
    line.user("你好，想吃饺子，请帮我找一家评分4.5分以上、人均50到100元的餐馆。")
    line.agent(
        "推荐您去**东北人家饺子馆**：\n\n- 评分 4.6 分\n- 人均 68 元\n- 地址：朝阳区建国路 88 号",
        ToolCall(
            name="search_restaurants", arguments={"菜": "饺子"}, result=[{"名称": "东北人家饺子馆"}], seconds=0.22
        ),
        streams=False,
        seconds=1.4,
    )
    line.judge(why="还没有说营业时间")
    line.user("周六晚上营业到几点？")
    line.agent("周一至周日 10:00-21:30 营业，周六晚上到 21:30。", streams=False, seconds=0.8)
    line.judge(why="营业时间已经说明", evidence="周一至周日 10:00-21:30 营业")
    return line.end("goal_reached", detail="营业时间已经说明")


def short(case, stop, *, detail="", **when):
    """Two turns, and an end of any kind."""
    line = Line(case, **when)
    line.user(f"Hello. {case.goal}, please.")
    line.agent("Of course. May I have your customer number?", seconds=0.66)
    line.judge(why="nothing is settled yet")
    line.user("It is 20-4471.")
    line.agent("Thank you. It is settled now, and you get a confirmation by mail.", seconds=0.91)
    reached = stop == "goal_reached"
    line.judge(why="it is settled" if reached else "no proof", evidence="It is settled now" if reached else "")
    return line.end(stop, detail=detail)


def mixed(*, end=True, **start):
    """A dozen conversations, with every kind of verdict, some of them at the same time."""
    stops = [
        ("goal_reached", ""),
        ("agent_timeout", "no reply within 300 s"),
        ("looped", "both sides said the same 3 turns running"),
        ("simulator_broke", "guard invented: AB-99172 is in nothing the user knows"),
        ("goal_reached", ""),
        ("goal_reached", ""),
        ("model_error", "the judge: openai:/gpt-5-mini: 429 in 5 tries"),
        ("goal_reached", ""),
    ]
    others = [
        short(case, stop, detail=detail, at=0.4 + 0.7 * n)
        for n, (case, (stop, detail)) in enumerate(zip(PLAIN, stops, strict=True))
    ]
    return run([oslo(at=0.1), market(at=0.2), kettle(at=0.3), dumplings(at=0.5), *others], end=end, **start)


# --- text that would do something if it were taken for HTML --------------------------

HOSTILE = (
    "<script>window.hit = 1</script>",
    "<img src=x onerror='window.hit = 2'>",
    "<svg/onload=window.hit=3><a xlink:href='javascript:window.hit=3'>x</a></svg>",
    "</div></article></section><iframe srcdoc='<script>parent.hit=4</script>'></iframe>",
    "[link](javascript:window.hit=5) <javascript:window.hit=5> [x](data:text/html,<script>window.hit=5</script>)",
    "<details open ontoggle='window.hit = 6'><summary>x</summary></details>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=x onerror=window.hit=7&gt;'>",
    "<style>.cs-run { display: none }</style><link rel=stylesheet href=//example.invalid/x.css>",
    "```\n</code></pre><img src=x onerror=window.hit=8>\n```\n\n| a |\n|---|\n| <img src=x onerror=window.hit=9> |",
    "<form action=//example.invalid><input name=q autofocus onfocus=window.hit=10><button>Stop</button></form>",
    "\u202e<b onmouseover=window.hit=11>turned round</b>\u202c zero\u200bwidth 😀",
    "![x](https://example.invalid/beacon.png) <base href=//example.invalid> <meta http-equiv=refresh content=0>",
)


def hostile(**start):
    """A run in which everything that somebody else wrote is an attack."""
    attack = " ".join(HOSTILE)
    case = TestCase(
        goal=f"Attack {attack}",
        persona=attack,
        simulation_guidelines=(attack,),
        facts=(attack,),
        withheld=(Withheld(fact=attack, after=attack),),
        case_id="<img src=x onerror=window.hit=20>",
    )
    line = Line(case)
    for text in HOSTILE:
        call = ToolCall(name=text, arguments={text: text}, result=text, seconds=0.1)
        failed = ToolCall(name=text, arguments=text, error=text)
        line.user(text).again(text).agent(text, call, failed).judge(why=text)
    line.rejected(attack, guard=attack, reason=attack)
    line.judge(evidence=HOSTILE[0], why=attack, fired=(0, HOSTILE[1]))
    line.end("agent_error", detail=attack)
    told = run([line], end=False, name=attack, **start)
    return [
        *told,
        ev.SinkDropped(at=line.at, sink="<img src=x onerror=window.hit=21>", reason=attack),
        ev.Noticed(at=line.at, topic=attack, text=attack),
        ev.RunEnded(at=line.at),
    ]


# --- what the fold is tested with ----------------------------------------------------


def every_kind():
    """Each kind of event at least once: a first part that is cut short, then a resume that ends it."""
    first = run([market(), kettle(at=0.3)], cases=[OSLO], end=False, trials=1)
    cut = Line(OSLO, at=4.0)
    cut.user("You cancelled my flight.").tell(ev.MessageDelta, turn=1, text="I am sor")
    cut.tell(ev.ConversationPaused).tell(ev.ConversationResumed)
    cut.tell(ev.MessageSent, turn=1, cut=True, message=Message(role="assistant", content="I am sor", source="agent"))
    cut.end("cancelled")
    first += [*cut.events, ev.SinkDropped(at=5.0, sink="MlflowSink", reason="StoreError: refused")]
    first += [ev.Noticed(at=5.0, topic="agent_blocks", text=text) for text in ("agent held the loop", "and again")]
    first += [ev.RunEnded(at=5.1, stopped=True)]
    again = oslo(at=0.2, attempt=2).spent("agent", cost=None).spent("agent")
    resumed = [started([MARKET, KETTLE, OSLO, DUMPLINGS]), *again.events]
    streaming = Line(DUMPLINGS, at=29.0).user("你好").tell(ev.MessageDelta, turn=1, text="推荐")
    streaming.user("等等", source="operator").tell(ev.MessageDelta, after=0.3, turn=1, text="您")
    return [*first, *resumed, *streaming.events, ev.RunEnded(at=31.0, stopped=True)]


def fixture():
    """The events as they are sent, and the states before the last two and after all of them."""
    from convsim_nb.notebook.live.protocol import event_json, state_json
    from convsim_nb.views.words import clock_words, seconds_words

    events = every_kind()
    durations = [0, 0.14, 0.996, 1.24, 9.94, 12.3, 99.4, 125.0, 3723.0]
    return {
        "events": [event_json(event) for event in events],
        "halfway": len(events) - 1,
        "state_halfway": state_json(RunState.replay(events[:-1])),
        "state": state_json(RunState.replay(events)),
        "seconds_words": [[seconds, seconds_words(seconds)] for seconds in durations],
        "clock_words": [[seconds, clock_words(seconds)] for seconds in durations],
    }


def as_text():
    """The fixture as it is committed."""
    return json.dumps(fixture(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    FIXTURE.write_text(as_text(), encoding="utf-8")
