"""One conversation at the support desk: what is being talked about, and what is said next."""

import re
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from convsim_nb.demo.bank import Bank
from convsim_nb.demo.filling import bare, changes_to, given_for, merged, restates
from convsim_nb.demo.flows import FLOWS
from convsim_nb.demo.goal import Answer, Ask, Clerk, Goal, Stuck
from convsim_nb.demo.phrases import Voice
from convsim_nb.demo.tools import Toolbox
from convsim_nb.demo.understanding import Heard, hear

_IDS = ("account", "card", "order")
_DATES = ("month", "year", "day")
_FREE_TEXT = ("address", "story", "topic")
_MOVES_MONEY = ("transfer", "standing_order_change")
_LONG_ENOUGH = 10
_LIKELIEST = {"order": "order_status", "exchange": "trading_hours"}
_SHORT = 4
_PATIENCE = 2

_Said = list[str]


class Desk:
    """Takes one message after the other; the same messages always give the same answers."""

    def __init__(self, *, faults: frozenset[str], today: date | None) -> None:
        self.tools = Toolbox(Bank(today=today))
        self.faults = faults
        self.clerk = Clerk(self.tools, Voice("en"), faults)
        self.agenda: list[Goal] = []
        """What is still to be seen to; the first is what is being talked about."""
        self.waiting = ""
        """The slot that was asked for, or `confirm`; empty when nothing was asked."""
        self.offer: Goal | None = None
        self.last: Goal | None = None
        """The goal that was seen to last, which follow-ups and corrections are about."""
        self.known: dict[str, Any] = {}
        self.turn = 0
        self.lost = 0
        self.calmed = False
        self.seed = ""

    def answer(self, text: str) -> str:
        """What the agent says to the customer's next message."""
        self.turn += 1
        self.seed = self.seed or text
        after = self.last.name if self.last else ""
        heard = hear(text, lang=self.clerk.voice.lang, today=self.clerk.today, after=after)
        self.clerk = Clerk(self.tools, Voice(heard.lang, seed=f"{self.seed}{self.turn}"), self.faults)
        said = [*self._opening(heard), *self._listen(heard), *self._work()]
        return " ".join(filter(None, said))

    def _say(self, key: str, **values: Any) -> str:
        return self.clerk.say(key, **values)

    def _opening(self, heard: Heard) -> _Said:
        said = [self._say("hello")] if self.turn == 1 and "hello" in heard.flags else []
        if "angry" in heard.flags and not self.calmed:
            self.calmed = True
            said.append(self._say("calm"))
        return said

    # --- listening: each takes the message, or leaves it to the next with None ---------

    def _listen(self, heard: Heard) -> _Said:
        listeners: tuple[Callable[[Heard], _Said | None], ...] = (
            *(self._to_offer, self._to_confirmation, self._to_question),
            *(self._to_misreading, self._to_correction, self._to_follow_up, self._to_wishes, self._to_bare_fact),
        )
        for listener in listeners:
            said = listener(heard)
            if said is not None:
                self.lost = 0
                return said
        return self._small_talk(heard)

    def _to_offer(self, heard: Heard) -> _Said | None:
        offer, self.offer = self.offer, None
        if offer is None:
            return None
        about = self.last.name if self.last else ""
        others = [name for name in heard.intents if name not in (offer.name, about)]
        if "no" not in heard.flags and ("yes" in heard.flags or offer.name in heard.intents):
            self.agenda = [offer, *self._second_goals(others, heard)]
            return []
        if "no" in heard.flags and not heard.intents and not changes_to(self.last, heard):
            return [self._say("declined")]
        if not heard.intents and not heard.flags & {"thanks", "bye", "correction"}:
            self.offer = offer
        return None

    def _to_confirmation(self, heard: Heard) -> _Said | None:
        if self.waiting != "confirm":
            return None
        goal, self.waiting = self.agenda[0], ""
        others = [name for name in heard.intents if name != goal.name]
        if not others and (changes := changes_to(goal, heard)):
            goal.slots = merged(goal, changes)
            return []
        if "no" in heard.flags and not restates(goal, heard):
            self.agenda = self._goals(others, heard)
            return [] if others else [self._say("not_done")]
        if heard.flags & {"yes", "thanks"} or goal.name in heard.intents:
            goal.confirmed = True
            self.agenda += self._second_goals(others, heard)
        else:
            self.agenda = [*self._goals(others, heard), goal]
        return []

    def _to_question(self, heard: Heard) -> _Said | None:
        if not self.waiting:
            return None
        goal, slot = self.agenda[0], self.waiting
        got = self._read(goal, heard)
        if (value := self._loosely(slot, heard)) is not None:
            got.setdefault(slot, value)
            got = {name: each for name, each in got.items() if name != "amount" or f"{each:.0f}" not in str(value)}
        others = [name for name in heard.intents if name != goal.name and slot not in _FREE_TEXT]
        if slot in got:
            self.waiting, goal.asked = "", 0
            goal.slots |= got
            self.agenda += self._second_goals(others, heard)
            return []
        return self._unanswered(goal, slot, others, heard)

    def _unanswered(self, goal: Goal, slot: str, others: list[str], heard: Heard) -> _Said:
        """The customer said something else than what was asked."""
        if others:
            self.waiting = ""
            kept = [] if "drops_second_goal" in self.faults else self.agenda
            self.agenda = [*self._goals(others, heard), *kept]
            return []
        if heard.flags & {"bye", "no"} and "unsure" not in heard.flags:
            self.waiting, self.agenda = "", []
            return [self._say("apologise" if "angry" in heard.flags else "declined")]
        goal.asked += 1
        if goal.asked >= _PATIENCE:
            self.waiting, self.agenda = "", []
            self.offer = Goal("call_back", {"topic": goal.name})
            return [self._say("give_up_asking")]
        hint = f"where.{slot}" if "unsure" in heard.flags else f"ask.{slot}"
        return [self._say(hint if self.clerk.voice.knows(hint) else f"ask.{slot}")]

    def _to_misreading(self, heard: Heard) -> _Said | None:
        if self.last is None or self.last.name != "card_lost" or "card_unblock" not in heard.intents:
            return None
        self.agenda = [Goal("card_unblock", dict(self.last.slots), corrected=True)]
        return [self._say("sorry.card_unblock")]

    def _to_correction(self, heard: Heard) -> _Said | None:
        goal = self.last
        if goal is None or "correction" not in heard.flags or set(heard.intents) - {goal.name}:
            return None
        if changes := changes_to(goal, heard):
            self.agenda = [Goal(goal.name, merged(goal, changes), corrected=True)]
            return [self._apology(goal, heard)]
        if restates(goal, heard) or heard.intents:
            return [self._say("as_said"), goal.said]
        if heard.flags & {"thanks", "bye", "yes", "same"} or len(heard.text.split()) <= _SHORT:
            return None
        return [self._say("sorry_what", said=goal.said)]

    def _apology(self, goal: Goal, heard: Heard) -> str:
        if "own_fault" in heard.flags:
            return self._say("no_problem")
        special = f"sorry.{goal.name}"
        return self._say(special if self.clerk.voice.knows(special) else "sorry")

    def _to_follow_up(self, heard: Heard) -> _Said | None:
        """The same again with another fact: "and in dollars?". Never where money would move."""
        goal = self.last
        if goal is None or FLOWS[goal.name].read_back or set(heard.intents) - {goal.name}:
            return None
        changes = changes_to(goal, heard)
        if not changes:
            return None
        self.agenda = [Goal(goal.name, merged(goal, changes), corrected=goal.corrected)]
        return []

    def _to_wishes(self, heard: Heard) -> _Said | None:
        if not heard.intents:
            return None
        self.agenda = [*self._goals(heard.intents[:1], heard), *self._second_goals(heard.intents[1:], heard)]
        return []

    def _to_bare_fact(self, heard: Heard) -> _Said | None:
        """A number or a name, and not what is wanted with it: the likeliest thing."""
        if likeliest := [name for fact, name in _LIKELIEST.items() if fact in heard.values]:
            self.agenda = self._goals(likeliest[:1], heard)
            return []
        if "account" in heard.values and not heard.flags & {"thanks", "bye"}:
            again = self.known.get("account") == heard.values["account"][0]
            if again and self.last is not None:
                return [self._say("as_said"), self.last.said]
            self.known["account"] = heard.values["account"][0]
            return [self._say("with_what", account=self.known["account"])]
        return None

    def _small_talk(self, heard: Heard) -> _Said:
        flags = heard.flags
        if "bye" in flags or ("no" in flags and "angry" not in flags):
            return [self._say("goodbye" if "thanks" in flags else "farewell")]
        if "thanks" in flags:
            return [self._say("anything_else")]
        if "angry" in flags or "no" in flags:
            return [self._say("apologise")]
        if "hello" in flags and len(heard.text.split()) < _LONG_ENOUGH:
            return [self._say("how_can_i_help")]
        if self.last is not None and "wanting" not in flags:
            return [self._say("understood")]
        self.lost += 1
        self.offer = Goal("call_back", {"topic": heard.text})
        return [self._say("cannot" if self.lost == 1 else "cannot_again")]

    # --- reading facts ----------------------------------------------------------------

    def _second_goals(self, names: Iterable[str], heard: Heard) -> list[Goal]:
        return [] if "drops_second_goal" in self.faults else self._goals(names, heard)

    def _goals(self, names: Iterable[str], heard: Heard) -> list[Goal]:
        return [self._goal(name, heard) for name in names]

    def _goal(self, name: str, heard: Heard) -> Goal:
        if name == "card_unblock" and "misreads_blocked_card" in self.faults:
            name = "card_lost"
        goal = Goal(name)
        if FLOWS[name].aside and self.last is not None:
            goal.slots = {"about": self.last.name, **self.last.slots}
        goal.slots |= self._read(goal, heard)
        if "story" in FLOWS[name].needs and len(heard.text.split()) >= _LONG_ENOUGH:
            goal.slots["story"] = heard.text
        return goal

    def _read(self, goal: Goal, heard: Heard) -> dict[str, Any]:
        """The facts of a message that this goal takes, as far as the faults let them be heard."""
        candidates = heard.candidates
        got = {slot: candidates[slot][0] for slot in FLOWS[goal.name].slots if slot in candidates}
        written = re.search(r"(?: to|address:?|anschrift:?|address is|ist|es) (\S.*\d.*)", heard.text, re.IGNORECASE)
        if "address" in FLOWS[goal.name].needs and written:
            got["address"] = bare(written[1])
        if self.clerk.faulty("takes_first_amount", goal) and "amount" in got:
            got["amount"] = heard.first_amount
        if self.clerk.faulty("ignores_account_kind", goal):
            got.pop("kind", None)
        if self.clerk.faulty("ignores_date", goal):
            got = {slot: value for slot, value in got.items() if slot not in _DATES} | self._usual_dates(goal)
        return got

    def _usual_dates(self, goal: Goal) -> dict[str, Any]:
        """The newest month and year: what is taken by who does not listen."""
        today = self.clerk.today
        month = f"{today.year}-{today.month - 1:02d}" if today.month > 1 else f"{today.year - 1}-12"
        usual = {"month": month, "year": max(self.tools.bank.policy["tax_years"])}
        return {slot: value for slot, value in usual.items() if slot in FLOWS[goal.name].slots}

    def _loosely(self, slot: str, heard: Heard) -> Any:
        """What fills a slot because it was just asked for."""
        if slot in _IDS and "same" in heard.flags and "forgets_ids" not in self.faults and slot in self.known:
            return self.known[slot]
        return given_for(slot, heard)

    # --- working ----------------------------------------------------------------------

    def _work(self) -> _Said:
        """See to the agenda until something must be asked, or nothing is left."""
        said: _Said = []
        while self.agenda and not self.waiting:
            goal = self.agenda[0]
            step = self._step(goal)
            goal.said = step.text
            said.append(step.text)
            if isinstance(step, Ask):
                self.waiting = step.slot
            else:
                self._finish(goal, step)
        ended = said and not self.waiting and self.offer is None
        return [*said, self._say("more")] if ended else said

    def _step(self, goal: Goal) -> Answer | Ask:
        flow = FLOWS[goal.name]
        for slot in flow.needs:
            if slot not in goal.slots and slot in self.known and "forgets_ids" not in self.faults:
                goal.slots[slot] = self.known[slot]
            if slot not in goal.slots:
                return Ask(slot, self._say(f"ask.{slot}"))
        unasked = goal.name in _MOVES_MONEY and "unconfirmed_transfer" in self.faults
        try:
            if flow.read_back and not goal.confirmed and not unasked:
                return Ask("confirm", flow.read_back(self.clerk, goal))
            return flow.act(self.clerk, goal)
        except Stuck as stuck:
            if isinstance(stuck.step, Ask):
                goal.slots.pop(stuck.step.slot, None)
                self.known.pop(stuck.step.slot, None)
            return stuck.step

    def _finish(self, goal: Goal, answer: Answer) -> None:
        self.agenda.pop(0)
        self.offer = answer.offer
        self.known |= {slot: value for slot, value in goal.slots.items() if slot in _IDS}
        if not FLOWS[goal.name].aside:
            self.last = goal
