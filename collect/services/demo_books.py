"""What the demonstration company sells and when it is paid: invoices, receipts and credit notes in the making, as CSV text for the import."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from collect.domain import money, terms
from collect.domain.calendar import Calendar, month_end
from collect.services.demo_data import Client, Span, cash, chance, clients, company

_DAY = timedelta(days=1)
BEFORE = 160
"""Days before the story begins from which invoices may still be open when it does."""
DELAYS = {
    "prompt": (-11, -3),
    "steady": (-3, 6),
    "slow": (3, 11),
    "hospital": (25, 105),
    "weak": (8, 40),
    "cash": (0, 0),
    "tails": (0, 5),
    "equipment": (8, 30),
    "quiet": (0, 0),
}
"""Days from the due date to the payment, by habit; others pay like the prompt until their story begins."""
DEPOSITS = ("K1006", "K3002", "E5001")
"""These have paid in the last days without naming an invoice."""
_TAILS = 40
"""Days in which those who leave tails pay without the last units."""
_METHODS = ("transfer",) * 17 + ("bill", "bill", "cheque")


@dataclass(eq=False, slots=True)
class Bill:
    """One part of an invoice as the customer sees it: `rest` is open, `pay_on` when he means to pay (None: he does not)."""

    client: Client
    number: str
    issued: date
    due: date | None
    minor: int
    rest: int
    pay_on: date | None = None
    half: bool = False
    short: int = 0
    method: str = "transfer"


@dataclass(frozen=True, slots=True)
class Sale:
    """An invoice to come: `due` only where it is not the terms' own; `story` ones are not paid by habit."""

    client: Client
    issued: date
    minor: int
    due: date | None = None
    story: bool = False


@dataclass(frozen=True, slots=True)
class Loose:
    """Money or credit of a customer that no invoice was named for: finance applies it from `apply_on` on (None: it lies)."""

    kind: str
    number: str
    client: Client
    minor: int
    apply_on: date | None


@dataclass(frozen=True, slots=True)
class Transfer:
    """Money that came in through a bank account of ours; `shares` are the bills that it is meant for, none where nobody said.

    `named` tells whether the customer names their numbers. What is left over is applied from `apply_on` on (None: it lies).
    """

    client: Client
    day: date
    minor: int
    reference: str
    shares: tuple[tuple[Bill, int], ...] = ()
    named: bool = True
    apply_on: date | None = None


@dataclass
class Files:
    """The rows of one import round, by kind; `headers` are those of a Chinese bookkeeping program. Transfers come by bank statement."""

    invoices: list[tuple[object, ...]] = field(default_factory=list)
    payments: list[tuple[object, ...]] = field(default_factory=list)
    credits: list[tuple[object, ...]] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)


HEADERS = {
    "invoices": ("发票号", "客户编号", "开票日期", "到期日", "币种", "金额", "订单号", "送货日期", "说明", "状态"),
    "payments": ("收款编号", "客户编号", "收款日期", "币种", "金额", "方式", "发票号", "核销金额", "流水号"),
    "credits": ("贷项编号", "客户编号", "贷项日期", "币种", "金额", "发票号", "原因"),
}


def text(kind: str, rows: Iterable[tuple[object, ...]]) -> bytes:
    """The rows of a file as CSV in UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADERS[kind])
    writer.writerows(rows)
    return out.getvalue().encode()


class Books:
    """Everything that is sold and paid in the story; the walk asks it day by day for what has come about."""

    def __init__(self, seed: int, days: Span, sales: Iterable[Sale], until: Mapping[str, date]) -> None:
        """`sales` are those of the stories; what is sold by habit is added here, to some customers only `until` a day."""
        self.seed, self.days = seed, days
        every = [*sales, *(sale for client in clients() for sale in _by_habit(seed, days, client, until.get(client.number, days.today)))]
        self.coming = sorted(every, key=lambda sale: (sale.issued, sale.client.number))
        self.bills: dict[str, list[Bill]] = {client.number: [] for client in clients()}
        self.loose: list[Loose] = []
        self.awaiting: list[tuple[date, Bill]] = []
        self.held: frozenset[str] = frozenset()
        self._numbers: dict[str, int] = {}
        self._paid_through = days.start - _DAY

    def due(self, client: Client, day: date) -> list[Bill]:
        """What the customer owes overdue on a day, oldest first."""
        found = [bill for bill in self.bills[client.number] if bill.rest and bill.due is not None and bill.due < day]
        return sorted(found, key=lambda bill: (bill.due or day, bill.number))

    def take(self, through: date, banked: date) -> Files:
        """What was sold through a day and what came in through another, since the last time."""
        files = Files()
        while self.coming and self.coming[0].issued <= through:
            sale = self.coming.pop(0)
            if sale.client.number not in self.held or sale.story:
                self._sell(sale, files)
        day = self._paid_through + _DAY
        while day <= banked:
            if self.days.working(day):
                self._credit(day, files)
                for client in clients():
                    self._pay(client, day, files)
            self._paid_through, day = day, day + _DAY
        return files

    def number(self, prefix: str, day: date) -> str:
        """The next number of a kind of document in a month."""
        key = f"{prefix}{day:%y%m}"
        self._numbers[key] = self._numbers.get(key, 0) + 1
        return f"{key}-{self._numbers[key]:03d}"

    def by_bank(self, client: Client, day: date) -> bool:
        """Whether what a customer transfers on a day comes in through a bank account whose statements we take in."""
        return client.currency in cash()["accounts"] and day >= self.days.bank_from

    def _sell(self, sale: Sale, files: Files) -> None:
        client, number = sale.client, self.number("EX" if sale.client.abroad else "FP", sale.issued)
        rng = chance(self.seed, "sale", client.number, sale.issued, sale.minor)
        events = {terms.Trigger.DELIVERY.value: sale.issued}
        parts = [(sale.due, sale.minor)] if sale.due else [(part.due, part.minor) for part in terms.instalments(terms.parse(client.terms), sale.issued, sale.minor, events)]
        fresh = []
        for due, minor in parts:
            bill = Bill(client, number, sale.issued, due, minor, minor)
            if not sale.story:
                self.intend(bill, rng)
            fresh.append(bill)
        if sale.issued < self.days.start and all(bill.pay_on is not None and bill.pay_on < self.days.start for bill in fresh):
            return  # paid before the company began with this program
        self.bills[client.number] += fresh
        if any(bill.due is None for bill in fresh):
            self.awaiting.append((sale.issued + rng.randint(28, 70) * _DAY, fresh[0]))
        void = "作废" if rng.random() < 0.004 and not sale.story and sale.issued >= self.days.start else ""
        if void:
            for bill in fresh:
                bill.rest = 0
        goods = company()["goods"]
        words = goods["large"] if client.habit == "equipment" else goods["en" if client.abroad else "zh"]
        order = f"PO-{rng.randrange(10000, 99999)}" if rng.random() < 0.7 else ""
        amount = money.plain(sale.minor, client.currency)
        files.invoices.append((number, client.number, sale.issued, sale.due or "", client.currency, amount, order, sale.issued, rng.choice(words), void))

    def intend(self, bill: Bill, rng: Random) -> None:
        """When the customer means to pay, by his habit; nothing is meant for a bill whose event has not happened."""
        habit = bill.client.habit
        if bill.due is None or habit == "running":
            return
        if bill.client.terms == "PREVIOUS":
            day = bill.issued + (bill.client.every if habit == "cash" else rng.randint(20, 32)) * _DAY
        elif habit == "monthly":
            days = [bill.due.replace(day=10), bill.due.replace(day=25), month_end(bill.due) + 10 * _DAY]
            day = next(day for day in days if day >= bill.due - 7 * _DAY)
        elif habit == "drift":
            share = max((bill.due - self.days.start).days, 0) / (self.days.today - self.days.start).days
            day = bill.due + (rng.randint(2, 9) + int(share * 42)) * _DAY
        else:
            day = bill.due + rng.randint(*DELAYS.get(habit, DELAYS["prompt"])) * _DAY
        bill.pay_on = self.days.calendar.on_or_after(max(day, bill.issued))
        bill.half = habit in ("slow", "hospital", "weak") and rng.random() < 0.1
        if habit in ("steady", "slow", "monthly", "drift", "prompt") and not bill.client.abroad:
            bill.method = rng.choice(_METHODS)
        if habit == "cash":
            bill.method = "cash"

    def promise(self, client: Client, day: date, due: date, outcome: str, calendar: Calendar) -> None:
        """What a promise made on a day changes about when the overdue bills are paid: kept, late, partly or broken."""
        bills, mine = self.due(client, day), self.days.calendar
        on = mine.on_or_before(due)
        on = on if on > day else due
        if outcome == "late":
            on = mine.on_or_after(calendar.next_business_day(due))
        elif outcome == "broken":
            on = mine.add_business_days(due, 14)
        for bill in bills:
            bill.pay_on, bill.method, bill.short, bill.half = on, "transfer", 0, outcome == "partly"

    def _pay(self, client: Client, day: date, files: Files) -> None:
        """One receipt of a customer for everything that he means to pay by a day."""
        if client.habit == "running":
            self._pay_round(client, day, files)
            return
        if day == self.days.back(4) and client.number in DEPOSITS:
            self.deposit(client, day, client.amount // 100_000 * 100_000, files, None)
        due = [bill for bill in self.bills[client.number] if bill.rest and bill.pay_on is not None and bill.pay_on <= day]
        shares: list[tuple[Bill, int]] = []
        for bill in due:
            if client.habit == "tails" and (self.days.today - day).days < _TAILS:
                bill.short = bill.rest % 1000 or 330
            share = bill.rest // 2 if bill.half else bill.rest - bill.short
            bill.pay_on = self.days.calendar.add_business_days(day, 14) if bill.half else None
            bill.half = False
            if share > 0:
                bill.rest -= share
                shares.append((bill, share))
        if not shares:
            return
        rng = chance(self.seed, "receipt", client.number, day)
        total = sum(share for _, share in shares)
        extra = total // 10 // 1000 * 1000 if rng.random() < 0.012 and client.habit in ("steady", "prompt") else 0
        method = shares[0][0].method
        reference = "" if method == "cash" else f"{rng.choice(('ICBC', 'CCB', 'ABC', 'CMB', 'BOC'))}{day:%m%d}{rng.randrange(10**6):06d}"
        if method == "transfer" and self.by_bank(client, day):
            named = any(bill.rest for bill, _ in shares) or bool(extra) or rng.random() < 0.8
            files.transfers.append(Transfer(client, day, total + extra, reference, tuple(shares), named, day + 21 * _DAY))
            return
        number = self.number("SK", day)
        for bill, share in _joined(shares):
            plain = [money.plain(amount, client.currency) for amount in (total + extra, share)]
            files.payments.append((number, client.number, day, client.currency, plain[0], method, bill.number, plain[1], reference))
        if extra:
            self.loose.append(Loose("receipt", number, client, extra, day + 21 * _DAY))

    def _pay_round(self, client: Client, day: date, files: Files) -> None:
        """A running account pays twice a month a round sum of what is nearly due, and names no invoice."""
        if day not in (self.days.calendar.on_or_after(day.replace(day=12)), self.days.calendar.on_or_after(day.replace(day=26))):
            return
        owed = sum(bill.rest for bill in self.bills[client.number] if bill.due is not None and bill.due <= day + 4 * _DAY)
        taken = sum(one.minor for one in self.loose if one.client is client)
        rounded = -((taken - owed) // 500_000) * 500_000
        if rounded > 0:
            self.deposit(client, day, rounded, files, self.days.calendar.add_business_days(day, 2))

    def deposit(self, client: Client, day: date, minor: int, files: Files, apply_on: date | None) -> None:
        """A receipt that names no invoice; the last days' is not applied yet."""
        apply_on = apply_on if day <= self.days.back(5) else None
        if self.by_bank(client, day):
            files.transfers.append(Transfer(client, day, minor, f"CMB{day:%m%d}{minor // 10000:06d}", (), False, apply_on))
            return
        number, amount = self.number("SK", day), money.plain(minor, client.currency)
        files.payments.append((number, client.number, day, client.currency, amount, "transfer", "", "", f"CMB{day:%m%d}{minor // 10000:06d}"))
        self.loose.append(Loose("receipt", number, client, minor, apply_on))

    def _credit(self, day: date, files: Files) -> None:
        """Now and then part of an invoice is credited; after each quarter good dealers get a rebate, tied to no invoice."""
        words = company()["words"]
        for client in clients():
            rng = chance(self.seed, "credit", client.number, day)
            suffix = "_en" if client.abroad else ""
            whole = [bill for bill in self.bills[client.number] if bill.rest == bill.minor and bill.pay_on is not None and bill.pay_on > day and bill.minor > 100_000]
            if whole and rng.random() < 0.003:
                bill, share = whole[-1], whole[-1].minor * rng.randint(3, 9) // 100 // 1000 * 1000
                bill.rest -= share
                row = (self.number("CN", day), client.number, day, client.currency, money.plain(share, client.currency), bill.number, rng.choice(words["return_reason" + suffix]))
                files.credits.append(row)
            quarter = day.month % 3 == 1 and day == self.days.calendar.on_or_after(day.replace(day=8))
            if quarter and client.habit in ("prompt", "steady") and client.segment in ("经销商", "distributor"):
                number, amount = self.number("CN", day), client.amount * rng.randint(6, 14) // 100 // 1000 * 1000
                files.credits.append((number, client.number, day, client.currency, money.plain(amount, client.currency), "", words["rebate_reason" + suffix]))
                self.loose.append(Loose("credit_note", number, client, amount, day + 20 * _DAY))

    def credit(self, bill: Bill, minor: int, day: date, reason: str) -> tuple[object, ...]:
        """A credit note on an invoice, as the row of a file."""
        bill.rest -= minor
        return (self.number("CN", day), bill.client.number, day, bill.client.currency, money.plain(minor, bill.client.currency), bill.number, reason)


def _joined(shares: list[tuple[Bill, int]]) -> list[tuple[Bill, int]]:
    """Parts of one invoice as one row."""
    found: dict[str, tuple[Bill, int]] = {}
    for bill, share in shares:
        found[bill.number] = (bill, found.get(bill.number, (bill, 0))[1] + share)
    return list(found.values())


def _by_habit(seed: int, days: Span, client: Client, until: date) -> Iterator[Sale]:
    """What a customer buys until a day: about every so many days, amounts around his own."""
    if not client.every:
        return
    rng = chance(seed, "sales", client.number)
    day = days.start - (BEFORE - rng.randrange(client.every)) * _DAY
    while day < until:
        issued = days.calendar.on_or_after(day)
        if issued < until:
            yield Sale(client, issued, amount(rng, client))
        day += max(1, round(client.every * rng.uniform(0.7, 1.3))) * _DAY


def amount(rng: Random, client: Client) -> int:
    """An amount around the customer's own: mostly smaller, now and then much larger; whole tenths of the unit."""
    return int(client.amount * min(rng.lognormvariate(-0.12, 0.5), 3.2)) // 10 * 10 + 10
