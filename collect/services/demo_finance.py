"""What finance of the demonstration company does beside the daily imports: rates, statements of account, requests, interest, e-invoices, views."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from collect.domain import adjustments as rules
from collect.domain import money
from collect.domain.calendar import month_end, month_start
from collect.domain.rights import ALL, SYSTEM
from collect.runtime import Work
from collect.services import adjustments, deliveries, demo_bank, drafts, interest, invoices, rates, rebates, receipts, statements, views
from collect.services.deliveries import Draft as Delivered
from collect.services.demo_bank import Moved, account_of
from collect.services.demo_data import cash, chance, clients, company, folder, names
from collect.services.demo_talk import Desk
from collect.services.invoices import Bill
from collect.services.receipts import Receipt
from collect.storage.adjustments import Adjustment, load_tails
from collect.storage.customers import Customer
from collect.storage.discounts import load_offers
from collect.storage.receivables import Item
from collect.storage.statements import Statement, load_differences

_DAY = timedelta(days=1)
_KEPT_TAILS = 2
"""So many of the latest tails wait for the manager."""


def live(desk: Desk, day: date) -> None:
    """What finance and the managers do on a working day."""
    days = desk.books.days
    if day == days.calendar.on_or_after(max(month_start(day), days.start)):
        desk.runtime.write(desk.actors["fang"], lambda work: _rates(desk, work, day))
    if day < days.back(30):
        return
    for act in _plan(desk, day):
        desk.tick()
        act()


def _plan(desk: Desk, day: date) -> Iterator[Callable[[], object]]:
    """Everything of one day, in its order."""
    about, back = cash(), desk.books.days.back
    if day == back(24):
        yield lambda: _write(desk, "fang", _rebates)
        for view in about["views"]:
            yield lambda view=view: _write(desk, view["user"], lambda work: _view(work, view))  # type: ignore[misc]
    for entry in about["statements"]:
        for step, act in (("made", _make), ("sent", _send), ("returned", _return)):
            if step in entry and day == back(entry[step]):
                yield lambda entry=entry, act=act: _write(desk, "fang", lambda work: act(work, entry))  # type: ignore[misc]
    if day == back(about["tails"]["written"]):
        yield lambda: _tails(desk)
    if day == back(about["interest"]["day"]):
        yield lambda: _write(desk, "fang", _claim)
    for entry in about["adjustments"]:
        if day == back(entry["asked"]):
            yield lambda entry=entry: _write(desk, entry["by"], lambda work: _ask(work, entry))  # type: ignore[misc]
        if "decided" in entry and day == back(entry["decided"]):
            yield lambda entry=entry: _decide(desk, entry)  # type: ignore[misc]
    for at, entry in enumerate(about["deliveries"]):
        if day == back(entry["day"]):
            yield lambda at=at, entry=entry: _write(desk, "fang", lambda work: _deliver(work, entry, at))  # type: ignore[misc]
    for entry in about["early"]:
        issued = back(entry["issued"])
        if day == issued:
            yield lambda entry=entry: _write(desk, "fang", lambda work: _sell_early(desk, work, entry))  # type: ignore[misc]
        if entry.get("paid") and day == desk.books.days.calendar.on_or_before(issued + entry["paid"] * _DAY):
            yield lambda entry=entry: _write(desk, "fang", lambda work: _pay_early(desk, work, entry))  # type: ignore[misc]
    if day == back(1):
        for entry in about["drafts"]:
            yield lambda entry=entry: drafts.take_in(desk.runtime, desk.actors["fang"], *_einvoice(entry, day))  # type: ignore[misc]


def _write(desk: Desk, who: str, act: Callable[[Work], object]) -> None:
    desk.runtime.write(desk.actors[who], act)


def _rates(desk: Desk, work: Work, day: date) -> None:
    """The month's exchange rates, a little up or down, and the reference rate of interest."""
    told, rng = cash()["rates"], chance(desk.seed, "rates", month_start(day))
    for currency in ("USD", "EUR", "HKD"):
        value = Decimal(told[currency]) * rng.randrange(985, 1016) / 1000
        rates.enter(work, currency, str(company()["currency"]), day, f"{value:.4f}", told["source"])
    rates.enter(work, "LPR_1Y", "%", month_start(day), told["LPR_1Y"], told["source"])


def _rebates(work: Work) -> None:
    """What two dealers earned, and what of it they got as goods."""
    told = cash()["rebates"]
    for number, amount in told["before"].items():
        minor = money.parse(amount, "CNY")
        rebates.enter(work, number, month_start(work.today), "CNY", minor, told["before_note"])
        rebates.enter(work, number, work.today, "CNY", -minor, told["goods_note"])
    for number, amount in told["earned"].items():
        rebates.enter(work, number, work.today, "CNY", money.parse(amount, "CNY"), told["earned_note"])


def _view(work: Work, told: Mapping[str, Any]) -> None:
    views.save(work, told["page"], told["name"], told["query"], shared=told.get("shared", False), opens=told.get("opens", False))


def _make(work: Work, told: Mapping[str, Any]) -> None:
    kind = told.get("kind", "confirm")
    as_of = work.today if kind == "demand" else month_end(month_start(work.today) - _DAY)
    statements.make(work, told["customer"], statements.Wish(kind, as_of))


def _statement(work: Work, told: Mapping[str, Any]) -> Statement:
    query = sa.select(Statement).join(Customer, Customer.id == Statement.customer_id).where(Customer.customer_no == told["customer"])
    return work.session.scalars(query.order_by(Statement.id.desc())).first()  # type: ignore[return-value]


def _send(work: Work, told: Mapping[str, Any]) -> None:
    row = _statement(work, told)
    statements.mark_sent(work, row.id, work.today, told["way"], told.get("proof"), row.version)


def _return(work: Work, told: Mapping[str, Any]) -> None:
    """The reply slip is back: it agrees, or names what differs, of which the first is settled at once."""
    row = _statement(work, told)
    statements.mark_returned(work, row.id, work.today, told["note"], row.version)
    if told.get("agreed"):
        statements.confirm(work, row.id, None, row.version)
    open_items = _open_items(work, told["customer"])
    for item, differs in zip(open_items, told.get("differs", ()), strict=False):
        theirs = item.open_minor - money.parse(differs["less"], item.currency) if "less" in differs else None
        draft = statements.DifferenceDraft(item.currency, item.document_no, item.open_minor, theirs, differs["reason"], differs["note"])
        statements.add_difference(work, row.id, draft, row.version)
    if told.get("settles"):
        work.session.flush()
        first = load_differences(work.session, row.id)[0]
        statements.settle_difference(work, row.id, first.id, told["settles"], row.version)


def _open_items(work: Work, number: str) -> list[Item]:
    """A customer's open invoices, the oldest due first."""
    query = sa.select(Item).join(Customer, Customer.id == Item.customer_id).where(Customer.customer_no == number, Item.open_minor > 0, Item.kind == "invoice")
    return list(work.session.scalars(query.order_by(sa.nulls_last(Item.due_date.asc()), Item.id)))


def _tails(desk: Desk) -> None:
    """A manager writes off the older tails; the latest wait for him."""

    def act(work: Work) -> None:
        found = load_tails(work.session, ALL, rules.parse_limits(work.settings.tail_limits), adjustments.MOST_TAILS)
        old = sorted(found, key=lambda tail: (tail.due or work.today, tail.item_id))[:-_KEPT_TAILS]
        if old:
            adjustments.write_off_tails(work, [tail.item_id for tail in old], cash()["tails"]["reason"])

    _write(desk, cash()["tails"]["manager"], act)
    demo_bank.refresh(desk, [client.number for client in clients()])


def _claim(work: Work) -> None:
    """The interest that the oldest invoice of a referred customer has earned, as an item of its own (S14)."""
    told = cash()["interest"]
    invoice = _open_items(work, told["customer"])[0]
    interest.claim(work, invoice.document_no, told["rule"], f"LX{work.today:%y%m}-001", work.today)


def _ask(work: Work, told: Mapping[str, Any]) -> None:
    """Ask for something to be taken off the latest open invoice of a customer; a write-off is of the oldest, whole."""
    whole = told["kind"] == rules.WRITE_OFF
    item = _open_items(work, told["customer"])[0 if whole else -1]
    minor = item.open_minor if whole else money.parse(told["amount"], item.currency) if "amount" in told else item.open_minor * told["percent"] // 100
    adjustments.request(work, told["customer"], adjustments.Ask(told["kind"], ((item.id, minor),), told["reason"], told["note"]))


def _decide(desk: Desk, told: Mapping[str, Any]) -> None:
    """A manager approves (alone, or as the first of two) or refuses a request."""

    def act(work: Work) -> None:
        query = sa.select(Adjustment).join(Customer, Customer.id == Adjustment.customer_id).where(Customer.customer_no == told["customer"], Adjustment.state == "open")
        row = work.session.scalars(query.order_by(Adjustment.id.desc())).one()
        decide = adjustments.refuse if told["verdict"] == "refuse" else adjustments.approve
        decide(work, row.id, row.version, told["answer"])

    _write(desk, told["manager"], act)
    demo_bank.refresh(desk, [told["customer"]])


def _deliver(work: Work, told: Mapping[str, Any], at: int) -> None:
    """Goods went out; the invoice comes with the month's others: exposure, and no receivable (S4)."""
    currency = str(told["currency"])
    amount = money.parse(told["amount"], currency)
    deliveries.enter(work, told["customer"], Delivered(f"SH{work.today:%y%m%d}-{at + 1:02d}", work.today, currency, amount, told["order"], told["description"]))


def _sell_early(desk: Desk, work: Work, told: Mapping[str, Any]) -> None:
    """An invoice whose early payment is worth a discount; one with a due date of its own has it from its issue date."""
    due = work.today + told["due"] * _DAY if "due" in told else None
    minor = money.parse(told["amount"], told["currency"])
    invoices.issue(work, told["customer"], Bill(desk.books.number("EX", work.today), work.today, told["currency"], minor, due=due, po_no=told["order"]))


def _pay_early(desk: Desk, work: Work, told: Mapping[str, Any]) -> None:
    """A cheque over the invoice less its discount, in time: it settles the whole."""
    query = sa.select(Item).join(Customer, Customer.id == Item.customer_id).where(Customer.customer_no == told["customer"], Item.po_no == told["order"])
    item = work.session.scalars(query).one()
    paid = item.open_minor - load_offers(work.session, ALL, [item.id])[item.id].minor
    wanted = Receipt(item.customer_id, desk.books.number("SK", work.today), work.today, item.currency, paid, "cheque", told["cheque"])
    receipts.receive(work, wanted, [(item.id, paid)])


def _einvoice(told: Mapping[str, Any], day: date) -> tuple[bytes, str]:
    """An e-invoice as our own program for them writes it, and the name of its file: UBL for Europe, OFD 数电票 at home."""
    issued = day - told["issued"] * _DAY
    if told["form"] == "ofd":
        return _ofd(told, issued), f"{told['number']}.ofd"
    blank = (folder() / "einvoice.xml").read_text(encoding="utf-8")
    facts = {"due": issued + told["due"] * _DAY, "issued": issued, "seller": company()["name"], "tax_no": told.get("tax_no", "")}
    return blank.format(**{**told, **facts}).encode(), f"{told['number']}.xml"


def _ofd(told: Mapping[str, Any], issued: date) -> bytes:
    """An OFD with the fields that a digital one carries in its OFD.xml."""
    tax = money.plain(money.parse(told["gross"], told["currency"]) - money.parse(told["net"], told["currency"]), told["currency"])
    fields = {
        "发票号码": told["number"],
        "开票日期": f"{issued:%Y年%m月%d日}",
        "购买方名称": told["name"],
        "销售方名称": company()["name"],
        "合计金额": told["net"],
        "合计税额": tax,
        "价税合计": told["gross"],
    }
    space = 'xmlns:ofd="http://www.ofdspec.org/2016"'
    data = "".join(f'<ofd:CustomData Name="{name}">{value}</ofd:CustomData>' for name, value in fields.items())
    info = f"<ofd:DocInfo><ofd:DocID>1</ofd:DocID><ofd:CustomDatas>{data}</ofd:CustomDatas></ofd:DocInfo>"
    page = "<ofd:PageArea><ofd:PhysicalBox>0 0 210 140</ofd:PhysicalBox></ofd:PageArea>"
    parts = {
        "OFD.xml": f'<ofd:OFD {space} Version="1.0" DocType="OFD"><ofd:DocBody>{info}<ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>',
        "Doc_0/Document.xml": f"<ofd:Document {space}><ofd:CommonData>{page}</ofd:CommonData><ofd:Pages/></ofd:Document>",
    }
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return held.getvalue()


def last_statement(desk: Desk, banked: date) -> None:
    """The home account's statement of the last day, which nobody has looked at: its lines wait, each with other evidence (S13)."""
    day = desk.books.days.back(1)
    with desk.runtime.read(SYSTEM) as view:
        moved = [line for at, told in enumerate(cash()["waiting"]) for line in _waiting(desk, view, told, day, at)]
    charge = cash()["charge"]
    moved.append(Moved(day, -charge["amount"] * 100, "", charge["text"], f"SF{day:%y%m%d}0009"))
    demo_bank.receive(desk, SYSTEM, str(company()["currency"]), banked, moved)


def _waiting(desk: Desk, of: Any, told: Mapping[str, Any], day: date, at: int) -> Iterator[Moved]:
    """One line that waits; none where the customer owes too little for its kind just now."""
    number, kind = told["customer"], told["kind"]
    items = [item for item in _open_items(of, number) if item.currency == company()["currency"]]
    chosen: list[Item] = {"rebate": items[:2], "one": items[:1], "sum": items[1:4], "third": items[:1]}.get(kind, [])
    wanted = {"rebate": 2, "one": 1, "sum": 2, "third": 1}.get(kind, 0)
    if len(chosen) < wanted:
        return
    minor, numbers = sum(item.open_minor for item in chosen), [item.document_no for item in chosen]
    if kind == "rebate":
        minor -= money.parse(cash()["rebates"]["earned"][number], "CNY")
    elif kind == "twice":
        settled = _last_settled(of, number)
        minor, numbers = settled.amount_minor, [settled.document_no]
    elif not chosen:
        minor = next(client.amount for client in clients() if client.number == number) // 500_000 * 500_000
    account = account_of(desk, told.get("payer") or number)
    text = told["text"].format(numbers="、".join(numbers), order="SO-2291")
    yield Moved(day, minor, told.get("payer") or names()[number], text, f"DZ{day:%y%m%d}{at + 1:04d}", account)


def _last_settled(of: Any, number: str) -> Item:
    """The customer's invoice that was settled last."""
    query = sa.select(Item).join(Customer, Customer.id == Item.customer_id).where(Customer.customer_no == number, Item.open_minor == 0, Item.voided_on.is_(None))
    return of.session.scalars(query.order_by(Item.closed_on.desc(), Item.id.desc())).first()  # type: ignore[no-any-return]
