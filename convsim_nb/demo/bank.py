"""The back end of Harbor, the fictional savings and investing app: seeded data and a fixed date."""

import copy
import json
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

Row = dict[str, Any]

_SATURDAY = 5


class Refused(Exception):
    """The back end will not do it; `reason` is a word, `facts` say more."""

    def __init__(self, reason: str, **facts: Any) -> None:
        super().__init__(reason)
        self.reason = reason
        self.facts = facts


class Bank:
    """What Harbor knows, as tables of rows by id. Each conversation has its own, so nothing outlives it."""

    def __init__(self, *, today: date | None = None) -> None:
        """Start from the seed; `today` is a fixed Saturday, 14 March 2026, unless it is given."""
        seed = copy.deepcopy(read_data("bank.json"))
        self.customers: dict[str, Row] = seed["customers"]
        self.accounts: dict[str, Row] = seed["accounts"]
        self.cards: dict[str, Row] = seed["cards"]
        self.fees: dict[str, Row] = seed["fees"]
        self.payments: dict[str, Row] = seed["payments"]
        self.transfers: dict[str, Row] = seed["transfers"]
        self.standing_orders: dict[str, Row] = seed["standing_orders"]
        self.orders: dict[str, Row] = seed["orders"]
        self.holdings: dict[str, list[Row]] = seed["holdings"]
        self.dividends: dict[str, Row] = seed["dividends"]
        self.policy: Row = seed["policy"]
        self.markets: Row = read_data("markets.json")
        self.today = today or date.fromisoformat(self.markets["today"])
        self._issued = 0

    def row(self, table: str, key: str) -> Row:
        """One row of a table, with its id as `id`.

        Raises:
            Refused: `unknown`, where there is none.
        """
        rows: dict[str, Row] = getattr(self, table)
        if key not in rows:
            raise Refused("unknown", id=key)
        return {"id": key, **rows[key]}

    def rows_of(self, table: str, **where: Any) -> list[Row]:
        """The rows of a table that hold the given values, in order."""
        rows: dict[str, Row] = getattr(self, table)
        return [{"id": key, **row} for key, row in rows.items() if where.items() <= row.items()]

    def owner(self, account: str) -> Row:
        return self.customers[self.row("accounts", account)["owner"]]

    def issue(self, prefix: str) -> str:
        """The next reference number: `TRF-90001`."""
        self._issued += 1
        return f"{prefix}-{90000 + self._issued}"

    def market_open_on(self, day: date) -> bool:
        return day.weekday() < _SATURDAY and day.isoformat() not in self.markets["holidays"]

    def workday_after(self, days: int) -> date:
        """The day that many working days after today."""
        day = self.today
        while days:
            day += timedelta(days=1)
            days -= self.market_open_on(day)
        return day

    def last_close(self) -> date:
        """The newest trading day before today of which closing levels are kept."""
        days = [date.fromisoformat(day) for day in self.markets["closes"]]
        return max(day for day in days if day < self.today or day == min(days))


@cache
def read_data(name: str) -> Any:
    """A JSON file of `demo/data`, read once; a caller that changes it works on a copy."""
    return json.loads((files("convsim_nb.demo") / "data" / name).read_text(encoding="utf-8"))
