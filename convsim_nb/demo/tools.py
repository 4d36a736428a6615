"""The tools of the support agent. Each takes the bank and keywords, and gives what a JSON reply holds."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from convsim_nb.demo.bank import Bank, Refused, Row

# --- accounts and money ---------------------------------------------------------------


def find_account(bank: Bank, *, account: str) -> Row:
    row = bank.row("accounts", account)
    siblings = bank.rows_of("accounts", owner=row["owner"])
    return {"account": account, "kind": row["kind"], "all": {other["kind"]: other["id"] for other in siblings}}


def get_balance(bank: Bank, *, account: str) -> Row:
    row = bank.row("accounts", account)
    return {"account": account, "kind": row["kind"], "balance": row["balance"]}


def make_transfer(bank: Bank, *, source: str, target: str, amount: float, day: str) -> Row:
    """Send money today, or on a later `day` (ISO)."""
    if source == target:
        raise Refused("same_account", account=source)
    balance = bank.row("accounts", source)["balance"]
    if amount > balance:
        raise Refused("insufficient_funds", account=source, balance=balance)
    later = date.fromisoformat(day) > bank.today
    reference = bank.issue("TRF")
    status = "scheduled" if later else "done"
    bank.transfers[reference] = {"source": source, "target": target, "amount": amount, "date": day, "status": status}
    if not later:
        _move(bank, reference, sign=1)
    return {"transfer": reference, "status": status, "date": day, "amount": amount, "source": source, "target": target}


def cancel_transfer(bank: Bank, *, transfer: str) -> Row:
    if bank.row("transfers", transfer)["status"] == "done":
        _move(bank, transfer, sign=-1)
    bank.transfers[transfer]["status"] = "cancelled"
    return {"transfer": transfer, "status": "cancelled"}


def _move(bank: Bank, transfer: str, *, sign: int) -> None:
    row = bank.transfers[transfer]
    for account, direction in ((row["source"], -sign), (row["target"], sign)):
        if account in bank.accounts:
            balance = bank.accounts[account]["balance"] + direction * row["amount"]
            bank.accounts[account]["balance"] = round(balance, 2)


def find_transfer(bank: Bank, *, account: str, amount: float | None = None) -> Row:
    """The newest transfer out of an account, or the newest over that amount."""
    bank.row("accounts", account)
    sent = bank.rows_of("transfers", source=account)
    sent = [row for row in sent if amount in (None, row["amount"])] or sent
    if not sent:
        raise Refused("no_transfer", account=account)
    return sent[-1]


def release_transfer(bank: Bank, *, transfer: str) -> Row:
    bank.row("transfers", transfer)
    bank.transfers[transfer]["status"] = "sent"
    return {"transfer": transfer, "status": "sent", "arrives": bank.workday_after(1).isoformat()}


def list_standing_orders(bank: Bank, *, account: str) -> Row:
    bank.row("accounts", account)
    found = bank.rows_of("standing_orders", account=account)
    if not found:
        raise Refused("no_standing_order", account=account)
    return {"standing_orders": found}


def change_standing_order(bank: Bank, *, standing_order: str, amount: float) -> Row:
    row = bank.row("standing_orders", standing_order)
    bank.standing_orders[standing_order]["amount"] = amount
    return {**row, "amount": amount, "before": row["amount"]}


def cancel_standing_order(bank: Bank, *, standing_order: str) -> Row:
    row = bank.row("standing_orders", standing_order)
    del bank.standing_orders[standing_order]
    return {**row, "status": "cancelled"}


def close_account(bank: Bank, *, account: str) -> Row:
    balance = bank.row("accounts", account)["balance"]
    waiting = bank.rows_of("orders", account=account, status="open")
    if waiting:
        raise Refused("open_order", account=account, order=waiting[0]["id"], balance=balance)
    if balance:
        raise Refused("not_empty", account=account, balance=balance)
    del bank.accounts[account]
    return {"account": account, "status": "closed"}


# --- cards ----------------------------------------------------------------------------


def get_card(bank: Bank, *, card: str) -> Row:
    return bank.row("cards", card)


def block_card(bank: Bank, *, card: str) -> Row:
    already = bank.row("cards", card)["status"] == "blocked"
    bank.cards[card]["status"] = "blocked"
    return {"card": card, "status": "blocked", "already": already}


def unblock_card(bank: Bank, *, card: str) -> Row:
    row = bank.row("cards", card)
    bank.cards[card]["status"] = "active"
    return {"card": card, "status": "active", "reason": row.get("reason"), "since": row.get("since")}


def order_card(bank: Bank, *, card: str) -> Row:
    address = bank.owner(bank.row("cards", card)["account"])["address"]
    return {
        "card": card,
        "address": address,
        "arrives": bank.workday_after(5).isoformat(),
        "request": bank.issue("CRD"),
    }


def find_payment(bank: Bank, *, card: str, amount: float | None = None) -> Row:
    """The newest payment by a card, or the one over that amount."""
    bank.row("cards", card)
    paid = [row for row in bank.rows_of("payments", card=card) if amount in (None, row["amount"])]
    if not paid:
        raise Refused("no_payment", card=card, amount=amount)
    return paid[-1]


def open_dispute(bank: Bank, *, payment: str) -> Row:
    row = bank.row("payments", payment)
    return {**row, "dispute": bank.issue("DSP"), "decided_by": bank.workday_after(10).isoformat()}


# --- fees and papers ------------------------------------------------------------------


def find_fee(bank: Bank, *, account: str, amount: float | None = None) -> Row:
    """The customer's fee over that amount, else the newest: of this account before the other ones."""
    owner = bank.row("accounts", account)["owner"]
    mine = [row["id"] for row in bank.rows_of("accounts", owner=owner)]
    charged = [fee for each in mine for fee in bank.rows_of("fees", account=each)]
    if not charged:
        raise Refused("no_fee", account=account)
    return max(charged, key=lambda fee: (fee["amount"] == amount, fee["account"] == account, fee["date"]))


def refund_fee(bank: Bank, *, fee: str, amount: float) -> Row:
    """Credit a fee, or part of it; above the goodwill limit it only goes on a list for approval."""
    row, limit = bank.row("fees", fee), bank.policy["goodwill_limit"]
    status = "booked" if amount <= limit else "needs_approval"
    return {"fee": fee, "charged": row["amount"], "amount": amount, "status": status, "limit": limit}


def send_statement(bank: Bank, *, account: str, month: str) -> Row:
    """Send the statement of a month (`2026-01`) to the e-mail address on file."""
    email = bank.owner(account)["email"]
    if not bank.policy["first_statement"] <= month < bank.today.isoformat()[:7]:
        raise Refused("no_statement", month=month)
    return {"account": account, "month": month, "email": email}


def send_tax_form(bank: Bank, *, account: str, year: int) -> Row:
    email = bank.owner(account)["email"]
    if year not in bank.policy["tax_years"]:
        raise Refused("no_tax_form", year=year)
    return {"account": account, "year": year, "email": email}


def change_address(bank: Bank, *, account: str, address: str) -> Row:
    bank.owner(account)["address"] = address
    return {"account": account, "address": address}


def open_complaint(bank: Bank, *, story: str) -> Row:
    return {"complaint": bank.issue("CMP"), "story": story, "answer_by": bank.workday_after(5).isoformat()}


def hand_over(bank: Bank, *, topic: str) -> Row:
    return {"request": bank.issue("TKT"), "topic": topic, "call_back": bank.workday_after(1).isoformat()}


# --- markets and orders ---------------------------------------------------------------


def get_index_levels(bank: Bank, *, indices: list[str]) -> Row:
    """The newest levels of the feed, whenever they are from: see `as_of`."""
    return {index: bank.markets["indices"][index]["tick"] for index in indices}


def get_market_status(bank: Bank) -> Row:
    return {"date": bank.today.isoformat(), "open": bank.market_open_on(bank.today), "last_close": _closing(bank)}


def get_closing_levels(bank: Bank, *, indices: list[str]) -> Row:
    levels = bank.markets["closes"][_closing(bank)]
    return {"date": _closing(bank), "levels": {index: levels[index] for index in indices}}


def _closing(bank: Bank) -> str:
    return bank.last_close().isoformat()


def get_trading_hours(bank: Bank, *, exchange: str) -> Row:
    hours = bank.markets["exchanges"][exchange]
    opening = bank.today if bank.market_open_on(bank.today) else bank.workday_after(1)
    return {
        "exchange": exchange,
        "opens": hours["opens"],
        "closes": hours["closes"],
        "open_today": opening == bank.today,
        "next": opening.isoformat(),
    }


def get_exchange_rate(bank: Bank, *, base: str, quote: str) -> Row:
    rates = bank.markets["rates"]
    return {"base": base, "quote": quote, "rate": round(rates[quote] / rates[base], 4), "as_of": _closing(bank)}


def get_order(bank: Bank, *, order: str) -> Row:
    return bank.row("orders", order)


def cancel_order(bank: Bank, *, order: str) -> Row:
    row = bank.row("orders", order)
    if row["status"] != "open":
        raise Refused("not_open", **row)
    bank.orders[order]["status"] = "cancelled"
    return {**row, "status": "cancelled"}


def get_dividend(bank: Bank, *, account: str, security: str | None = None) -> Row:
    """The next dividend of an account's holding, before and after tax."""
    bank.row("accounts", account)
    held = [row for row in bank.holdings.get(account, []) if security in (None, row["security"])]
    paying = [row for row in held if row["security"] in bank.dividends]
    if not paying:
        raise Refused("no_dividend", account=account)
    holding, dividend = paying[0], bank.dividends[paying[0]["security"]]
    gross = round(holding["units"] * dividend["per_share"], 2)
    return {**holding, **dividend, "gross": gross, "net": round(gross * (1 - bank.policy["withheld_tax"]), 2)}


# --- calling them ---------------------------------------------------------------------

_ALL: tuple[Callable[..., Row], ...] = (
    *(find_account, get_balance, make_transfer, cancel_transfer, find_transfer, release_transfer, close_account),
    *(list_standing_orders, change_standing_order, cancel_standing_order),
    *(get_card, block_card, unblock_card, order_card, find_payment, open_dispute),
    *(find_fee, refund_fee, send_statement, send_tax_form, change_address, open_complaint, hand_over),
    *(get_index_levels, get_market_status, get_closing_levels, get_trading_hours, get_exchange_rate),
    *(get_order, cancel_order, get_dividend),
)
TOOLS = {tool.__name__: tool for tool in _ALL}


@dataclass(frozen=True)
class Call:
    """One call of a tool, as it goes into the history."""

    id: str
    name: str
    arguments: Row
    result: Row


class Toolbox:
    """Calls tools on one bank, and keeps what was called."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        self.calls: list[Call] = []
        self.traced = False
        """Leave MLflow spans of the calls: off while earlier turns are gone through again."""

    def call(self, name: str, **arguments: Any) -> Row:
        """What the tool gave; where the bank refused, a row with the reason under `error`."""
        run = _with_span(self._run) if self.traced else self._run
        result = run(name, arguments)
        self.calls.append(Call(f"call_{len(self.calls) + 1:02d}", name, arguments, result))
        return result

    def _run(self, name: str, arguments: Row) -> Row:
        try:
            return TOOLS[name](self.bank, **arguments)
        except Refused as no:
            return {"error": no.reason, **no.facts}


def _with_span(run: Callable[[str, Row], Row]) -> Callable[[str, Row], Row]:
    """The same call under a TOOL span, where the caller has an MLflow span open.

    Without one, each call would be a trace of its own. MLflow is not imported for it: whoever
    has a span open has done so.
    """
    mlflow = sys.modules.get("mlflow")
    if mlflow is None or mlflow.get_current_active_span() is None:
        return run

    def traced(name: str, arguments: Row) -> Row:
        with mlflow.start_span(name, span_type="TOOL") as span:
            span.set_inputs(arguments)
            result = run(name, arguments)
            span.set_outputs(result)
            return result

    return traced
