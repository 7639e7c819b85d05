"""What goes in and out of the API, as Pydantic models; the OpenAPI document comes from them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from collect.i18n import mark as _


def _bare(schema: dict[str, Any]) -> None:
    """Leave out what Pydantic adds to a schema that says nothing: titles made from names, and None as default."""
    for part in schema.get("properties", {}).values():
        part.pop("title", None)
        if "default" in part and part["default"] is None:
            del part["default"]


Text = Annotated[str, Field(min_length=1)]
Amount = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$", json_schema_extra={"format": "decimal"})]
Day = Annotated[str, Field(json_schema_extra={"format": "date"})]
Instant = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Maybe = SkipJsonSchema[None]


class Problem(BaseModel):
    """An error (RFC 9457): what is wrong, in the reader's language."""

    model_config = ConfigDict(json_schema_extra=_bare)
    type: str = Field(description=_("Address of the explanation of this kind of problem."), json_schema_extra={"format": "uri-reference"})
    title: str = Field(description=_("The kind of problem in a few words."))
    status: int = Field(description=_("The HTTP status once more."))
    detail: str = Field(description=_("One sentence: what is wrong, and what to do."))
    code: str = Field(description=_("Fixed name of this kind of problem, for programs."))
    field: str | None = Field(description=_("The parameter it is about, if it is about one."))


class AgingQuery(BaseModel):
    """The options of the aging report."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_bare)
    as_of: Text | Maybe = Field(
        None,
        description=_("The date it is about; today in the company's time zone where none is given."),
        json_schema_extra={"format": "date", "example": "2026-03-31"},
    )
    known_at: Text | Maybe = Field(
        None,
        description=_("As it was known at an instant, or at the end of a date in the company's time zone; everything known now where none is given."),
        json_schema_extra={"example": "2026-03-31T17:00:00+08:00"},
    )
    basis: Literal["due", "issue"] = Field("due", description=_("What the days are counted from: the due date or the issue date."))
    buckets: Text | Maybe = Field(
        None,
        description=_("Upper edges of the buckets in days; the company's where none are given."),
        json_schema_extra={"example": "30,60,90,120"},
    )
    unapplied: Literal["column", "aged"] = Field("column", description=_("Where unapplied cash and credits stand: in a column of their own, or in the buckets by their own date."))
    by: Literal["customer", "item", "rep", "collector", "segment", "group", "currency"] = Field("customer", description=_("What a row is."))
    customer: Annotated[str, Field(min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$")] | Maybe = Field(
        None, description=_("Number of the only customer to show."), json_schema_extra={"example": "C001"}
    )
    currency: Text | Maybe = Field(None, description=_("The only currency to show."), json_schema_extra={"example": "CNY"})


class Figures(BaseModel):
    """Amounts of one currency, as decimal strings with the currency's own number of decimals."""

    model_config = ConfigDict(extra="allow", json_schema_extra=_bare)
    __pydantic_extra__: dict[str, Amount]
    currency: str = Field(description=_("Three letters; currencies are never added up."))
    not_due: Amount = Field(description=_("Not due as of the date."))
    provisional: Amount = Field(description=_("Waiting for the event that decides the due date."))
    unapplied: Amount = Field(description=_("Receipts and credits not used yet, as a negative amount."))
    total: Amount = Field(description=_("All buckets, provisional and unapplied together."))
    disputed: Amount = Field(description=_("Of this, disputed."))
    promised: Amount = Field(description=_("Of this, under a live promise."))
    in_paper: Amount = Field(description=_("Of this, covered by bills and cheques not cleared yet."))


class Heading(BaseModel):
    """What a row is about."""

    key: str = Field(description=_("What the row is about: number of the customer or document, user name, segment or currency."))
    name: str = Field(description=_("Its name; of a document, the customer's."))
    customer_no: str | Maybe = Field(None, description=_("Only with `by=item`: number of the customer."))
    due_date: Annotated[str | None, Field(json_schema_extra={"format": "date"})] = Field(None, description=_("Only with `by=item`: the due date, null where there is none."))


class AgingRow(Figures, Heading):
    """One line of the report; every further field is the amount in the bucket of that name."""

    model_config = ConfigDict(extra="allow", json_schema_extra=_bare)
    __pydantic_extra__: dict[str, Amount]


class Control(BaseModel):
    """Whether the report agrees with the journal, and what it knew."""

    model_config = ConfigDict(json_schema_extra=_bare)
    ties_out: bool = Field(description=_("The items and the journal come to the same totals; a report that does not is never given out."))
    known: Instant = Field(description=_("Instant of the last change in it; as `known_at` it gives this report again, whatever is entered later."))


class UsedRate(BaseModel):
    """The exchange rate that amounts were converted by: one `base` is `rate` of `quote`."""

    model_config = ConfigDict(json_schema_extra=_bare)
    base: str = Field(description=_("Three letters."))
    quote: str = Field(description=_("Three letters."))
    rate: Amount = Field(description=_("How much of `quote` one `base` is."))
    since: Day = Field(description=_("The day it is in force from."))
    source: str = Field(description=_("Where the rate comes from."))


class CompanyTotal(Figures):
    """All totals in the company's currency, with the fields of a total."""

    model_config = ConfigDict(extra="allow", json_schema_extra=_bare)
    __pydantic_extra__: dict[str, Amount]
    rates: list[UsedRate] = Field(description=_("The rates in force as of the date, one a currency that was converted."))


class AgingReport(BaseModel):
    """Every open amount in its bucket."""

    model_config = ConfigDict(json_schema_extra=_bare)
    as_of: Day = Field(description=_("The date it is about."))
    known_at: Annotated[str | None, Field(json_schema_extra={"format": "date-time"})] = Field(description=_("The instant that was asked for, null where none was."))
    basis: Literal["due", "issue"] = Field(description=_("What the days are counted from."))
    by: Literal["customer", "item", "rep", "collector", "segment", "group", "currency"] = Field(description=_("What a row is."))
    buckets: list[str] = Field(description=_("Names of the buckets, oldest last; each is a field of every row."))
    unapplied: Literal["aged"] | Maybe = Field(None, description=_("Only where unapplied cash and credits stand in the buckets by their own date."))
    rows: list[AgingRow] = Field(description=_("Rows with anything in them."))
    totals: list[Figures] = Field(description=_("One total a currency, with the fields of a row but its key and name."))
    company_total: CompanyTotal | Maybe = Field(None, description=_("Only where several currencies, or another than the company's, are open and a rate is known for each of them."))
    control: Control = Field(description=_("Proof of the figures."))


def _figures(overdue: str, unapplied: str, total: str) -> dict[str, str]:
    buckets = {"not_due": "0.00", "1-30": overdue, "31-60": "0.00", "61+": "0.00"}
    return {"currency": "CNY", **buckets, "provisional": "0.00", "unapplied": unapplied, "total": total, "disputed": "0.00", "promised": "0.00", "in_paper": "0.00"}


AgingReport.model_config["openapi_extra"] = {  # type: ignore[typeddict-unknown-key]
    "description": _("The report."),
    "example": {
        "as_of": "2026-03-31",
        "known_at": None,
        "basis": "due",
        "by": "customer",
        "buckets": ["not_due", "1-30", "31-60", "61+"],
        "rows": [{"key": "C001", "name": "同仁大药房", **_figures("1200.00", "-50.00", "1150.00")}],
        "totals": [_figures("1200.00", "-50.00", "1150.00")],
        "control": {"ties_out": True, "known": "2026-03-31T09:12:45.120000+00:00"},
    },
}


class CustomerPath(BaseModel):
    """Which customer."""

    no: str = Field(description=_("Number of the customer."), json_schema_extra={"example": "C001"})


class ProposalPath(BaseModel):
    """Which proposal."""

    id: int = Field(ge=0, lt=2**63, description=_("Number of the proposal."), json_schema_extra={"example": "4711"})


class SupplyQuery(BaseModel):
    """The question whether a customer may be supplied."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_bare)
    amount: Text | Maybe = Field(None, description=_("The amount to be supplied, in the customer's currency."), json_schema_extra={"format": "decimal", "example": "1200.00"})
    order: Text | Maybe = Field(None, description=_("Number of the order; a yes reserves its amount for three days."))


Step = Literal["stop_credit", "stop_supply", "final_demand", "referral", "release"]


class SupplyAnswer(BaseModel):
    """May the customer be supplied today; the answer is written to the log."""

    model_config = ConfigDict(json_schema_extra=_bare)
    customer_no: str = Field(description=_("Number of the customer."))
    answer: Literal["yes", "no", "refer"] = Field(description=_("`refer`: a stop is proposed and not decided; ask a manager."))
    reasons: list[str] = Field(description=_("Codes of every reason for a `no` or `refer`."))
    as_of: Day = Field(description=_("Today in the company's time zone."))


class NoQuery(BaseModel):
    """No parameters."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_bare)


class Proposal(BaseModel):
    """A formal step, or the release of a stop, that waits for a decision or was decided."""

    model_config = ConfigDict(json_schema_extra=_bare)
    id: int = Field(description=_("Number of the proposal."))
    customer_no: str = Field(description=_("Number of the customer."))
    step: Step = Field(description=_("What is proposed."))
    state: Literal["open", "deferred", "approved", "refused", "withdrawn", "expired"] = Field(description=_("What became of it."))
    level: int = Field(description=_("1 to 3; it rises while nobody decides."))
    currency: str = Field(description=_("Three letters; currencies are never added up."))
    overdue: Amount = Field(description=_("The overdue amount that escalation looks at."))
    oldest_days: int = Field(description=_("Days past due of the oldest such item."))
    reasons: list[str] = Field(description=_("Codes of the reasons."))
    note: str | None = Field(description=_("What the person who asked for it wrote."))
    requested_by: str | None = Field(description=_("Who asked for it; null: the policy."))
    requested_on: Day = Field(description=_("Since when it waits."))
    deferred_until: Annotated[str | None, Field(json_schema_extra={"format": "date"})] = Field(description=_("Until when a manager has deferred it."))
    decided_by: str | None = Field(description=_("Who decided it."))
    decided_on: Annotated[str | None, Field(json_schema_extra={"format": "date"})] = Field(description=_("When it was decided."))
    content_hash: str = Field(description=_("Fingerprint of the case as it is now; a decision names the one it was made on."))


class Proposals(BaseModel):
    """What waits for a decision."""

    model_config = ConfigDict(json_schema_extra=_bare)
    proposals: list[Proposal] = Field(description=_("The highest level first, then the oldest debt; 200 at most."))


class DecisionBody(BaseModel):
    """A decision about a proposal."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_bare)
    verdict: Literal["approve", "refuse", "defer"] = Field(description=_("What is decided."), json_schema_extra={"example": "approve"})
    content_hash: str = Field(min_length=1, description=_("The fingerprint of the case that the decision was made on."))
    note: str | None = Field(None, description=_("Why; needed to refuse and to defer."))
    until: str | None = Field(None, description=_("Only to defer: the day on which it is open again."), json_schema_extra={"format": "date"})
    basis: str | None = Field(None, description=_("Only to approve a stop: its legal or contractual ground, where it is not the policy's."))


_PROPOSAL = {
    "id": 4711,
    "customer_no": "C001",
    "step": "stop_supply",
    "state": "open",
    "level": 1,
    "currency": "CNY",
    "overdue": "1500.00",
    "oldest_days": 31,
    "reasons": ["days_past_due"],
    "note": None,
    "requested_by": None,
    "requested_on": "2026-03-10",
    "deferred_until": None,
    "decided_by": None,
    "decided_on": None,
    "content_hash": "9f2c…",
}
SupplyAnswer.model_config["openapi_extra"] = {  # type: ignore[typeddict-unknown-key]
    "description": _("The answer."),
    "example": {"customer_no": "C001", "answer": "no", "reasons": ["stop_supply"], "as_of": "2026-03-31"},
}
Proposal.model_config["openapi_extra"] = {"description": _("The proposal."), "example": _PROPOSAL}  # type: ignore[typeddict-unknown-key]
Proposals.model_config["openapi_extra"] = {"description": _("The proposals."), "example": {"proposals": [_PROPOSAL]}}  # type: ignore[typeddict-unknown-key]
