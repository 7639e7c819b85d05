"""Which customer's debts a bank line pays: evidence in the order of S13, what applies itself, and what waits for a person.

A line is matched inside one customer only: the one who is known by his name, his account or a learned payer, or the one
whose invoices the payer names. Two customers are never told apart by an amount.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from collect.domain import application, payers, precedence
from collect.domain.precedence import Precedence
from collect.domain.terms import EarlyPayment

MOST_TO_APPLY = 12
"""Among so many open items a sum that only one choice of them makes is evidence (S13); among more it may be chance."""
MOST_SEARCHED = 20
"""Among so many such a choice is still looked for, as a suggestion."""


class Open(NamedTuple):
    """An open item of a customer; `open` minor units. `about` is the number of the document that a claim is about (S14),
    `early` what the item grants for early payment.
    """

    id: int
    document_no: str
    kind: str
    currency: str
    issued: date
    due: date | None
    open: int
    about: str | None = None
    early: EarlyPayment | None = None

    def net(self, day: date | None) -> int:
        """What settles it when it is paid on a day: less its discount through the last day of that (inclusive)."""
        return self.open - self.early.minor if self.early is not None and day is not None and day <= self.early.until else self.open

    def less(self, paid: int, day: date | None) -> Open:
        """The item after so much of it was paid on a day, with the discount which that earned."""
        off = application.discount(paid, self.open, day, self.early) if day is not None else 0
        return self._replace(open=self.open - paid - off, early=None)


class Line(NamedTuple):
    """What the bank tells of money that came in on `day`; `amount` minor units, negative when it went out.

    `principal`: the payer writes that he pays the principal and nothing else.
    """

    amount: int
    currency: str
    payer: str | None
    reversal: bool = False
    advance: bool = False
    order_no: str | None = None
    principal: bool = False
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A customer that the line may be from. `how`: account, alias (learned), name, or named (only his invoices are named).

    `score` is that of `payers.score`, 100 for what was learned, 0 where the payer's name says nothing of him.
    `third_party` pays for him with the letter of that reference. `items` are all his open ones, in any currency. `order`
    is what the law or his contract lets unmarked money settle first. `head` is the company at the head of his group.
    """

    customer_id: int
    name: str
    how: str
    score: int
    items: tuple[Open, ...] = ()
    running: bool = False
    third_party: bool = False
    letter: str | None = None
    order: Precedence = precedence.NONE
    head: int | None = None

    @property
    def known(self) -> bool:
        """Whether the payer is this customer, or pays for him as learned."""
        return self.score >= payers.KNOWN


class Named(NamedTuple):
    """A document of ours that the payer named: its open items (none: settled), and where and how surely he did."""

    customer_id: int
    document_no: str
    item_ids: tuple[int, ...]
    in_reference: bool
    exact: bool
    strong: bool


class Evidence(NamedTuple):
    """One reason, as a code with parameters: the pages have the sentence."""

    code: str
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed for a line: the customer, (item id, minor units) parts in order, and what stays unapplied.

    `kind`: reference, narrative, group, one_item, subset, running, oldest, advance, nothing_open, settled. `applies`: without a person
    (S13); `legal`: by the order that the law names, to be undone at will. `score` 0 to 100.
    """

    kind: str
    customer_id: int
    parts: tuple[tuple[int, int], ...]
    rest: int
    score: int
    applies: bool
    evidence: tuple[Evidence, ...] = field(default=())
    legal: bool = False
    order_no: str | None = None


def propose(line: Line, candidates: Sequence[Candidate], named: Sequence[Named]) -> Proposal | None:
    """The proposal for a line, or None where nothing but its amount could be compared (S13). Reversals are never matched."""
    if line.reversal or line.amount <= 0:
        return None
    known = _known(candidates)
    by_numbers = _by_numbers(line, candidates, known, named)
    if line.advance:
        return _advance(line, known or _best(candidates), by_numbers)
    if by_numbers is not None and (by_numbers.kind != "settled" or known is None or known.customer_id != by_numbers.customer_id):
        return by_numbers
    if known is not None:
        found = _within(line, known)
        return found if by_numbers is None else _against_his_word(found, by_numbers)
    best = _best(candidates)
    if best is None:
        return None
    return _doubtful(_within(line, best), line, best, sum(one.known for one in candidates) > 1)


def _known(candidates: Sequence[Candidate]) -> Candidate | None:
    """The one customer the payer is; None where two could be meant. What was learned goes before names."""
    for how in ("account", "alias", "name"):
        found = {one.customer_id: one for one in candidates if one.how == how and one.known}
        if found:
            top = max(one.score for one in found.values())
            first = [one for one in found.values() if one.score == top]
            if how == "name" and len(first) == 1 and (top == 100 or len(found) == 1):
                return first[0]
            return first[0] if len(found) == 1 else None
    return None


def _best(candidates: Sequence[Candidate]) -> Candidate | None:
    """The customer worth suggesting: the most alike, among equals the one of the smaller id."""
    worth = [one for one in candidates if one.how != "named" and one.score >= payers.SUGGESTED]
    return min(worth, key=lambda one: (-one.score, one.customer_id), default=None)


def _by_numbers(line: Line, candidates: Sequence[Candidate], known: Candidate | None, named: Sequence[Named]) -> Proposal | None:
    """The proposal of the documents the payer named: first, second and weaker evidence of S13, or None where none counts."""
    counted = [one for one in named if one.strong or (known is not None and known.customer_id == one.customer_id)]
    owners = sorted({one.customer_id for one in counted})
    if not owners:
        return None
    if known is not None and _heads(known, owners, candidates):
        return _for_group(line, known, candidates, counted)
    several = len(owners) > 1
    owner = known.customer_id if several and known is not None and known.customer_id in owners else owners[0]
    counted = [one for one in counted if one.customer_id == owner]
    customer = next((one for one in candidates if one.customer_id == owner), None)
    if customer is None:
        return None
    items = _items_of(line, customer, counted)
    if line.amount not in (sum(item.open for item in items), sum(item.net(line.day) for item in items)) and not all(one.strong for one in counted):
        counted = [one for one in counted if one.strong]  # a short number counts only where the amount confirms it
        items = _items_of(line, customer, counted)
    if not counted:
        return None
    asked = sum(item.open for item in items)
    in_reference = all(one.in_reference for one in counted)
    kind = "reference" if in_reference else "narrative"
    said = [Evidence("names_in_reference" if in_reference else "names_in_text", {"documents": [one.document_no for one in counted]})]
    if not asked:
        return Proposal("settled", owner, (), line.amount, 40, False, (*said, Evidence("named_is_settled", {}), *_payer_said(line, customer)))
    items, held, about = _claims_with(line, customer, items)
    asked = sum(item.open for item in items)
    said += about
    parts, rest = fill(items, line.amount)
    score, applies = 100 if in_reference else 98, True
    if (reduced := _reduced(items, line)) is not None:
        parts = reduced
        said.append(_less_discount(items, line, "sum_less_discount"))
    elif line.amount < asked:
        score, applies = (92, True) if len(items) == 1 else (75, False)
        said.append(Evidence("less_than_named", {"asked": asked, "amount": line.amount}))
    elif line.amount > asked:
        score, applies = 80, False
        said.append(Evidence("more_than_named", {"asked": asked, "rest": rest}))
    else:
        said.append(Evidence("sum_of_named", {"asked": asked}))
    if any(not one.exact for one in counted):
        score -= 2
        said.append(Evidence("zeros_forgiven", {}))
    score, applies, who = _payer_fits(line, customer, known, score, applies)
    said += who
    if several:
        score, applies = min(score, 60), False
        said.append(Evidence("several_customers", {"count": len(owners)}))
    if customer.known is False and not all(one.exact for one in counted):
        applies = False
    return Proposal(kind, owner, parts, rest, min(score, 90) if held else score, applies and not held, tuple(said))


def _claims_with(line: Line, customer: Candidate, items: list[Open]) -> tuple[list[Open], bool, list[Evidence]]:
    """What a payer settles who names invoices about which costs or interest were claimed, whether it waits, and why (S14).

    He pays exactly what he names, or writes that he means the principal: his word binds (where the law asks for the
    creditor's consent, a person gives it). Else he named the debt, and within it the law's or the contract's order goes.
    """
    numbers, taken = {item.document_no for item in items}, {item.id for item in items}
    claims = [item for item in customer.items if item.about in numbers and item.currency == line.currency and item.id not in taken and item.kind in customer.order.first]
    if not claims:
        return items, False, []
    told = {"documents": [claim.document_no for claim in legal_order(claims, customer.order)], "asked": sum(claim.open for claim in claims)}
    if line.principal:
        return items, customer.order.designation == "consent", [Evidence("claims_stay", told), _his_word(customer)]
    if sum(item.open for item in items) == line.amount:
        return items, False, [Evidence("claims_stay", told), Evidence("pays_what_he_names", {})]
    return legal_order([*items, *claims], customer.order), False, [Evidence("claims_first", told), _order_said(customer)]


def _his_word(customer: Candidate) -> Evidence:
    """That the payer means the principal alone, and whether his word is enough."""
    if customer.order.designation == "consent":
        return Evidence("principal_needs_consent", {"source": dict(customer.order.source)})
    return Evidence("principal_alone", {})


def _order_said(customer: Candidate) -> Evidence:
    """Which law or clause puts claimed costs and interest where they stand."""
    code = {"law": "by_law", "contract": "by_contract"}.get(customer.order.origin, "by_due_date")
    return Evidence(code, {"source": dict(customer.order.source)})


def _heads(known: Candidate, owners: Sequence[int], candidates: Sequence[Candidate]) -> bool:
    """Whether the payer stands at the head of a group whose members' documents he names."""
    heads = {one.customer_id: one.head for one in candidates}
    return known.head == known.customer_id and owners != [known.customer_id] and all(heads.get(owner) == known.customer_id for owner in owners)


def _for_group(line: Line, parent: Candidate, candidates: Sequence[Candidate], counted: Sequence[Named]) -> Proposal:
    """One receipt of the parent over the items of its members that it names, for a person to confirm: each debt stays its debtor's."""
    wanted, owned = {item_id for one in counted for item_id in one.item_ids}, {one.customer_id: one.items for one in candidates}
    items = legal_order([item for own in owned.values() for item in own if item.id in wanted and item.currency == line.currency], parent.order)
    asked, in_reference = sum(item.open for item in items), all(one.in_reference for one in counted)
    parts, rest = fill(items, line.amount)
    told = {"documents": [one.document_no for one in counted]}
    said = [Evidence("names_in_reference" if in_reference else "names_in_text", told)]
    said.append(Evidence("pays_for_group", {"name": parent.name, "count": len({one.customer_id for one in counted} - {parent.customer_id})}))
    if not asked:
        said.append(Evidence("named_is_settled", {}))
    elif line.amount == asked:
        said.append(Evidence("sum_of_named", {"asked": asked}))
    elif line.amount < asked:
        said.append(Evidence("less_than_named", {"asked": asked, "amount": line.amount}))
    else:
        said.append(Evidence("more_than_named", {"asked": asked, "rest": rest}))
    kind, score = "settled" if not asked else "group", 90 if line.amount == asked else 70 if asked else 40
    return Proposal(kind, parent.customer_id, parts, rest, min(score, parent.score), False, (*said, *_payer_said(line, parent)))


def _reduced(items: Sequence[Open], line: Line) -> tuple[tuple[int, int], ...] | None:
    """The parts that settle items with their discounts: all of them less all that is granted, or one that lacks no more than that."""
    nets = [item.net(line.day) for item in items]
    if line.amount == sum(nets) < sum(item.open for item in items):
        return tuple((item.id, net) for item, net in zip(items, nets, strict=True))
    return ((items[0].id, line.amount),) if len(items) == 1 and nets[0] <= line.amount < items[0].open else None


def _less_discount(items: Sequence[Open], line: Line, code: str, **more: Any) -> Evidence:
    """That the amount is what is open less the discount, and until when that was granted."""
    asked = sum(item.open for item in items)
    until = min(item.early.until for item in items if item.early is not None and item.net(line.day) < item.open)
    return Evidence(code, {**more, "asked": asked, "discount": asked - line.amount, "until": until.isoformat()})


def _items_of(line: Line, customer: Candidate, named: Sequence[Named]) -> list[Open]:
    wanted = {item_id for one in named for item_id in one.item_ids}
    return legal_order([item for item in customer.items if item.id in wanted and item.currency == line.currency], customer.order)


def _payer_fits(line: Line, customer: Candidate, known: Candidate | None, score: int, applies: bool) -> tuple[int, bool, list[Evidence]]:
    """What the payer's name says about the customer whose documents are named: another payer needs his letter."""
    if known is not None and known.customer_id == customer.customer_id:
        return score, applies, _payer_said(line, known)
    if known is not None:
        return min(score, 65), False, [Evidence("payer_is_customer", {"name": known.name}), Evidence("needs_letter", {"payer": line.payer or ""})]
    if not (line.payer or "").strip():
        return min(score, 95), applies, [Evidence("no_payer", {})]
    if customer.score >= payers.ALIKE:
        return min(score, customer.score), applies, _payer_said(line, customer)
    return min(score, 70), False, [Evidence("needs_letter", {"payer": line.payer})]


def _payer_said(line: Line, customer: Candidate) -> list[Evidence]:
    """How the payer is this customer."""
    if customer.third_party:
        return [Evidence("third_party", {"payer": line.payer or "", "letter": customer.letter or ""})]
    if customer.how in ("account", "alias"):
        return [Evidence("learned_account" if customer.how == "account" else "learned_name", {"payer": line.payer or ""})]
    if customer.how == "named" and not customer.score:
        return []
    branch = payers.branch_between(payers.read(line.payer or ""), payers.read(customer.name))
    if branch:
        return [Evidence("payer_is_branch" if branch == "payer" else "customer_is_branch", {"payer": line.payer or "", "name": customer.name, "score": customer.score})]
    code = "same_name" if customer.score == 100 else "same_core" if customer.known else "alike"
    return [Evidence(code, {"payer": line.payer or "", "name": customer.name, "score": customer.score})]


def _within(line: Line, customer: Candidate) -> Proposal:
    """The proposal inside one customer: one item, a sum of items, the running account, the oldest due first (S13)."""
    who = tuple(_payer_said(line, customer))
    items = legal_order([item for item in customer.items if item.currency == line.currency], customer.order)
    principal, held = [item for item in items if item.kind not in precedence.CLAIMED], False
    ordered = [_order_said(customer)] if 0 < len(principal) < len(items) and customer.order.origin != "none" else []
    if line.principal and ordered:
        items, held, ordered = principal, customer.order.designation == "consent", [_his_word(customer)]

    def made(kind: str, chosen: Sequence[Open], score: int, applies: bool, *said: Evidence, legal: bool = False) -> Proposal:
        parts, rest = fill(chosen, line.amount)
        if kind in ("one_item", "subset") and (reduced := _reduced(chosen, line)) is not None:
            parts, said = reduced, (*said, _less_discount(chosen, line, "less_discount"))
        return Proposal(kind, customer.customer_id, parts, rest, (score * customer.score + 50) // 100, applies and not held, (*said, *who), legal)

    if not items:
        return made("nothing_open", [], 45, False, Evidence("nothing_open", {}))
    same = [item for item in items if line.amount in (item.open, item.net(line.day))]
    if len(same) == 1:
        return made("one_item", same, 96, True, Evidence("one_item" if same[0].open == line.amount else "one_item_reduced", {"document": same[0].document_no}))
    noticed: list[Evidence] = []
    if same:
        noticed.append(Evidence("equal_items", {"count": len(same)}))
    else:
        small = [item for item in items if item.net(line.day) < line.amount]
        if 2 <= len(small) <= MOST_SEARCHED:
            sums = _choices(small, line)
            sure = len(small) <= MOST_TO_APPLY and len(sums) == 1
            if len(sums) == 1 and len(sums[0]) <= MOST_TO_APPLY:
                chosen = [small[at] for at in sums[0]]
                said = [Evidence("one_sum", {"documents": [item.document_no for item in chosen], "among": len(small)})]
                if not sure:
                    said.append(Evidence("many_items", {"among": len(small), "most": MOST_TO_APPLY}))
                return made("subset", chosen, 92 if sure else 75, sure, *said)
            if len(sums) > 1:
                noticed.append(Evidence("several_sums", {}))
    if customer.running:
        return made("running", items, 88, True, Evidence("running", {}), *ordered, *noticed, legal=True)
    if same:
        return made("oldest", same, 80, False, *noticed)
    return made("oldest", items, 55, False, *noticed, Evidence("oldest_first", {}), *ordered)


def _choices(items: Sequence[Open], line: Line) -> list[tuple[int, ...]]:
    """The choices of items that add up to the amount, as they are open or less their discounts; at most two are told."""
    found = subsets([item.open for item in items], line.amount)
    nets = [item.net(line.day) for item in items]
    if any(net < item.open for net, item in zip(nets, items, strict=True)):
        found += [choice for choice in subsets(nets, line.amount) if choice not in found]
    return found[:2]


def _doubtful(proposal: Proposal, line: Line, customer: Candidate, two: bool) -> Proposal:
    """The same proposal for a customer whose name is only alike, or one of two that are meant: it waits for a person."""
    said = [*proposal.evidence]
    if two:
        said.append(Evidence("two_customers", {"payer": line.payer or ""}))
    return Proposal(proposal.kind, proposal.customer_id, proposal.parts, proposal.rest, min(69, proposal.score - 15), False, tuple(said), proposal.legal)


def _against_his_word(proposal: Proposal, settled: Proposal) -> Proposal:
    """What he names is settled already: his word binds, so nothing else is settled with it before a person looked."""
    return Proposal(proposal.kind, proposal.customer_id, proposal.parts, proposal.rest, min(60, proposal.score), False, (*settled.evidence[:2], *proposal.evidence), proposal.legal)


def _advance(line: Line, customer: Candidate | None, by_numbers: Proposal | None) -> Proposal | None:
    """Money marked for an order is a prepayment, outside all matching: kept whole for a person to confirm (S13)."""
    marked = Evidence("advance", {"order": line.order_no or ""})
    if customer is not None:
        return Proposal("advance", customer.customer_id, (), line.amount, min(70, customer.score), False, (marked, *_payer_said(line, customer)), order_no=line.order_no)
    if by_numbers is not None:
        return Proposal("advance", by_numbers.customer_id, (), line.amount, 50, False, (marked, *by_numbers.evidence), order_no=line.order_no)
    return None


def legal_order(items: Sequence[Open], order: Precedence) -> list[Open]:
    """Items in the order in which money without a word settles them: what the law or contract puts first, each the oldest due first.

    (S14; Civil Code of China art. 560 and 561.) What has no due date yet comes last.
    """
    return sorted(items, key=lambda item: (order.rank(item.kind), item.due or date.max, item.issued, item.id))


def fill(items: Sequence[Open], amount: int) -> tuple[tuple[tuple[int, int], ...], int]:
    """The amount poured into the items in their order: the parts, and what is left (S15: never more than is open)."""
    parts, rest = [], amount
    for item in items:
        part = min(rest, item.open)
        if part > 0:
            parts.append((item.id, part))
            rest -= part
    return tuple(parts), rest


def subsets(amounts: Sequence[int], target: int) -> list[tuple[int, ...]]:
    """The choices of positive amounts that add up to the target, as places; at most two are told: one is unique, two are none.

    Meet in the middle: the sums of either half are formed once, so twenty amounts cost two thousand additions.
    """
    middle = len(amounts) // 2
    left, right = _sums(amounts[:middle]), _sums(amounts[middle:])
    by_sum: dict[int, list[int]] = {}
    for mask, total in enumerate(left):
        if total <= target:
            by_sum.setdefault(total, []).append(mask)
    found: list[tuple[int, ...]] = []
    for mask, total in enumerate(right):
        for other in by_sum.get(target - total, ()):
            whole = other | mask << middle
            if whole:
                found.append(tuple(at for at in range(len(amounts)) if whole >> at & 1))
                if len(found) == 2:
                    return found
    return found


def _sums(amounts: Sequence[int]) -> list[int]:
    """The sum of every choice, at the place whose bits say which are chosen."""
    sums = [0]
    for amount in amounts:
        sums += [total + amount for total in sums]
    return sums
