"""Bank lines from coming in to being taken back, on both engines: what applies itself, what waits, and the books that stay whole (S13)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from collect.domain.errors import Forbidden, NotFound, Refusal
from collect.domain.rights import ALL, SYSTEM, Actor, Role
from collect.runtime import Runtime
from collect.services import matching, months, receipts, verify
from collect.services.matching import Payer
from collect.storage.audit import Audit
from collect.storage.bank import BankLine, PayerAlias
from collect.storage.bank_lines import LineWish
from collect.storage.cash import Credit
from collect.storage.customers import Customer
from collect.storage.ledger import Line
from collect.storage.receivables import Item
from tests.bank_lines import add_lines
from tests.conftest import FixedClock
from tests.taking_in import take_in

# Today is 10 March 2026. C1 owes INV-2026-001 1,000.00 and INV-2026-002 500.00; C2 owes INV-2026-003 1,000.00, too;
# C3 owes three bills of 100.00, 200.00 and 300.00, of which 300.00 can be paid in two ways; C4 is spelt alike.
CUSTOMERS = (
    "customer_no,name,currency\nC1,北京同仁堂股份有限公司,CNY\nC2,上海医药有限公司,CNY\nC3,甲公司,CNY\nC4,国药控股华东医疗器械供应链有限公司,CNY\nC5,Northwind Traders Ltd.,CNY\n"
)
INVOICES = """invoice_no,customer_no,issue_date,due_date,currency,amount
INV-2026-001,C1,2026-01-02,2026-02-01,CNY,1000.00
INV-2026-002,C1,2026-01-12,2026-02-11,CNY,500.00
INV-2026-003,C2,2026-01-02,2026-02-01,CNY,1000.00
A-1001,C3,2026-01-02,2026-02-01,CNY,100.00
A-1002,C3,2026-01-03,2026-02-02,CNY,200.00
A-1003,C3,2026-01-04,2026-02-03,CNY,300.00
G-77001,C4,2026-01-04,2026-02-03,CNY,70.00
"""


@pytest.fixture
def books(runtime: Runtime, clock: FixedClock) -> Runtime:
    fill(runtime, clock)
    return runtime


@pytest.fixture
def small(sqlite_runtime: Runtime, clock: FixedClock) -> Runtime:
    fill(sqlite_runtime, clock)
    return sqlite_runtime


def fill(runtime: Runtime, clock: FixedClock) -> None:
    clock.set("2026-03-10T04:00:00")
    assert not take_in(runtime, "customers", CUSTOMERS).refused
    assert not take_in(runtime, "invoices", INVOICES).refused


def line(runtime: Runtime, key: int) -> BankLine:
    with runtime.read(SYSTEM) as view:
        return view.session.get_one(BankLine, key)


def open_of(runtime: Runtime) -> dict[str, int]:
    with runtime.read(SYSTEM) as view:
        return {number: left for number, left in view.session.execute(sa.select(Item.document_no, Item.open_minor))}  # noqa: C416


def item_id(runtime: Runtime, number: str) -> int:
    with runtime.read(SYSTEM) as view:
        return view.session.scalars(sa.select(Item.id).where(Item.document_no == number)).one()


def run(runtime: Runtime, act: Any) -> Any:
    return runtime.write(SYSTEM, act)


def refused(runtime: Runtime, act: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        runtime.write(SYSTEM, act)
    return caught.value


def test_what_is_sure_applies_itself_and_the_rest_waits(books: Runtime) -> None:
    """Nine lines, one of each evidence.

    1 names its invoice in the reference; 2 in the text, with the payer in letters; 3 is 1,000.00 of C2, who has one open
    item of it; 4 is 500.00 = 200.00 + 300.00 of C3 and nothing else; 5 is 1,000.00 of nobody known (C1 and C2 owe as much);
    6 names C1's invoice, but another company pays; 7 is alike by 13 of 14 characters; 8 is a reversal; 9 went out.
    """
    ids = add_lines(
        books,
        {"amount_minor": 50_000, "payer": "北京同仁堂股份有限公司", "reference": "INV-2026-002"},
        {"amount_minor": 40_000, "payer": "BEIJING TONGRENTANG CO., LTD", "narrative": "payment inv 2026 001 part"},
        {"amount_minor": 100_000, "payer": "上海醫藥有限公司"},
        {"amount_minor": 50_000, "payer": "甲公司", "narrative": "货款"},
        {"amount_minor": 100_000, "payer": "某某贸易有限公司"},
        {"amount_minor": 60_000, "payer": "某某贸易有限公司", "narrative": "代付INV-2026-001"},
        {"amount_minor": 7_000, "payer": "国药控股华北医疗器械供应链有限公司"},
        {"amount_minor": 50_000, "payer": "甲公司", "reversal": True},
        {"amount_minor": -1_000, "payer": "甲公司"},
    )
    matched = run(books, lambda work: matching.propose_and_apply(work))
    assert (matched.applied, matched.proposed, matched.unknown) == (4, 2, 2)
    lines = [line(books, key) for key in ids]
    assert [one.state for one in lines] == ["applied"] * 4 + ["open"] * 4 + ["out"]
    assert [(one.proposal or {}).get("kind") for one in lines] == ["reference", "narrative", "one_item", "subset", None, "narrative", "one_item", None, None]
    assert lines[4].customer_id is None and lines[4].score is None  # never by amount alone
    assert open_of(books) == {"INV-2026-001": 60_000, "INV-2026-002": 0, "INV-2026-003": 0, "A-1001": 10_000, "A-1002": 0, "A-1003": 0, "G-77001": 7_000}
    with books.read(SYSTEM) as view:
        numbers = list(view.session.scalars(sa.select(Credit.number).order_by(Credit.id)))
        assert numbers[0] == "2233-INV-2026-002" and len(set(numbers)) == 4
        kept = view.session.scalars(sa.select(Audit).where(Audit.kind == "bank_line")).all()
        assert len(kept) == 4 and all('"by_rule":true' in (row.after or "").replace(" ", "") for row in kept)
    assert verify.verify(books) == []


def test_a_line_is_taken_back_and_accepted_again(books: Runtime) -> None:
    """After taking back everything is open as before, and the second receipt has a number of its own."""
    (key,) = add_lines(books, {"amount_minor": 120_000, "payer": "北京同仁堂", "reference": "WX99887766"})
    run(books, lambda work: matching.propose(work))
    one = line(books, key)
    # 1,200.00 is no item and no sum: oldest due first is only a suggestion
    assert (one.state, (one.proposal or {})["kind"], (one.proposal or {})["applies"]) == ("open", "oldest", False)
    before = open_of(books)
    assert run(books, lambda work: matching.accept(work, key, one.version)) == "2233-WX99887766"
    assert open_of(books) | before == before and open_of(books)["INV-2026-001"] == 0 and open_of(books)["INV-2026-002"] == 30_000
    assert refused(books, lambda work: matching.accept(work, key, one.version)).code == "changed_meanwhile"
    done = line(books, key)
    assert refused(books, lambda work: matching.accept(work, key, done.version)).code == "line_not_open"
    assert refused(books, lambda work: matching.undo(work, key, done.version, " ")).code == "missing_reason"
    run(books, lambda work: matching.undo(work, key, done.version, "wrong customer"))
    again = line(books, key)
    assert open_of(books) == before and (again.state, again.credit_id, (again.proposal or {})["kind"]) == ("open", None, "oldest")
    assert verify.verify(books) == []
    assert run(books, lambda work: matching.accept(work, key, again.version)) == "2233-WX99887766-2"
    assert verify.verify(books) == []


def balances(runtime: Runtime, *days: date) -> list[int]:
    """What the journal says is owed, less what is unapplied, on each of the days."""
    with runtime.read(SYSTEM) as view:
        query = sa.select(sa.func.sum(Line.receivable + Line.unapplied))
        return [view.session.scalar(query.where(Line.day <= day)) or 0 for day in days]


def test_a_line_matched_anew_counts_once_on_every_day(books: Runtime, clock: FixedClock) -> None:
    """500.00 of C1 from 9 February, given to C2 by mistake and taken back on 10 March.

    By 28 February 3,170.00 are invoiced (1,000 + 500 + 1,000 + 100 + 200 + 300 + 70): 2,670.00 are owed, on that day and today,
    however often the line is matched. With February closed meanwhile, what is matched anew counts from 10 March, as the taking back does.
    """
    (key,) = add_lines(books, {"amount_minor": 50_000, "payer": "某某", "day": date(2026, 2, 9)})
    run(books, lambda work: matching.accept(work, key, 1, [(item_id(books, "INV-2026-003"), 50_000)], customer_no="C2", payer=Payer(True, "L-1")))
    days = (date(2026, 2, 28), date(2026, 3, 10))
    run(books, lambda work: matching.undo(work, key, line(books, key).version, "of C1"))
    assert balances(books, *days) == [317_000, 317_000]
    parts = [(item_id(books, "INV-2026-002"), 50_000)]
    run(books, lambda work: matching.accept(work, key, line(books, key).version, parts, customer_no="C1", payer=Payer(True, "L-1")))
    assert balances(books, *days) == [267_000, 267_000]
    run(books, lambda work: months.close(work, "2026-02"))
    run(books, lambda work: matching.undo(work, key, line(books, key).version, "of C2 after all"))
    assert balances(books, *days) == [267_000, 317_000]
    run(books, lambda work: matching.accept(work, key, line(books, key).version, customer_no="C2", payer=Payer(True, "L-1")))
    assert balances(books, *days) == [267_000, 267_000]
    assert verify.verify(books) == []


def test_a_line_is_split_over_two_customers_and_a_rest(books: Runtime) -> None:
    """1,300.00 of C1: 1,000.00 for his first invoice, 200.00 for C2's; 100.00 stay with C1. One receipt each; taken back together."""
    (key,) = add_lines(books, {"amount_minor": 130_000, "payer": "北京同仁堂"})
    run(books, lambda work: matching.propose(work))
    parts = [(item_id(books, "INV-2026-001"), 100_000), (item_id(books, "INV-2026-003"), 20_000)]
    run(books, lambda work: matching.accept(work, key, line(books, key).version, parts, customer_no="C1"))
    with books.read(SYSTEM) as view:
        made = view.session.execute(sa.select(Credit.amount_minor, Credit.open_minor, Credit.line_id).order_by(Credit.id)).all()
    assert [tuple(row) for row in made] == [(110_000, 10_000, key), (20_000, 0, key)]
    assert verify.verify(books) == []
    run(books, lambda work: matching.undo(work, key, line(books, key).version, "not so"))
    assert open_of(books)["INV-2026-001"] == 100_000 and open_of(books)["INV-2026-003"] == 100_000
    assert verify.verify(books) == []


def test_parts_beyond_the_line_or_the_item_are_refused(small: Runtime) -> None:
    (key,) = add_lines(small, {"amount_minor": 130_000, "payer": "北京同仁堂"})
    first, second = item_id(small, "INV-2026-001"), item_id(small, "INV-2026-002")
    assert refused(small, lambda work: matching.accept(work, key, 1, [(first, 100_000), (second, 50_000)], customer_no="C1")).code == "allocation_beyond_receipt"
    assert refused(small, lambda work: matching.accept(work, key, 1, [(second, 50_001)], customer_no="C1")).code == "allocation_beyond_item"
    assert refused(small, lambda work: matching.accept(work, key, 1)).code == "line_has_no_proposal"
    assert open_of(small)["INV-2026-001"] == 100_000 and verify.verify(small) == []


def test_a_third_party_needs_its_letter_and_is_known_from_then_on(small: Runtime) -> None:
    payer = {"payer": "某某贸易有限公司", "payer_account": "1100 2200 33"}
    first, second = add_lines(small, {"amount_minor": 100_000, "narrative": "代付 INV-2026-001", **payer}, {"amount_minor": 50_000, "narrative": "货款", **payer})
    run(small, lambda work: matching.propose_and_apply(work))
    waits = line(small, first)
    assert waits.state == "open" and line(small, second).proposal is None
    assert refused(small, lambda work: matching.accept(work, first, waits.version)).code == "payer_is_stranger"
    assert refused(small, lambda work: matching.accept(work, first, waits.version, payer=Payer(True, " "))).code == "letter_missing"
    run(small, lambda work: matching.accept(work, first, waits.version, payer=Payer(True, "letter of 2026-03-01")))
    assert run(small, lambda work: matching.propose_and_apply(work)).applied == 1  # 500.00 is his one open item of that amount
    with small.read(SYSTEM) as view:
        alias = view.session.scalars(sa.select(PayerAlias)).one()
        assert (alias.third_party, alias.letter, alias.account) == (True, "letter of 2026-03-01", "1100 2200 33")
    (other,) = add_lines(small, {"amount_minor": 100, "payer": "王五", "payer_account": "1100220033"})  # another name on the same clearing account
    run(small, lambda work: matching.propose(work))
    assert line(small, other).proposal is None
    run(small, lambda work: matching.forget(work, alias.id))
    (third,) = add_lines(small, {"amount_minor": 100, "narrative": "货款", **payer})
    run(small, lambda work: matching.propose_and_apply(work))
    assert line(small, third).proposal is None and verify.verify(small) == []


def test_a_name_that_a_person_accepted_is_learned(small: Runtime) -> None:
    """13 of 14 characters are the same, so it waits once; the second time it is known."""
    payer = {"payer": "国药控股华北医疗器械供应链有限公司"}
    first, second = add_lines(small, {"amount_minor": 5_000, **payer}, {"amount_minor": 2_000, **payer})
    assert run(small, lambda work: matching.propose_and_apply(work)).applied == 0
    run(small, lambda work: matching.accept(work, first, line(small, first).version))
    assert run(small, lambda work: matching.propose_and_apply(work)).applied == 1
    assert line(small, second).state == "applied" and open_of(small)["G-77001"] == 0 and verify.verify(small) == []


def test_what_taking_back_leaves_nothing_learned(small: Runtime) -> None:
    """Known while one of the lines stands accepted; forgotten with the last of them; what a person entered stays."""
    payer = {"payer": "国药控股华北医疗器械供应链有限公司"}
    first, second = add_lines(small, {"amount_minor": 5_000, **payer}, {"amount_minor": 2_000, **payer})
    run(small, lambda work: matching.propose_and_apply(work))
    run(small, lambda work: matching.accept(work, first, line(small, first).version))
    owner = line(small, first).customer_id
    run(small, lambda work: matching.propose_and_apply(work))

    def known() -> list[str]:
        with small.read(SYSTEM) as view:
            return [alias.name for alias in view.session.scalars(sa.select(PayerAlias).where(PayerAlias.ended_at.is_(None)))]

    run(small, lambda work: matching.undo(work, first, line(small, first).version, "another firm"))
    assert known() == [payer["payer"]]
    run(small, lambda work: matching.undo(work, second, line(small, second).version, "another firm"))
    assert known() == []
    assert run(small, lambda work: matching.propose_and_apply(work)).applied == 0
    with small.read(SYSTEM) as view:
        number = view.session.get_one(Customer, owner).customer_no
    run(small, lambda work: matching.learn(work, "甲乙丙公司", None, number))
    (third,) = add_lines(small, {"amount_minor": 100, "payer": "甲乙丙公司"})
    run(small, lambda work: matching.propose(work))
    run(small, lambda work: matching.accept(work, third, line(small, third).version))
    run(small, lambda work: matching.undo(work, third, line(small, third).version, "refunded"))
    assert known() == ["甲乙丙公司"]
    assert verify.verify(small) == []


def test_a_running_account_takes_the_oldest_first_by_itself(books: Runtime) -> None:
    """250.00 of C3: 100.00 for A-1001, 150.00 of A-1002; marked as the legal default, and it can be taken back."""
    (key,) = add_lines(books, {"amount_minor": 25_000, "payer": "甲公司"})
    run(books, lambda work: matching.set_running(work, "C3", True, "framework contract"))
    assert run(books, lambda work: matching.propose_and_apply(work)).applied == 1
    assert open_of(books)["A-1001"] == 0 and open_of(books)["A-1002"] == 5_000 and (line(books, key).proposal or {})["legal"]
    run(books, lambda work: matching.undo(work, key, line(books, key).version, "he named another invoice by phone"))
    assert open_of(books)["A-1001"] == 10_000 and verify.verify(books) == []
    run(books, lambda work: matching.set_running(work, "C3", False))
    assert run(books, lambda work: matching.propose_and_apply(work)).applied == 0


def test_many_are_accepted_above_a_threshold_with_a_result_each(small: Runtime) -> None:
    """Two lines name the same invoice of 500.00: the first takes it, the second is refused and stays open, the third is unhurt."""
    ids = add_lines(
        small,
        {"amount_minor": 50_000, "payer": "北京同仁堂", "narrative": "INV-2026-002"},
        {"amount_minor": 50_000, "payer": "北京同仁堂", "narrative": "INV-2026-002"},
        {"amount_minor": 100_000, "payer": "上海医药", "narrative": "INV-2026-003"},
        {"amount_minor": 1_000, "payer": "上海医药"},
    )
    run(small, lambda work: matching.propose(work))
    results = run(small, lambda work: matching.accept_above(work, 90, LineWish()))
    assert [(one.line_id, one.receipt is not None, one.refusal.code if one.refusal else None) for one in results] == [
        (ids[0], True, None),
        (ids[1], False, "allocation_beyond_item"),
        (ids[2], True, None),
    ]
    assert [line(small, key).state for key in ids] == ["applied", "open", "applied", "open"]
    assert refused(small, lambda work: matching.accept_above(work, 0)).code == "bad_threshold"
    assert verify.verify(small) == []


def test_two_equal_lines_do_not_take_one_item_twice(small: Runtime) -> None:
    """The second sees what the first took: 500.00 are open nowhere any more but as a part of 1,000.00, which waits for a person."""
    first, second = add_lines(small, {"amount_minor": 50_000, "payer": "北京同仁堂"}, {"amount_minor": 50_000, "payer": "北京同仁堂"})
    assert run(small, lambda work: matching.propose_and_apply(work)).applied == 1
    assert (line(small, first).state, line(small, second).state) == ("applied", "open")
    assert (line(small, second).proposal or {})["kind"] == "oldest"


def test_a_closed_month_keeps_a_line_open(small: Runtime) -> None:
    (key,) = add_lines(small, {"amount_minor": 50_000, "payer": "北京同仁堂", "day": date(2026, 2, 9)})
    run(small, lambda work: months.close(work, "2026-02"))
    assert run(small, lambda work: matching.propose_and_apply(work)).applied == 0
    assert line(small, key).state == "open"
    assert refused(small, lambda work: matching.accept(work, key, line(small, key).version)).code == "month_closed"
    assert verify.verify(small) == []


def test_a_line_is_set_aside_and_brought_back(small: Runtime) -> None:
    (key,) = add_lines(small, {"amount_minor": 50_000, "payer": "税务局"})
    run(small, lambda work: matching.ignore(work, key, 1, "tax refund"))
    assert (line(small, key).state, line(small, key).reason) == ("ignored", "tax refund")
    run(small, lambda work: matching.undo(work, key, 2, "looked again"))
    assert line(small, key).state == "open"
    assert refused(small, lambda work: matching.undo(work, key, line(small, key).version, "x")).code == "line_not_done"


def test_a_receipt_that_was_voided_elsewhere_does_not_stand_in_the_way(small: Runtime) -> None:
    (key,) = add_lines(small, {"amount_minor": 50_000, "payer": "北京同仁堂"})
    run(small, lambda work: matching.propose_and_apply(work))
    run(small, lambda work: receipts.void(work, "receipt", _receipt_of(work, key), "typed twice"))
    run(small, lambda work: matching.undo(work, key, line(small, key).version, "again"))
    assert line(small, key).state == "open" and verify.verify(small) == []


def _receipt_of(work: Any, key: int) -> str:
    return str(work.session.scalars(sa.select(Credit.number).where(Credit.line_id == key)).one())


def test_only_who_may_allocate_matches(small: Runtime) -> None:
    (key,) = add_lines(small, {"amount_minor": 50_000, "payer": "北京同仁堂"})
    for role in (Role.REP, Role.MANAGER, Role.AUDITOR, Role.ADMIN):
        actor = Actor("x", 1, role, ALL)
        for act in (lambda work: matching.accept(work, key, 1), lambda work: matching.propose(work), lambda work: matching.learn(work, "a", None, "C1")):
            with pytest.raises(Forbidden):
                small.write(actor, act)
    with pytest.raises(NotFound):
        small.write(SYSTEM, lambda work: matching.accept(work, 999_999_999, 1))


def test_an_advance_is_kept_for_its_order(books: Runtime) -> None:
    """The payer's word binds: 500.00 would settle INV-2026-002, but it is for order SO-2026-7, so nothing is settled (S13)."""
    first, second = add_lines(
        books,
        {"amount_minor": 50_000, "payer": "北京同仁堂", "narrative": "预付款 订单 SO-2026-7"},
        {"amount_minor": 50_000, "payer": "北京同仁堂", "narrative": "预付款"},
    )
    assert run(books, lambda work: matching.propose_and_apply(work)).applied == 0
    run(books, lambda work: matching.accept(work, first, line(books, first).version))
    assert refused(books, lambda work: matching.accept(work, second, line(books, second).version)).code == "order_missing"
    with books.read(SYSTEM) as view:
        credit = view.session.scalars(sa.select(Credit)).one()
        assert (credit.order_no, credit.open_minor, credit.prepaid_minor) == ("SO-2026-7", 0, 50_000)
    assert open_of(books)["INV-2026-002"] == 50_000 and verify.verify(books) == []
    run(books, lambda work: matching.undo(work, first, line(books, first).version, "no such order"))
    assert verify.verify(books) == []


def test_a_member_of_a_group_is_settled_with_the_same_receipt(small: Runtime) -> None:
    """C1 pays 1,000.00 for his own invoice and 100.00 for A-1001 of C3, which belongs to him: one receipt."""
    assert not take_in(small, "customers", "customer_no,name,parent_no\nC3,甲公司,C1\n").refused
    (key,) = add_lines(small, {"amount_minor": 110_000, "payer": "北京同仁堂"})
    parts = [(item_id(small, "INV-2026-001"), 100_000), (item_id(small, "A-1001"), 10_000)]
    run(small, lambda work: matching.accept(work, key, 1, parts, customer_no="C1"))
    with small.read(SYSTEM) as view:
        assert view.session.scalars(sa.select(Credit.amount_minor)).all() == [110_000]
    assert open_of(small)["A-1001"] == 0 and verify.verify(small) == []


def test_a_parent_pays_for_its_members_with_one_receipt(books: Runtime) -> None:
    """C1 heads C3 and C4 and pays 370.00 naming A-1003 (300.00) and G-77001 (70.00): proposed, accepted as one receipt, taken back exactly."""
    assert not take_in(books, "customers", "customer_no,name,parent_no\nC3,甲公司,C1\nC4,国药控股华东医疗器械供应链有限公司,C3\n").refused
    before = open_of(books)
    key, sister = add_lines(
        books,
        {"amount_minor": 37_000, "payer": "北京同仁堂股份有限公司", "narrative": "A-1003 G-77001"},
        {"amount_minor": 37_000, "payer": "甲公司", "narrative": "G-77001 INV-2026-001"},
    )
    assert run(books, lambda work: matching.propose_and_apply(work)).applied == 0
    found = line(books, key)
    assert (found.score, (found.proposal or {})["kind"], (found.proposal or {})["parts"]) == (90, "group", [[item_id(books, "A-1003"), 30_000], [item_id(books, "G-77001"), 7_000]])
    assert (line(books, sister).proposal or {})["kind"] != "group"  # a member does not pay for its parent by itself
    run(books, lambda work: matching.accept(work, key, found.version))
    with books.read(SYSTEM) as view:
        credit = view.session.scalars(sa.select(Credit)).one()
        assert (credit.amount_minor, credit.open_minor, credit.customer_id) == (37_000, 0, found.customer_id)
        assert view.session.scalars(sa.select(Item.customer_id).where(Item.document_no == "A-1003")).one() != credit.customer_id  # the debtor stays
    assert (open_of(books)["A-1003"], open_of(books)["G-77001"]) == (0, 0) and verify.verify(books) == []
    run(books, lambda work: matching.undo(work, key, line(books, key).version, "wrong group"))
    assert open_of(books) == before and line(books, key).state == "open" and (line(books, key).proposal or {})["kind"] == "group"
    assert verify.verify(books) == []
