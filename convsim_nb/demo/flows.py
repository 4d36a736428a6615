"""How the support agent sees to each kind of goal: the facts it needs, and what it then does."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from convsim_nb.demo.bank import Row
from convsim_nb.demo.goal import Answer, Ask, Clerk, Goal, Stuck

Act = Callable[[Clerk, Goal], Answer]


@dataclass(frozen=True)
class Flow:
    """One kind of goal."""

    act: Act
    """Sees to it. May raise `Stuck`."""
    needs: tuple[str, ...] = ()
    """Slots that are asked for, in this order."""
    takes: tuple[str, ...] = ()
    """Further slots that a message may fill."""
    read_back: Callable[[Clerk, Goal], str] | None = None
    """What is asked before it is done."""
    aside: bool = False
    """A question about the goal before it, which stays the one that is talked about."""

    @property
    def slots(self) -> tuple[str, ...]:
        return self.needs + self.takes


# --- accounts and money ---------------------------------------------------------------


def _balance(clerk: Clerk, goal: Goal) -> Answer:
    return Answer(clerk.say("done.balance", **clerk.do("get_balance", account=clerk.account(goal))))


def _ends(clerk: Clerk, goal: Goal) -> tuple[str, str]:
    """The accounts that money is sent from and to, or the name of who gets it."""
    mine = clerk.do("find_account", account=goal.slots["account"])
    target = mine["all"].get(goal.slots["target"], goal.slots["target"])
    source = mine["all"].get(goal.slots.get("source"), goal.slots.get("source") or mine["account"])
    others = [account for account in mine["all"].values() if account not in (source, mine["account"])]
    if target == "other":
        target = next((account for account in mine["all"].values() if account != source), target)
    if target == source and others:
        source = others[0]
    return source, target


def _transfer_terms(clerk: Clerk, goal: Goal) -> Row:
    source, target = _ends(clerk, goal)
    if source == target:
        raise Stuck(Ask("target", clerk.say("refused.same_account", account=source)))
    day = goal.slots.get("day", clerk.today.isoformat())
    return {"source": source, "target": target, "amount": goal.slots["amount"], "day": day}


def _read_back_transfer(clerk: Clerk, goal: Goal) -> str:
    return clerk.say("confirm.transfer", **_transfer_terms(clerk, goal))


def _transfer(clerk: Clerk, goal: Goal) -> Answer:
    before = ""
    if done := goal.slots.pop("transfer", None):
        clerk.do("cancel_transfer", transfer=done)
        before = clerk.say("undone.transfer", transfer=done)
    made = clerk.do("make_transfer", **_transfer_terms(clerk, goal))
    goal.slots["transfer"] = made["transfer"]
    text = clerk.say(f"{made['status']}.transfer", **{**made, "day": made["date"]})
    return Answer(f"{before} {text}".strip())


def _transfer_status(clerk: Clerk, goal: Goal) -> Answer:
    row = clerk.do("find_transfer", account=clerk.account(goal), amount=goal.slots.get("amount"))
    waiting = row["status"] == "on_hold"
    offer = Goal("release_transfer", {"transfer": row["id"]}) if waiting else None
    arrives = {"arrives": row.get("arrives") or row["date"]}
    return Answer(clerk.say(f"{row['status']}.transfer_status", **{**row, **arrives}), offer)


def _release_transfer(clerk: Clerk, goal: Goal) -> Answer:
    return Answer(clerk.say("done.release_transfer", **clerk.do("release_transfer", transfer=goal.slots["transfer"])))


def _standing_order(clerk: Clerk, goal: Goal) -> Row:
    found: list[Row] = clerk.do("list_standing_orders", account=clerk.account(goal))["standing_orders"]
    return found[0]


def _standing_order_info(clerk: Clerk, goal: Goal) -> Answer:
    return Answer(clerk.say("done.standing_order_info", **_standing_order(clerk, goal)))


def _read_back_change(clerk: Clerk, goal: Goal) -> str:
    row = _standing_order(clerk, goal)
    return clerk.say(
        "confirm.standing_order_change", **{**row, "before": row["amount"], "amount": goal.slots["amount"]}
    )


def _standing_order_change(clerk: Clerk, goal: Goal) -> Answer:
    row = _standing_order(clerk, goal)
    changed = clerk.do("change_standing_order", standing_order=row["id"], amount=goal.slots["amount"])
    return Answer(clerk.say("done.standing_order_change", **changed))


def _read_back_cancel(clerk: Clerk, goal: Goal) -> str:
    return clerk.say("confirm.standing_order_cancel", **_standing_order(clerk, goal))


def _standing_order_cancel(clerk: Clerk, goal: Goal) -> Answer:
    row = clerk.do("cancel_standing_order", standing_order=_standing_order(clerk, goal)["id"])
    return Answer(clerk.say("done.standing_order_cancel", **row))


def _close_account(clerk: Clerk, goal: Goal) -> Answer:
    try:
        return Answer(clerk.say("done.close_account", **clerk.do("close_account", account=clerk.account(goal))))
    except Stuck as stuck:
        waiting = clerk.tools.calls[-1].result.get("order")
        if isinstance(stuck.step, Answer) and waiting:
            return replace(stuck.step, offer=Goal("order_cancel", {"order": waiting}))
        raise


def _read_back_closing(clerk: Clerk, goal: Goal) -> str:
    return clerk.say("confirm.close_account", account=clerk.account(goal))


# --- cards ----------------------------------------------------------------------------


def _card_lost(clerk: Clerk, goal: Goal) -> Answer:
    card = goal.slots["card"]
    return Answer(clerk.say("done.card_lost", **clerk.do("block_card", card=card)), Goal("order_card", {"card": card}))


def _order_card(clerk: Clerk, goal: Goal) -> Answer:
    return Answer(clerk.say("done.order_card", **clerk.do("order_card", card=goal.slots["card"])))


def _card_unblock(clerk: Clerk, goal: Goal) -> Answer:
    card = clerk.do("get_card", card=goal.slots["card"])
    if card["status"] == "active":
        return Answer(clerk.say("fine.card_unblock", card=card["id"]))
    freed = clerk.do("unblock_card", card=card["id"])
    why = clerk.say(f"because.{freed['reason'] or 'asked'}", **freed)
    return Answer(clerk.say("done.card_unblock", card=card["id"], why=why))


def _dispute(clerk: Clerk, goal: Goal) -> Answer:
    paid = clerk.do("find_payment", card=goal.slots["card"], amount=goal.slots.get("amount"))
    return Answer(
        clerk.say("found.dispute", **paid), Goal("open_dispute", {"payment": paid["id"], "card": paid["card"]})
    )


def _open_dispute(clerk: Clerk, goal: Goal) -> Answer:
    return Answer(clerk.say("done.open_dispute", **clerk.do("open_dispute", payment=goal.slots["payment"])))


# --- fees and papers ------------------------------------------------------------------


def _fee_info(clerk: Clerk, goal: Goal) -> Answer:
    fee = clerk.do("find_fee", account=goal.slots["account"], amount=goal.slots.get("amount"))
    return Answer(clerk.say("done.fee_info", **fee))


def _fee_refund(clerk: Clerk, goal: Goal) -> Answer:
    charged = None if goal.corrected else goal.slots.get("amount")
    fee = clerk.do("find_fee", account=goal.slots["account"], amount=goal.slots.get("charged", charged))
    goal.slots["charged"] = fee["amount"]
    limit: float = clerk.tools.bank.policy["goodwill_limit"]
    generous = clerk.faulty("refund_above_policy", goal)
    amount = fee["amount"] if generous else min(fee["amount"], limit)
    booked = clerk.do("refund_fee", fee=fee["id"], amount=amount)
    key = "full" if generous else "part" if amount < fee["amount"] else "done"
    goal.slots["amount"] = amount
    text = clerk.say(f"{key}.fee_refund", **{**fee, **booked})
    rest = f"{fee['id']}: the rest of {fee['amount']} above {amount}"
    return Answer(text, Goal("complaint", {"story": rest}) if key == "part" else None)


def _statement(clerk: Clerk, goal: Goal) -> Answer:
    sent = clerk.do("send_statement", account=clerk.account(goal), month=goal.slots["month"])
    return Answer(clerk.say("done.statement", **sent))


def _tax_form(clerk: Clerk, goal: Goal) -> Answer:
    sent = clerk.do("send_tax_form", account=clerk.account(goal), year=goal.slots["year"])
    return Answer(clerk.say("done.tax_form", **sent))


def _read_back_address(clerk: Clerk, goal: Goal) -> str:
    return clerk.say("confirm.address", address=goal.slots["address"])


def _address(clerk: Clerk, goal: Goal) -> Answer:
    changed = clerk.do("change_address", account=clerk.account(goal), address=goal.slots["address"])
    return Answer(clerk.say("done.address", **changed))


def _complaint(clerk: Clerk, goal: Goal) -> Answer:
    return Answer(clerk.say("done.complaint", **clerk.do("open_complaint", story=goal.slots["story"])))


# --- markets and orders ---------------------------------------------------------------

_USUAL = ("DAX", "EURO STOXX 50", "S&P 500")


def _levels(clerk: Clerk, levels: dict[str, tuple[float, float]]) -> str:
    said = [clerk.say("one_level", index=name, level=level, change=change) for name, (level, change) in levels.items()]
    return ", ".join(said)


def _index_levels(clerk: Clerk, goal: Goal) -> Answer:
    indices = list(goal.slots.get("indices", _USUAL))
    closing = goal.slots.get("closing", False)
    if not clerk.faulty("stale_levels", goal):
        status = clerk.do("get_market_status")
        closing = closing or not status["open"]
    if not closing:
        ticks = clerk.do("get_index_levels", indices=indices)
        shown = _levels(clerk, {index: (tick["level"], tick["change"]) for index, tick in ticks.items()})
        return Answer(clerk.say("live.index_levels", levels=shown))
    goal.slots["closing"] = True
    closes = clerk.do("get_closing_levels", indices=indices)
    told = goal.corrected or clerk.tools.bank.market_open_on(clerk.today)
    text = {"day": closes["date"], "today": clerk.today, "levels": _levels(clerk, closes["levels"])}
    return Answer(clerk.say("close.index_levels" if told else "closed.index_levels", **text))


def _trading_hours(clerk: Clerk, goal: Goal) -> Answer:
    hours = clerk.do("get_trading_hours", exchange=goal.slots.get("exchange", "Xetra"))
    return Answer(clerk.say(f"{'open' if hours['open_today'] else 'closed'}.trading_hours", **hours))


def _exchange_rate(clerk: Clerk, goal: Goal) -> Answer:
    rate = clerk.do("get_exchange_rate", base=goal.slots.get("base", "EUR"), quote=goal.slots["quote"])
    amount = goal.slots.get("amount")
    if amount is None:
        return Answer(clerk.say("done.exchange_rate", **rate))
    return Answer(clerk.say("sum.exchange_rate", amount=amount, sum=amount * rate["rate"], **rate))


def _order_status(clerk: Clerk, goal: Goal) -> Answer:
    order = clerk.do("get_order", order=goal.slots["order"])
    return Answer(clerk.say(f"{order['status']}.order_status", **order))


def _order_cancel(clerk: Clerk, goal: Goal) -> Answer:
    return Answer(clerk.say("done.order_cancel", **clerk.do("cancel_order", order=goal.slots["order"])))


def _dividend(clerk: Clerk, goal: Goal) -> Answer:
    row = clerk.do("get_dividend", account=clerk.account(goal), security=goal.slots.get("security"))
    return Answer(clerk.say("done.dividend", **row))


def _dividend_tax(clerk: Clerk, goal: Goal) -> Answer:
    row = clerk.do("get_dividend", account=goal.slots["account"], security=goal.slots.get("security"))
    return Answer(clerk.say("done.dividend_tax", **row))


# --- everything else ------------------------------------------------------------------


def _person(clerk: Clerk, goal: Goal) -> Answer:
    return Answer(clerk.say("no_human"), Goal("call_back", {"topic": goal.slots.get("story", "")}))


def _call_back(clerk: Clerk, goal: Goal) -> Answer:
    return Answer(clerk.say("handed_over", **clerk.do("hand_over", topic=goal.slots["topic"])))


def _when(clerk: Clerk, goal: Goal) -> Answer:
    return Answer(clerk.say(f"when.{goal.slots['about']}"))


def _known_answer(name: str) -> Act:
    return lambda clerk, _: Answer(clerk.say(f"faq.{name}"))


_KIND = ("kind",)
FLOWS: dict[str, Flow] = {
    "balance": Flow(_balance, ("account",), _KIND),
    "transfer": Flow(_transfer, ("account", "target", "amount"), ("source", "day"), read_back=_read_back_transfer),
    "transfer_status": Flow(_transfer_status, ("account",), ("amount", *_KIND)),
    "release_transfer": Flow(_release_transfer),
    "standing_order_info": Flow(_standing_order_info, ("account",), _KIND),
    "standing_order_change": Flow(_standing_order_change, ("account", "amount"), _KIND, read_back=_read_back_change),
    "standing_order_cancel": Flow(_standing_order_cancel, ("account",), _KIND, read_back=_read_back_cancel),
    "close_account": Flow(_close_account, ("account",), _KIND, read_back=_read_back_closing),
    "card_lost": Flow(_card_lost, ("card",)),
    "card_unblock": Flow(_card_unblock, ("card",)),
    "order_card": Flow(_order_card, ("card",)),
    "dispute": Flow(_dispute, ("card",), ("amount",)),
    "open_dispute": Flow(_open_dispute),
    "fee_info": Flow(_fee_info, ("account",), ("amount",)),
    "fee_refund": Flow(_fee_refund, ("account",), ("amount",)),
    "statement": Flow(_statement, ("account", "month"), _KIND),
    "tax_form": Flow(_tax_form, ("account", "year"), _KIND),
    "address": Flow(_address, ("account", "address"), read_back=_read_back_address),
    "complaint": Flow(_complaint, ("story",)),
    "index_levels": Flow(_index_levels, takes=("indices", "closing")),
    "trading_hours": Flow(_trading_hours, takes=("exchange",)),
    "exchange_rate": Flow(_exchange_rate, ("quote",), ("base", "amount")),
    "order_status": Flow(_order_status, ("order",)),
    "order_cancel": Flow(_order_cancel, ("order",)),
    "dividend": Flow(_dividend, ("account",), ("security", *_KIND)),
    "dividend_tax": Flow(_dividend_tax, ("account",), aside=True),
    "hand_over": Flow(_person),
    "call_back": Flow(_call_back, ("topic",)),
    "when": Flow(_when, aside=True),
    **{name: Flow(_known_answer(name), aside=True) for name in ("phone_pay", "post_address", "atm_limit")},
}
