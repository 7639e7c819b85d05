"""Proposing what bank lines pay: the facts loaded for many lines in few statements, and the proposal kept on each line (S13)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

from rapidfuzz import fuzz, process
from sqlalchemy.orm import Session

from collect.domain import matching, payers, remittance
from collect.domain.matching import Candidate, Named, Open, Proposal
from collect.domain.precedence import Precedence
from collect.domain.rights import Scope
from collect.storage import bank_lines as storage
from collect.storage.bank import BankLine, PayerAlias
from collect.storage.cash import DEEPEST, load_parents
from collect.storage.discounts import load_offers

MOST_KEYS = 400_000
"""So many pieces of text are looked up at once; a longer batch of lines is done in several looks."""
_ALIKE = 3
_TOKEN = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/-]{2,62}[0-9A-Za-z]")


@lru_cache(maxsize=262_144)
def pinyin(text: str) -> str:
    """Chinese spelt in letters without tones or spaces; letters stay."""
    from pypinyin import lazy_pinyin

    return "".join(lazy_pinyin(text)).replace(" ", "").casefold()


def alike(one: str, other: str) -> int:
    """How alike two core names are, 0 to 100; the order of words does not count."""
    return int(fuzz.token_sort_ratio(one, other) if " " in one or " " in other else fuzz.ratio(one, other))


def name_score(payer: str, customer: str) -> int:
    """How surely a payer's name is a customer's, 0 to 100 (`payers.score`)."""
    return payers.score(payers.read(payer), payers.read(customer), alike, pinyin)


@dataclass
class Names:
    """The names of all customers, to find a payer among."""

    names: dict[int, str] = field(default_factory=dict)
    by_full: dict[str, list[int]] = field(default_factory=dict)
    by_core: dict[str, list[int]] = field(default_factory=dict)
    by_pinyin: dict[str, list[int]] = field(default_factory=dict)
    found: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    @classmethod
    def load(cls, session: Session, scope: Scope) -> Names:
        """All customers; fifty thousand take half a second, once their names were read a tenth of it."""
        made = cls()
        for key, text in storage.iterate_names(session, scope):
            name = payers.read(text)
            made.names[key] = text
            made.by_full.setdefault(name.full, []).append(key)
            if name.core:
                made.by_core.setdefault(name.tight, []).append(key)
        return made

    def search(self, text: str) -> list[tuple[int, int]]:
        """(customer, score) of those whom a payer's name may mean, the most alike first; worked out once a name."""
        if text not in self.found:
            payer = payers.read(text)
            ids = set(self.by_full.get(payer.full, ())) | set(self.by_core.get(payer.tight, ()))
            if not any(self._score(payer, key) >= payers.KNOWN for key in ids):
                ids |= self._near(payer)
            scored = [(key, self._score(payer, key)) for key in ids]
            self.found[text] = sorted((pair for pair in scored if pair[1] >= payers.SUGGESTED), key=lambda pair: (-pair[1], pair[0]))[:8]
        return self.found[text]

    def score(self, text: str, customer_id: int) -> int:
        """The score of one payer's name against one customer."""
        return self._score(payers.read(text), customer_id)

    def _score(self, payer: payers.Name, key: int) -> int:
        return payers.score(payer, payers.read(self.names[key]), alike, pinyin)

    def _near(self, payer: payers.Name) -> set[int]:
        """Customers whose core is spelt alike, in characters or in letters."""
        if not payer.core:
            return set()
        near = [core for core, _, _ in process.extract(payer.tight, self.by_core.keys(), scorer=fuzz.ratio, limit=_ALIKE, score_cutoff=payers.SUGGESTED)]
        ids = {key for core in near for key in self.by_core[core]}
        if not self.by_pinyin:
            for core, keys in self.by_core.items():
                if not core.isascii():
                    self.by_pinyin.setdefault(pinyin(core), []).extend(keys)
        if payer.latin:
            spelt = process.extract(payer.tight, self.by_pinyin.keys(), scorer=fuzz.ratio, limit=_ALIKE, score_cutoff=payers.SUGGESTED)
            ids |= {key for core, _, _ in spelt for key in self.by_pinyin[core]}
        else:
            ids |= set(self.by_core.get(pinyin(payer.core), ()))
        return ids


@dataclass
class Aliases:
    """Learned payers by account and by name."""

    by_account: dict[str, list[PayerAlias]] = field(default_factory=dict)
    by_name: dict[tuple[str, ...], list[PayerAlias]] = field(default_factory=dict)

    @classmethod
    def load(cls, session: Session, scope: Scope) -> Aliases:
        """Those that hold."""
        made = cls()
        for alias in storage.load_live_aliases(session, scope):
            if alias.account:
                made.by_account.setdefault(account_key(alias.account), []).append(alias)
            made.by_name.setdefault(_name_key(alias.name), []).append(alias)
        return made

    def of(self, payer: str | None, account: str | None) -> list[tuple[str, PayerAlias]]:
        """(how, learned payer) that a line's payer is.

        Name and account must not contradict each other: many people pay through one clearing account, and many have one name.
        """
        by_account = self.by_account.get(account_key(account), ()) if account else ()
        found = [("account", alias) for alias in by_account if not payer or name_score(payer, alias.name) >= payers.ALIKE]
        if payer:
            for alias in self.by_name.get(_name_key(payer), ()):
                other = account and alias.account and account_key(alias.account) != account_key(account)
                if not other and all(known is not alias for _, known in found):
                    found.append(("alias", alias))
        return found


def account_key(account: str) -> str:
    """An account number without spaces and hyphens."""
    return re.sub(r"[\s-]+", "", account).upper()


def _name_key(text: str) -> tuple[str, ...]:
    name = payers.read(text)
    return (name.tight, name.city or "", name.branch or "", str(name.group))


@dataclass
class Facts:
    """What is known of a batch of lines: who may have paid, what they named, and what those customers owe."""

    candidates: dict[int, list[tuple[int, str, int, PayerAlias | None]]]
    named: dict[int, list[Named]]
    owed: dict[int, list[Open]]
    names: dict[int, str]
    running: frozenset[int]
    order: Callable[[int], Precedence]
    parents: Mapping[int, int]

    def propose(self, line: BankLine) -> Proposal | None:
        """The proposal for one line, with what its customers owe at this moment of the batch."""
        text = _text(line)
        told = matching.Line(
            line.amount_minor,
            line.currency,
            line.payer,
            line.reversal,
            remittance.is_advance(text) if text else False,
            remittance.order_of(text) if text else None,
            remittance.is_principal(text) if text else False,
            line.day,
        )
        people = [
            Candidate(
                key,
                self.names.get(key, ""),
                how,
                score,
                tuple(self.owed.get(key, ())),
                key in self.running,
                alias.third_party if alias else False,
                alias.letter if alias else None,
                self.order(key),
                self._head(key),
            )
            for key, how, score, alias in self.candidates[line.id]
        ]
        return matching.propose(told, people, self.named[line.id])

    def _head(self, key: int) -> int:
        """The company at the head of a customer's group."""
        for _ in range(DEEPEST):
            if key not in self.parents:
                break
            key = self.parents[key]
        return key

    def settle(self, customer_id: int, parts: Iterable[tuple[int, int]], day: date) -> None:
        """Lower what is open by parts that were applied, with the discounts they earned, so that the next line of the batch sees it."""
        taken = dict(parts)
        rest = [item.less(taken[item.id], day) if item.id in taken else item for item in self.owed.get(customer_id, ())]
        self.owed[customer_id] = [item for item in rest if item.open > 0]


def _text(line: BankLine) -> str:
    return " ; ".join(part for part in (line.reference, line.narrative) if part)


def load_facts(session: Session, scope: Scope, seller_id: int, lines: Sequence[BankLine], order: Callable[[int], Precedence]) -> Facts:
    """The facts for many lines: a few statements whatever their number (one look at the open numbers for each 400,000 pieces of text).

    `order` tells what unmarked money of a customer settles first (S14).
    """
    names, aliases = Names.load(session, scope), Aliases.load(session, scope)
    named = _named(session, scope, seller_id, lines)
    candidates: dict[int, list[tuple[int, str, int, PayerAlias | None]]] = {}
    needed: set[int] = set()
    for line in lines:
        found: list[tuple[int, str, int, PayerAlias | None]] = [(alias.customer_id, how, 100, alias) for how, alias in aliases.of(line.payer, line.payer_account)]
        if line.payer and line.payer.strip():
            found += [(key, "name", score, None) for key, score in names.search(line.payer)]
        for key in {one.customer_id for one in named[line.id]} - {one[0] for one in found}:
            found.append((key, "named", names.score(line.payer, key) if line.payer else 0, None))
        candidates[line.id] = found
        needed |= {one.customer_id for one in named[line.id]}
        needed |= {key for key, how, score, _ in found if how != "name" or score >= payers.KNOWN}
        if found and not any(score >= payers.KNOWN for _, _, score, _ in found):
            needed.add(found[0][0])
    open_items = storage.load_owed(session, scope, seller_id, sorted(needed))
    offers = load_offers(session, scope, [item.id for items in open_items.values() for item in items], min((line.day for line in lines), default=None))
    owed: dict[int, list[Open]] = {
        key: [Open(item.id, item.document_no, item.kind, item.currency, item.issued, item.due, item.open, item.about, offers.get(item.id)) for item in items]
        for key, items in open_items.items()
    }
    return Facts(candidates, named, owed, names.names, storage.load_running_ids(session, scope), order, load_parents(session))


@dataclass
class _Documents:
    """Our open documents whose number some text may hold, by key and by key without leading zeros."""

    exact: dict[str, dict[remittance.Number, list[str]]] = field(default_factory=dict)
    loose: dict[str, dict[remittance.Number, list[str]]] = field(default_factory=dict)
    items: dict[str, tuple[int, list[int]]] = field(default_factory=dict)

    def add(self, number: remittance.Number, item_id: int, customer_id: int, document_no: str) -> None:
        if document_no in self.items:
            self.items[document_no][1].append(item_id)
            return
        self.items[document_no] = (customer_id, [item_id])
        self.exact.setdefault(number.key, {}).setdefault(number, []).append(document_no)
        self.loose.setdefault(number.loose, {}).setdefault(number, []).append(document_no)

    def known(self, key: str, loose: bool) -> Iterable[remittance.Number]:
        return (self.loose if loose else self.exact).get(key, ())

    def of(self, number: remittance.Number) -> list[str]:
        return self.exact[number.key][number]


def _named(session: Session, scope: Scope, seller_id: int, lines: Sequence[BankLine]) -> dict[int, list[Named]]:
    """The documents that each line names, in its reference and in its text."""
    found: dict[int, list[Named]] = {line.id: [] for line in lines}
    chunk: list[BankLine] = []
    keys: set[str] = set()
    for line in lines:
        chunk.append(line)
        keys |= remittance.wanted(line.reference or "") | remittance.wanted(line.narrative or "")
        if len(keys) >= MOST_KEYS:
            _named_among(session, scope, seller_id, chunk, keys, found)
            chunk, keys = [], set()
    if keys:
        _named_among(session, scope, seller_id, chunk, keys, found)
    _add_settled(session, scope, seller_id, lines, found)
    return found


def _named_among(session: Session, scope: Scope, seller_id: int, lines: Sequence[BankLine], keys: set[str], found: dict[int, list[Named]]) -> None:
    ours = _Documents()
    for item_id, customer_id, document_no in storage.iterate_numbers(session, scope, seller_id):
        number = remittance.number(document_no)
        if number is not None and (number.key in keys or number.loose in keys):
            ours.add(number, item_id, customer_id, document_no)
    for line in lines:
        seen: set[str] = set()
        for text, in_reference in ((line.reference, True), (line.narrative, False)):
            for piece in remittance.find(text, ours.known) if text and ours.items else ():
                documents = ours.of(piece.number)
                if len(documents) > 1:  # numbers that differ in signs alone: only the one written as it is
                    documents = [one for one in documents if one.casefold() in (text or "").casefold()]
                for document_no in documents if len(documents) == 1 else ():
                    if document_no not in seen:
                        seen.add(document_no)
                        customer_id, items = ours.items[document_no]
                        found[line.id].append(Named(customer_id, document_no, tuple(items), in_reference, piece.exact, piece.strong))


def _add_settled(session: Session, scope: Scope, seller_id: int, lines: Sequence[BankLine], found: dict[int, list[Named]]) -> None:
    """Documents named as they are written in the books of which nothing is open: perhaps paid twice."""
    tokens: dict[str, set[int]] = {}
    by_id = {line.id: line for line in lines}
    for line in lines:
        if not found[line.id]:
            for token in _TOKEN.findall(_text(line))[:40]:
                if (number := remittance.number(token)) is not None and number.strong:
                    tokens.setdefault(token, set()).add(line.id)
    for customer_id, document_no in storage.load_settled_numbers(session, scope, seller_id, sorted(tokens)):
        for key in sorted(tokens[document_no]):
            found[key].append(Named(customer_id, document_no, (), document_no in (by_id[key].reference or ""), True, True))


def store(line: BankLine, proposal: Proposal | None) -> bool:
    """Keep a proposal on its line; whether it differs from the one before (then the line has a new version)."""
    told = as_json(proposal) if proposal else None
    score = proposal.score if proposal else None
    customer_id = proposal.customer_id if proposal else None
    if (line.proposal, line.score, line.customer_id) == (told, score, customer_id):
        return False
    line.proposal, line.score, line.customer_id = told, score, customer_id
    line.version += 1
    return True


def as_json(proposal: Proposal) -> dict[str, Any]:
    """A proposal as it is kept: amounts in minor units of the line's currency."""
    return {
        "kind": proposal.kind,
        "parts": [[key, amount] for key, amount in proposal.parts],
        "rest": proposal.rest,
        "applies": proposal.applies,
        "legal": proposal.legal,
        "order_no": proposal.order_no,
        "evidence": [[one.code, one.params] for one in proposal.evidence],
    }


def parts_of(line: BankLine) -> tuple[tuple[int, int], ...]:
    """The (item id, minor units) parts of a line's proposal."""
    return tuple((int(key), int(amount)) for key, amount in (line.proposal or {}).get("parts", ()))
