"""The bank accounts of the demonstration company: what came in by transfer as statements of its banks, taken in and matched by the real services."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from xml.sax.saxutils import escape

import sqlalchemy as sa
from sqlalchemy.orm import Session

from collect.domain import money
from collect.domain.rights import SYSTEM, Actor
from collect.runtime import Work
from collect.services import bank, matching
from collect.services.demo_books import Loose, Transfer
from collect.services.demo_data import cash, chance, clients, company, names
from collect.services.demo_talk import Desk
from collect.storage.bank import BankAccount, BankLine, BankStatement
from collect.storage.cash import Credit
from collect.storage.customers import Customer
from collect.storage.receivables import Item

_DAY = timedelta(days=1)
_CARRIES_ON = "running"
"""The habit of customers who settle by running account."""


@dataclass(frozen=True, slots=True)
class Moved:
    """One line of a statement: `minor` is negative for money out; `told` is what finance knows of it, None where nothing."""

    day: date
    minor: int
    payer: str
    text: str
    reference: str
    account: str = ""
    told: Transfer | None = None


def take_in(desk: Desk, day: date, banked: date, transfers: Sequence[Transfer]) -> None:
    """Take in the statements through `banked`, match their lines, and settle by hand what does not apply itself."""
    if banked < desk.books.days.bank_from:
        return
    fang = desk.actors["fang"]
    begun = _begun(desk)
    for currency in cash()["accounts"]:
        mine = [one for one in transfers if one.client.currency == currency]
        home = currency == company()["currency"]
        if not (home or mine or day.weekday() == 0 or day >= desk.books.days.back(5)):
            continue
        desk.tick()
        moved = [_line(desk, one) for one in mine] + (_other(desk, banked) if home else [])
        ids = receive(desk, fang, currency, banked, moved)
        if currency not in begun:
            desk.runtime.write(fang, lambda work, currency=currency: _name_account(work, currency))  # type: ignore[misc]
        if not begun:
            desk.runtime.write(fang, _learn)
        by_line = dict(zip(ids, [line.told for line in _ordered(moved) if line.minor > 0], strict=True))
        desk.runtime.write(fang, lambda work, by_line=by_line: _settle(desk, work, by_line))  # type: ignore[misc]
        refresh(desk, {one.client.number for one in mine})
        begun = begun | {currency}


def receive(desk: Desk, actor: Actor, currency: str, through: date, moved: Iterable[Moved]) -> list[int]:
    """Take one statement of an account in, its lines through a day; the ids of the lines with money in, in their order."""
    lines = _ordered(moved)
    about = cash()["accounts"][currency]
    with desk.runtime.read(SYSTEM) as view:
        since, opening = _stand(view.session, currency)
    name = f"{about['prefix']}_{currency}_{through:%Y%m%d}.xml"
    taken = bank.take_in(desk.runtime, actor, _camt(currency, since or desk.books.days.bank_from, through, opening, lines).encode(), name)
    if taken.line_ids:
        desk.runtime.write(actor, lambda work: matching.propose_and_apply(work, taken.line_ids))
    return taken.line_ids


def refresh(desk: Desk, numbers: Iterable[str]) -> None:
    """What customers' bills have open, as the books have it after money was matched or something was granted."""
    wanted = sorted(numbers)
    if not wanted:
        return
    query = sa.select(Customer.customer_no, Item.document_no, Item.open_minor).join(Customer, Customer.id == Item.customer_id)
    with desk.runtime.read(SYSTEM) as view:
        found: dict[tuple[str, str], list[int]] = {}
        for customer, document, rest in view.session.execute(query.where(Customer.customer_no.in_(wanted)).order_by(Item.document_no, Item.part)):
            found.setdefault((customer, document), []).append(rest)
    for number in wanted:
        for bill in desk.books.bills[number]:
            rests = found.get((number, bill.number))
            if rests:
                bill.rest = rests.pop(0)


def _ordered(moved: Iterable[Moved]) -> list[Moved]:
    return sorted(moved, key=lambda line: (line.day, line.reference))


def _begun(desk: Desk) -> frozenset[str]:
    """The currencies whose account has had a statement."""
    with desk.runtime.read(SYSTEM) as view:
        return frozenset(view.session.scalars(sa.select(BankAccount.currency)))


def _stand(session: Session, currency: str) -> tuple[date | None, int]:
    """The first day that the next statement tells, and the balance that it opens with."""
    query = sa.select(BankAccount.through, BankStatement.closing_minor).join(BankStatement, BankStatement.account_id == BankAccount.id)
    row = session.execute(query.where(BankAccount.currency == currency).order_by(BankStatement.id.desc()).limit(1)).first()
    if row is None or row[0] is None or row[1] is None:
        return None, money.parse(cash()["accounts"][currency]["opening"], currency)
    return row[0] + _DAY, row[1]


def _line(desk: Desk, told: Transfer) -> Moved:
    """A transfer as the bank tells it: who pays is not always spelt as in our books, and some name no invoice."""
    client, rng = told.client, chance(desk.seed, "bank", told.client.number, told.day, told.minor)
    about = cash()["payers"].get(client.number, {})
    texts = cash()["texts"]["en" if client.abroad else "zh"]
    numbers = list(dict.fromkeys(bill.number for bill, _ in told.shares))
    if told.named and numbers:
        text, reference = rng.choice(texts["named"]).format(numbers=("、", ", ")[client.abroad].join(numbers)), told.reference
        if len(numbers) == 1 and rng.random() < 0.2:
            text, reference = rng.choice(texts["plain"]), numbers[0]
    elif not told.shares and client.number in cash()["orders"]:
        text, reference = rng.choice(texts["advance"]).format(order=cash()["orders"][client.number]), told.reference
    else:
        text, reference = rng.choice(texts["plain"]), told.reference
    name = names()[client.number]
    if not about and rng.random() < 0.12:
        name = name.removesuffix("有限公司")
    return Moved(told.day, told.minor, about.get("name", name), text, reference, about.get("account") or account_of(desk, client.number), told)


def account_of(desk: Desk, number: str) -> str:
    """The account that a customer pays from."""
    return f"62{chance(desk.seed, 'account', number).randrange(10**14, 10**15)}"


def _other(desk: Desk, banked: date) -> list[Moved]:
    """What else moves on the account since the last statement: purchases and charges, and now and then interest."""
    about, currency = cash(), str(company()["currency"])
    with desk.runtime.read(SYSTEM) as view:
        day, _ = _stand(view.session, currency)
    found: list[Moved] = []
    day = day or desk.books.days.bank_from
    while day <= banked:
        if desk.books.days.working(day):
            found += _spent(desk, day, chance(desk.seed, "spent", day))
        if day == desk.books.days.back(12):
            aside = about["aside"]
            found.append(Moved(day, money.parse(aside["amount"], currency), aside["payer"], aside["text"], f"JX{day:%y%m%d}0001"))
        day += _DAY
    return found


def _spent(desk: Desk, day: date, rng: Random) -> list[Moved]:
    debit, charge = rng.choice(cash()["debits"]), cash()["charge"]
    found = [Moved(day, -int(debit["amount"] * rng.uniform(0.6, 1.4)) * 100, debit["payee"], debit["text"], f"ZF{day:%y%m%d}0001")]
    if day.weekday() == 0:
        found.append(Moved(day, -charge["amount"] * 100, "", charge["text"], f"SF{day:%y%m%d}0001"))
    return found


def _camt(currency: str, since: date, through: date, opening: int, lines: Sequence[Moved]) -> str:
    """A camt.053 statement of an account."""
    closing = opening + sum(line.minor for line in lines)
    number = cash()["accounts"][currency]["number"]

    def balance(code: str, minor: int, day: date) -> str:
        return f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_amount(minor, currency)}<Dt><Dt>{day}</Dt></Dt></Bal>"

    return (
        '<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>'
        f"<GrpHdr><MsgId>{currency}{through:%Y%m%d}</MsgId><CreDtTm>{through}T20:00:00</CreDtTm></GrpHdr><Stmt><Id>{through:%Y%m%d}</Id>"
        f"<ElctrncSeqNb>{through:%Y%j}</ElctrncSeqNb><CreDtTm>{through}T20:00:00</CreDtTm><FrToDt><FrDtTm>{since}T00:00:00</FrDtTm><ToDtTm>{through}T23:59:59</ToDtTm></FrToDt>"
        f"<Acct><Id><Othr><Id>{number}</Id></Othr></Id><Ccy>{currency}</Ccy></Acct>"
        f"{balance('OPBD', opening, since)}{balance('CLBD', closing, through)}{''.join(_entry(line, currency) for line in lines)}</Stmt></BkToCstmrStmt></Document>"
    )


def _entry(line: Moved, currency: str) -> str:
    side = "Dbtr" if line.minor > 0 else "Cdtr"
    name = f"<{side}><Nm>{escape(line.payer)}</Nm></{side}>" if line.payer else ""
    account = f"<{side}Acct><Id><Othr><Id>{line.account}</Id></Othr></Id></{side}Acct>" if line.account else ""
    return (
        f"<Ntry>{_amount(line.minor, currency)}<Sts>BOOK</Sts><BookgDt><Dt>{line.day}</Dt></BookgDt><ValDt><Dt>{line.day}</Dt></ValDt>"
        f"<NtryDtls><TxDtls><Refs><EndToEndId>{escape(line.reference)}</EndToEndId></Refs><RltdPties>{name}{account}</RltdPties>"
        f"<RmtInf><Ustrd>{escape(line.text)}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
    )


def _amount(minor: int, currency: str) -> str:
    return f'<Amt Ccy="{currency}">{money.plain(abs(minor), currency)}</Amt><CdtDbtInd>{"CRDT" if minor >= 0 else "DBIT"}</CdtDbtInd>'


def _name_account(work: Work, currency: str) -> None:
    account = work.session.scalars(sa.select(BankAccount).where(BankAccount.currency == currency)).one()
    bank.change_account(work, account.id, cash()["accounts"][currency]["name"], False, account.version)


def _learn(work: Work) -> None:
    """Who pays in another name, and who settles by running account: finance has known it for years."""
    for number, about in cash()["payers"].items():
        matching.learn(work, about["name"], about["account"], number, "letter" in about, about.get("letter"))
    for client in clients():
        if client.habit == _CARRIES_ON:
            matching.set_running(work, client.number, True)


def _settle(desk: Desk, work: Work, by_line: dict[int, Transfer | None]) -> None:
    """What did not apply itself, as finance knows it; what is left of a receipt waits until it is time."""
    for key, told in by_line.items():
        line = work.session.get_one(BankLine, key)
        if told is None:
            matching.ignore(work, key, line.version, cash()["aside"]["reason"])
            continue
        if line.state == "open":
            order = (line.proposal or {}).get("order_no") if (line.proposal or {}).get("kind") == "advance" else None
            matching.accept(work, key, line.version, _parts(work, told), customer_no=told.client.number, order_no=order)
        credit = work.session.get_one(Credit, line.credit_id)
        if credit.open_minor:
            desk.books.loose.append(Loose("receipt", credit.number, told.client, credit.open_minor, told.apply_on))


def _parts(work: Work, told: Transfer) -> list[tuple[int, int]]:
    """The items that a transfer is meant for, the first parts of an invoice first."""
    found: list[tuple[int, int]] = []
    for bill, share in told.shares:
        left = share
        for item in work.session.scalars(sa.select(Item).where(Item.document_no == bill.number).order_by(Item.part)):
            part = min(left, item.open_minor - sum(amount for key, amount in found if key == item.id))
            if part > 0:
                found.append((item.id, part))
                left -= part
    joined: dict[int, int] = {}
    for key, amount in found:
        joined[key] = joined.get(key, 0) + amount
    return list(joined.items())
