"""Write-offs, tails, credits, set-offs, refunds and rebates: asked for, decided by others, posted, recovered, reversed (S12, S29, P13, P18)."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from collect.domain.errors import Forbidden, NotFound, Refusal
from collect.domain.rights import ALL, SYSTEM, Actor, Role, Scope
from collect.runtime import Runtime
from collect.services import adjustments, cash, months, rebates, receipts, verify
from collect.services.adjustments import Ask
from collect.storage import adjustments as storage
from collect.storage.adjustments import Adjustment, Rebate
from collect.storage.cash import Credit
from collect.storage.users import User
from tests.conftest import FixedClock
from tests.services.test_settling import credit, ident, item, receive, total
from tests.taking_in import take_in
from tests.tampering import findings_after

# Today is 10 March 2026; one manager decides up to 10,000.00 CNY. C1 owes A1 8,000.00, A2 12,000.00, A3 100.00; C2 nothing.
CUSTOMERS = "customer_no,name,currency\nC1,甲公司,CNY\nC2,乙公司,CNY\n"
INVOICES = (
    "invoice_no,customer_no,issue_date,due_date,currency,amount\n"
    "A1,C1,2026-01-02,2026-02-01,CNY,8000.00\nA2,C1,2026-01-02,2026-02-01,CNY,12000.00\nA3,C1,2026-01-02,2026-02-01,CNY,100.00\n"
)


class Office:
    """The books with a finance person and two managers."""

    def __init__(self, runtime: Runtime, clock: FixedClock) -> None:
        self.runtime, self.clock = runtime, clock
        self.people: dict[str, Actor] = {}
        for place, (name, role) in enumerate((("fang", Role.FINANCE), ("mei", Role.MANAGER), ("ning", Role.MANAGER)), 50):
            person = User(id=place, username=name, name=name, role=role.value, password_hash="-", recorded_at=clock.now)
            runtime.write(SYSTEM, lambda work, person=person: work.session.add(person))
            self.people[name] = Actor(name, place, role, ALL)

    def ask(self, who: str, kind: str, parts: dict[str, int], reason: str = "other", **more: str) -> Adjustment:
        wanted = tuple(((credit if kind == "refund" else item)(self.runtime, name).id, minor) for name, minor in parts.items())
        asked = Ask(kind, wanted, reason, "the file of the case", **more)
        return self.runtime.write(self.people[who], lambda work: adjustments.request(work, "C1", asked))

    def approve(self, who: str, key: int, version: int = 1) -> Adjustment:
        return self.runtime.write(self.people[who], lambda work: adjustments.approve(work, key, version, "agreed"))


@pytest.fixture
def office(runtime: Runtime, clock: FixedClock) -> Office:
    clock.set("2026-03-10T04:00:00")
    assert not take_in(runtime, "customers", CUSTOMERS).refused
    assert not take_in(runtime, "invoices", INVOICES).refused
    return Office(runtime, clock)


def opens(runtime: Runtime) -> list[int]:
    return [item(runtime, number).open_minor for number in ("A1", "A2", "A3")]


def test_a_write_off_waits_for_somebody_else_and_counts_once(office: Office) -> None:
    """8,000.00 of A1 written off on 10 March by one manager: 20,100.00 - 8,000.00 = 12,100.00; the day before as it was."""
    row = office.ask("mei", "write_off", {"A1": 800000}, "uncollectable")
    assert (row.level, row.state, opens(office.runtime)[0]) == (1, "open", 800000)
    with pytest.raises(Refusal, match="own_proposal"):
        office.approve("mei", row.id)
    with pytest.raises(Forbidden):
        office.approve("fang", row.id)
    with pytest.raises(Forbidden):
        office.runtime.write(SYSTEM, lambda work: adjustments.approve(work, row.id, 1))
    with pytest.raises(Refusal, match="adjustment_beyond_open"):
        office.ask("fang", "write_off", {"A1": 1})
    assert office.approve("ning", row.id).state == "approved"
    assert office.approve("ning", row.id).state == "approved"
    assert opens(office.runtime) == [0, 1200000, 10000]
    with pytest.raises(Refusal, match="adjustment_decided"):
        office.runtime.write(office.people["mei"], lambda work: adjustments.withdraw(work, row.id, 2))
    assert (total(office.runtime, "C1", "2026-03-10"), total(office.runtime, "C1", "2026-03-09")) == (("12100.00", "0.00"), ("20100.00", "0.00"))
    with office.runtime.read(SYSTEM) as view:
        assert view.session.scalar(sa.select(sa.func.count()).select_from(Credit)) == 1
    assert verify.verify(office.runtime) == []


def test_beyond_the_limit_two_different_managers_have_to_agree(office: Office) -> None:
    row = office.ask("fang", "write_off", {"A2": 1200000})
    assert row.level == 2
    assert office.approve("mei", row.id).state == "open"
    assert office.approve("mei", row.id).state == "open"
    assert opens(office.runtime)[1] == 1200000
    with pytest.raises(Refusal, match="changed_meanwhile"):
        office.approve("ning", row.id, 1)
    assert office.approve("ning", row.id, 2).state == "approved"
    assert opens(office.runtime)[1] == 0
    assert verify.verify(office.runtime) == []


def test_refused_and_withdrawn_requests_post_nothing(office: Office) -> None:
    first, second = office.ask("fang", "write_off", {"A1": 1}), office.ask("fang", "credit", {"A2": 1}, "price")
    with pytest.raises(Refusal, match="missing_reason"):
        office.runtime.write(office.people["mei"], lambda work: adjustments.refuse(work, first.id, 1, " "))
    office.runtime.write(office.people["mei"], lambda work: adjustments.refuse(work, first.id, 1, "they can pay"))
    with pytest.raises(Refusal, match="not_your_request"):
        office.runtime.write(office.people["mei"], lambda work: adjustments.withdraw(work, second.id, 1))
    office.runtime.write(office.people["fang"], lambda work: adjustments.withdraw(work, second.id, 1))
    assert opens(office.runtime) == [800000, 1200000, 10000]
    assert verify.verify(office.runtime) == []


def test_a_request_nobody_decides_expires_and_may_be_asked_again(office: Office) -> None:
    """The policy gives 30 days: asked on 10 March, good through 8 April, gone from 9 April on, even with one manager of two; nothing is posted."""
    first, second = office.ask("fang", "write_off", {"A1": 800000}, "uncollectable"), office.ask("fang", "write_off", {"A2": 1200000})
    assert (first.expires_on, office.approve("mei", second.id).state) == (date(2026, 4, 9), "open")
    office.clock.set("2026-04-08T04:00:00")
    assert office.runtime.write(SYSTEM, lambda work: adjustments.expire(work, work.today)) == 0
    with pytest.raises(Refusal, match="adjustment_beyond_open"):
        office.ask("fang", "write_off", {"A1": 1})
    office.clock.set("2026-04-09T04:00:00")
    for who, key, version in (("ning", first.id, 1), ("ning", second.id, 2)):
        with pytest.raises(Refusal, match="adjustment_expired"):
            office.approve(who, key, version)
    again = office.ask("fang", "write_off", {"A1": 800000}, "uncollectable")  # what expired blocks nothing
    with office.runtime.read(SYSTEM) as view:
        states = {row.id: row.state for row in view.session.scalars(sa.select(Adjustment))}
        assert states == {first.id: "expired", second.id: "expired", again.id: "open"}
    with pytest.raises(Refusal, match="adjustment_decided"):
        office.approve("ning", first.id, 2)
    assert office.approve("ning", again.id).state == "approved"
    assert opens(office.runtime) == [0, 1200000, 10000] and verify.verify(office.runtime) == []


def test_money_for_what_was_written_off_brings_the_debt_back_on_its_day(office: Office) -> None:
    """A1 written off on 10 March (8,000.00). On 20 March 5,000.00 came in (paid on the 18th): recovered for A1.

    From the 18th on 3,000.00 stay written off, 5,000.00 are paid, nothing is open; on the 15th all 8,000.00 were
    written off; on the 9th open. C1's total: 12,100.00 from the 10th on, and no money unapplied after the 20th's entry.
    """
    row = office.ask("fang", "write_off", {"A1": 800000})
    office.approve("mei", row.id)
    office.clock.set("2026-03-20T04:00:00")
    receive(office.runtime, "C1", "P-1", 500000, day=date(2026, 3, 18))
    fang = office.people["fang"]
    with pytest.raises(Refusal, match="recovery_beyond"):
        office.runtime.write(fang, lambda work: adjustments.recover(work, "P-1", "A1", 500001))
    with pytest.raises(Refusal, match="nothing_written_off"):
        office.runtime.write(fang, lambda work: adjustments.recover(work, "P-1", "A2"))
    assert office.runtime.write(fang, lambda work: adjustments.recover(work, "P-1", "A1")) == 500000
    assert (credit(office.runtime, "P-1").open_minor, opens(office.runtime)[0], item(office.runtime, "A1").closed_on) == (0, 0, date(2026, 3, 18))
    again = credit(office.runtime, f"WO-{row.id}-R2")
    assert (again.amount_minor, again.day, credit(office.runtime, f"WO-{row.id}").voided_on) == (300000, date(2026, 3, 18), date(2026, 3, 18))
    for day, told in (("2026-03-09", "20100.00"), ("2026-03-15", "12100.00"), ("2026-03-18", "12100.00"), ("2026-03-20", "12100.00")):
        assert total(office.runtime, "C1", day) == (told, "0.00"), day
    assert verify.verify(office.runtime) == []
    receive(office.runtime, "C1", "P-2", 400000, day=date(2026, 3, 19))
    assert office.runtime.write(fang, lambda work: adjustments.recover(work, "P-2", "A1")) == 300000
    assert (credit(office.runtime, "P-2").open_minor, opens(office.runtime)[0]) == (100000, 0)
    assert verify.verify(office.runtime) == []


def test_a_payment_short_less_rebate_becomes_a_credit_request_and_then_a_rebate_granted(office: Office) -> None:
    """Earned 300.00; C1 pays A1 with 7,750.00 "less rebate" 250.00: a credit request of 250.00; approved, 50.00 are left of the rebate."""
    fang = office.people["fang"]
    office.runtime.write(fang, lambda work: rebates.enter(work, "C1", date(2026, 3, 1), "CNY", 30000, "first quarter"))
    receive(office.runtime, "C1", "P-1", 775000, {"A1": 775000})
    row = office.ask("fang", "credit", {"A1": 25000}, "rebate")
    office.approve("mei", row.id)
    assert opens(office.runtime)[0] == 0
    assert (credit(office.runtime, f"CR-{row.id}").kind, balance(office.runtime)) == ("credit_note", 5000)
    assert verify.verify(office.runtime) == []
    office.runtime.write(office.people["mei"], lambda work: adjustments.reverse(work, row.id, 2, "not agreed after all"))
    assert (opens(office.runtime)[0], balance(office.runtime)) == (25000, 30000)
    with office.runtime.read(SYSTEM) as view:
        first = view.session.scalars(sa.select(Rebate).order_by(Rebate.id)).first()
    assert first is not None
    office.runtime.write(fang, lambda work: rebates.reverse(work, first.id, "counted twice"))
    with pytest.raises(Refusal, match="already_reversed"):
        office.runtime.write(fang, lambda work: rebates.reverse(work, first.id, "again"))
    assert balance(office.runtime) == 0
    assert verify.verify(office.runtime) == []


def balance(runtime: Runtime) -> int:
    with runtime.read(SYSTEM) as view:
        return sum(row.amount_minor for row in storage.load_rebates(view.session, SYSTEM.scope, ident(runtime, "C1")))


def test_money_paid_back_leaves_the_receipt_and_no_debt(office: Office) -> None:
    """P-1 of 900.00: 100.00 settle A3, 800.00 over; 500.00 go back: 300.00 stay unapplied, 20,000.00 - 300.00 owed net."""
    receive(office.runtime, "C1", "P-1", 90000, {"A3": 10000})
    row = office.ask("fang", "refund", {"P-1": 50000}, "overpaid")
    assert credit(office.runtime, "P-1").open_minor == 80000
    office.approve("mei", row.id)
    assert credit(office.runtime, "P-1").open_minor == 30000
    assert (total(office.runtime, "C1", "2026-03-10"), total(office.runtime, "C1", "2026-03-09")) == (("19700.00", "-300.00"), ("19200.00", "-800.00"))
    paid = item(office.runtime, f"RF-{row.id}")
    assert (paid.kind, paid.open_minor, paid.closed_on) == ("refund", 0, date(2026, 3, 10))
    with office.runtime.read(SYSTEM) as view:
        latest = view.session.execute(sa.text("SELECT max(id) FROM allocation")).scalar_one()
        accounts = view.session.execute(sa.text("SELECT account, sum(contra) FROM ledger_line WHERE account = 'bank' GROUP BY account")).all()
    assert accounts == [("bank", 40000)]  # 900.00 in, 500.00 out
    with pytest.raises(Refusal, match="undo_as_whole"):
        office.runtime.write(office.people["fang"], lambda work: cash.unapply(work, latest, "no"))
    assert verify.verify(office.runtime) == []
    office.runtime.write(office.people["ning"], lambda work: adjustments.reverse(work, row.id, 2, "the bank sent it back"))
    assert credit(office.runtime, "P-1").open_minor == 80000
    assert verify.verify(office.runtime) == []


def test_a_set_off_among_three_parties_is_two_entries_of_one_document(office: Office) -> None:
    """C2 takes 3,000.00 of A1 over under agreement DZ-1: C1 owes 17,100.00, C2 3,000.00; the account between them is even."""
    with pytest.raises(Refusal, match="other_party_missing"):
        office.ask("fang", "set_off", {"A1": 300000}, "three_parties", document="DZ-1", other_no="C9")
    with pytest.raises(Refusal, match="document_number_missing"):
        office.ask("fang", "set_off", {"A1": 300000}, "payables")
    row = office.ask("fang", "set_off", {"A1": 300000}, "three_parties", document="DZ-1", other_no="C2")
    office.approve("mei", row.id)
    assert (total(office.runtime, "C1", "2026-03-10")[0], total(office.runtime, "C2", "2026-03-10")[0]) == ("17100.00", "3000.00")
    with office.runtime.read(SYSTEM) as view:
        assert view.session.execute(sa.text("SELECT sum(contra) FROM ledger_line WHERE account = 'payables'")).scalar_one() == 0
    with pytest.raises(Refusal, match="undo_as_whole"):
        office.runtime.write(office.people["fang"], lambda work: receipts.void(work, "set_off", "DZ-1", "no"))
    assert verify.verify(office.runtime) == []
    office.runtime.write(office.people["mei"], lambda work: adjustments.reverse(work, row.id, 2, "the agreement fell through"))
    assert (total(office.runtime, "C1", "2026-03-10")[0], total(office.runtime, "C2", "2026-03-10")[0]) == ("20100.00", "0.00")
    assert verify.verify(office.runtime) == []


def test_a_debt_that_passes_to_another_customer_keeps_its_age(office: Office, clock: FixedClock) -> None:
    """C2 takes 3,000.00 of A1 and A3's 100.00 over, both due 1 February: on 10 March (37 days) C2 owes 3,100.00 overdue, C1 17,000.00.

    On 9 March nothing had passed: C1 owed 20,100.00. Reversed, both items of the document go.
    """
    row = office.ask("fang", "set_off", {"A1": 300000, "A3": 10000}, "transfer", document="ZR-1", other_no="C2")
    office.approve("mei", row.id)
    with office.runtime.read(SYSTEM) as view:
        told = view.session.execute(sa.text("SELECT part, parts, due_date, open_minor FROM item WHERE document_no = 'ZR-1' ORDER BY part")).all()
    assert [(part, parts, str(due).replace("-", ""), rest) for part, parts, due, rest in told] == [(1, 2, "20260201", 300000), (2, 2, "20260201", 10000)]
    assert (total(office.runtime, "C1", "2026-03-10")[0], total(office.runtime, "C2", "2026-03-10")[0]) == ("17000.00", "3100.00")
    assert (total(office.runtime, "C1", "2026-03-09")[0], total(office.runtime, "C2", "2026-03-09")[0]) == ("20100.00", "0.00")
    assert verify.verify(office.runtime) == []
    office.runtime.write(office.people["mei"], lambda work: adjustments.reverse(work, row.id, 2, "C2 did not sign"))
    assert (total(office.runtime, "C1", "2026-03-10")[0], total(office.runtime, "C2", "2026-03-10")[0]) == ("20100.00", "0.00")
    assert verify.verify(office.runtime) == []


def test_more_settled_on_a_past_day_than_there_was_is_found(sqlite_runtime: Runtime, clock: FixedClock) -> None:
    """A3 of 100.00: settled by P-1 on the 10th, taken back on the 12th, settled by P-2 on the 13th. Put P-2 on the 11th: 200.00 that day."""
    clock.set("2026-03-10T04:00:00")
    office = Office(sqlite_runtime, clock) if not take_in(sqlite_runtime, "customers", CUSTOMERS).refused and not take_in(sqlite_runtime, "invoices", INVOICES).refused else None
    assert office is not None
    receive(sqlite_runtime, "C1", "P-1", 10000, {"A3": 10000})
    with sqlite_runtime.read(SYSTEM) as view:
        first = view.session.execute(sa.text("SELECT max(id) FROM allocation")).scalar_one()
    clock.set("2026-03-12T04:00:00")
    sqlite_runtime.write(office.people["fang"], lambda work: cash.unapply(work, first, "not theirs"))
    clock.set("2026-03-13T04:00:00")
    receive(sqlite_runtime, "C1", "P-2", 10000)
    sqlite_runtime.write(office.people["fang"], lambda work: cash.apply(work, "receipt", "P-2", "A3", 10000, date(2026, 3, 13)))
    assert verify.verify(sqlite_runtime) == []
    assert "proof_day" in findings_after(sqlite_runtime, "UPDATE allocation SET effective = 20260311 WHERE id = (SELECT max(id) FROM allocation)")


def test_tails_are_listed_and_go_only_by_a_managers_reason(office: Office) -> None:
    """A1 paid but for 80.00 (1 % of 8,000.00), A2 but for 100.01 (over 100.00), A3 but for 1.00 (1 %): tails are A1 and A3."""
    receive(office.runtime, "C1", "P-1", 792000, {"A1": 792000})
    receive(office.runtime, "C1", "P-2", 1189999, {"A2": 1189999})
    receive(office.runtime, "C1", "P-3", 9900, {"A3": 9900})
    charges = office.ask("fang", "credit", {"A3": 100}, "bank_charges")
    assert listed(office) == ["A1"]
    office.runtime.write(office.people["fang"], lambda work: adjustments.withdraw(work, charges.id, 1))
    assert listed(office) == ["A1", "A3"]
    chosen = [item(office.runtime, number).id for number in ("A1", "A3")]
    with pytest.raises(Forbidden):
        office.runtime.write(office.people["fang"], lambda work: adjustments.write_off_tails(work, chosen, "small"))
    with pytest.raises(Refusal, match="missing_reason"):
        office.runtime.write(office.people["mei"], lambda work: adjustments.write_off_tails(work, chosen, ""))
    with pytest.raises(Refusal, match="tail_gone"):
        office.runtime.write(office.people["mei"], lambda work: adjustments.write_off_tails(work, [*chosen, item(office.runtime, "A2").id], "small"))
    assert office.runtime.write(office.people["mei"], lambda work: adjustments.write_off_tails(work, chosen, "not worth a call")) == 2
    assert (listed(office), opens(office.runtime)) == ([], [0, 10001, 0])
    assert verify.verify(office.runtime) == []


def listed(office: Office) -> list[str]:
    with office.runtime.read(SYSTEM) as view:
        return [tail.document_no for tail in storage.load_tails(view.session, SYSTEM.scope, {"CNY": 10000}, 10)]


def test_what_is_not_seen_does_not_exist_and_closed_months_stay_closed(office: Office) -> None:
    row = office.ask("fang", "write_off", {"A1": 100})
    rep = Actor("rui", 99, Role.REP, Scope(frozenset({99})))
    with pytest.raises(NotFound):
        office.runtime.write(rep, lambda work: adjustments.withdraw(work, row.id, 1))
    with pytest.raises(NotFound):
        office.runtime.write(rep, lambda work: adjustments.request(work, "C1", Ask("write_off", ((1, 1),), "other", "x")))
    office.approve("mei", row.id)
    receive(office.runtime, "C1", "P-1", 100, day=date(2026, 3, 10))
    office.clock.set("2026-04-02T04:00:00")
    office.runtime.write(SYSTEM, lambda work: months.close(work, "2026-03"))
    with pytest.raises(Refusal, match="month_closed"):
        office.runtime.write(office.people["fang"], lambda work: adjustments.recover(work, "P-1", "A1"))
    assert opens(office.runtime)[0] == 799900
    assert verify.verify(office.runtime) == []


CHANGES = (
    ("UPDATE adjustment SET amount_minor = 1 WHERE kind = 'write_off'", "proof_adjustment"),
    ("UPDATE adjustment SET decided_by = requested_by WHERE kind = 'write_off'", "proof_adjustment"),
    ("UPDATE adjustment SET state = 'approved' WHERE state = 'open'", "proof_adjustment"),
    ("UPDATE credit SET adjustment_id = NULL WHERE kind = 'write_off'", "proof_written_off"),
    ("UPDATE credit SET kind = 'receipt' WHERE kind = 'write_off'", "proof_line"),
    ("UPDATE item SET kind = 'invoice' WHERE kind = 'refund'", "proof_line"),
    ("UPDATE rebate SET amount_minor = amount_minor + 1", "proof_rebate"),
)


def test_a_change_behind_the_program_is_found(sqlite_runtime: Runtime, clock: FixedClock) -> None:
    clock.set("2026-03-10T04:00:00")
    take_in(sqlite_runtime, "customers", CUSTOMERS)
    take_in(sqlite_runtime, "invoices", INVOICES)
    office = Office(sqlite_runtime, clock)
    office.approve("mei", office.ask("fang", "write_off", {"A1": 800000}).id)
    receive(sqlite_runtime, "C1", "P-1", 90000)
    office.approve("mei", office.ask("fang", "refund", {"P-1": 50000}, "overpaid").id)
    office.ask("fang", "credit", {"A2": 100}, "price")
    sqlite_runtime.write(office.people["fang"], lambda work: rebates.enter(work, "C1", date(2026, 3, 1), "CNY", 100, "x") and None)
    assert verify.verify(sqlite_runtime) == []
    for change, code in CHANGES:
        assert code in findings_after(sqlite_runtime, change), change
