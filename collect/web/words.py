"""What the books call things, in the reader's words: states, events, actions, kinds and fields that are stored as codes."""

from __future__ import annotations

from collections.abc import Mapping

from collect import i18n
from collect.contact_words import CONTACT_STEPS, NOTICE_STATES
from collect.contact_words import REASONS as CONTACT_REASONS
from collect.domain.rights import SYSTEM
from collect.i18n import mark as _
from collect.reports.cases import STATES
from collect.reports.escalations import STATES as PROPOSAL_STATES
from collect.reports.escalations import STEPS as FORMAL_STEPS
from collect.reports.statements import KINDS as STATEMENT_KINDS
from collect.reports.statements import REASONS as DIFFERENCE_REASONS
from collect.reports.statements import STATES as STATEMENT_STATES
from collect.reports.statements import WAYS

DOCUMENTS = {
    "invoice": _("Invoice"),
    "receipt": _("Receipt"),
    "credit_note": _("Credit note"),
    "write_off": _("Write-off"),
    "set_off": _("Set-off"),
    "discount": _("Early payment discount"),
}
ITEM_KINDS = {
    "debit_note": _("Debit note"),
    "interest": _("Late-payment interest"),
    "fee": _("Fee"),
    "refund": _("Refund"),
    "taken_over": _("Debt taken over"),
}
"""What an item is that is no invoice."""
KINDS = DOCUMENTS | {
    "adjustment": _("Request"),
    "rebate": _("Rebate"),
    "customer": _("Customer"),
    "message": _("Message"),
    "notice": _("Planned contact"),
    "contact": _("Contact"),
    "activity": _("Contact made"),
    "promise": _("Promise"),
    "task": _("Task"),
    "dispute": _("Dispute"),
    "standing": _("Mark of a customer"),
    "bank_day": _("Bank data"),
    "bank": _("Bank statement"),
    "draft": _("E-invoice"),
    "proposal": _("Proposal"),
    "hold": _("Stop"),
    "statement": _("Statement"),
    "customers": _("Import of customers"),
    "contacts": _("Import of contacts"),
    "invoices": _("Import of invoices"),
    "credits": _("Import of credits"),
    "payments": _("Import of payments"),
    "deliveries": _("Import of deliveries"),
    "delivery": _("Delivery"),
    "mapping": _("Saved mapping"),
    "month": _("Month"),
    "policy": _("Policy"),
    "rate": _("Rate"),
    "round": _("Daily round"),
    "user": _("User"),
    "company": _("Company"),
    "bank_line": _("Bank line"),
    "payer": _("Learned payer"),
    "running_account": _("Running account"),
    "settlement_order": _("Order of settlement"),
    "view": _("Saved view"),
}
"""The kinds of object that the audit log speaks of."""

LEDGER_KINDS = frozenset(KINDS) - {"user", "company"}
"""Those that exist only for roles that may read the ledger (S28)."""

ACTIONS = {
    "send": _("Sent"),
    "fail": _("Failed"),
    "uncertain": _("Became uncertain"),
    "resolve": _("Settled by a person"),
    "cancel": _("Withdrawn"),
    "log_visit": _("Visit"),
    "log_call": _("Call"),
    "log_message": _("Message from the customer"),
    "log_note": _("Note"),
    "promise": _("Promise to pay"),
    "judge_promise": _("Promise judged"),
    "renegotiate_promise": _("Promise renegotiated"),
    "withdraw_promise": _("Promise withdrawn"),
    "open_task": _("Task opened"),
    "finish_task": _("Task finished"),
    "raise_dispute": _("Dispute raised"),
    "accept_dispute": _("Dispute accepted"),
    "refuse_dispute": _("Dispute refused"),
    "settle_dispute": _("Dispute resolved"),
    "mark_customer": _("Customer marked"),
    "bank_complete": _("Bank data complete"),
    "make_statement": _("Statement made"),
    "send_statement": _("Statement sent"),
    "return_statement": _("Statement returned"),
    "confirm_statement": _("Statement confirmed"),
    "differ_statement": _("Statement differs"),
    "add_difference": _("Difference entered"),
    "settle_difference": _("Difference settled"),
    "create": _("Created"),
    "change": _("Changed"),
    "edit": _("Changed"),
    "assign": _("Assigned"),
    "void": _("Voided"),
    "event": _("Event recorded"),
    "move_due": _("Due date moved"),
    "apply": _("Applied"),
    "unapply": _("Taken back"),
    "import": _("Imported"),
    "undo_import": _("Import undone"),
    "post": _("Posted"),
    "run": _("Done"),
    "save": _("Saved"),
    "delete": _("Deleted"),
    "close": _("Closed"),
    "reopen": _("Opened again"),
    "receive": _("Money received"),
    "release_prepayment": _("Released from its order"),
    "recover": _("Recovered after a write-off"),
    "request": _("Adjustment requested"),
    "first_approval": _("Approved by the first of two"),
    "reverse": _("Reversed"),
    "credit": _("Credited"),
    "take_in": _("Taken in"),
    "draft": _("Kept as a draft"),
    "discard": _("Put aside"),
    "enter": _("Entered"),
    "issue": _("Issued"),
    "enter_delivery": _("Delivery entered"),
    "reopen_delivery": _("Delivery not invoiced again"),
    "invoice_delivery": _("Delivery invoiced"),
    "cancel_delivery": _("Delivery cancelled"),
    "reopen_proposal": _("Proposed again after the deferral"),
    "refuse": _("Turned down"),
    "approve": _("Approved"),
    "propose": _("Proposed"),
    "defer": _("Deferred"),
    "withdraw": _("Proposal taken back"),
    "expire": _("Proposal expired"),
    "move_up": _("Moved up a level"),
    "refresh": _("Figures of the proposal changed"),
    "stop": _("Stop in force"),
    "release": _("Stop ended"),
    "publish": _("Handed in"),
    "enable": _("Enabled"),
    "disable": _("Disabled"),
    "match": _("Matched"),
    "ignore": _("Set aside"),
    "answer": _("Answered"),
    "take_back": _("Taken back by the bank"),
    "undo": _("Taken back"),
    "learn": _("Learned"),
    "forget": _("Not known any more"),
    "set_active": _("Access changed"),
    "set_role": _("Role changed"),
    "set_lead": _("Team changed"),
    "set_password": _("Password changed"),
    "set_preferences": _("Preferences changed"),
    "issue_token": _("Token issued"),
    "revoke_token": _("Token revoked"),
}

STEPS = ACTIONS | {
    "receive": _("Received"),
    "credit": _("Credit note issued"),
    "allocation": _("Applied"),
    "reversal": _("Taken back"),
}
"""The lines of a document's history."""

HAPPENINGS = ACTIONS | {
    "invoice": _("Invoice issued"),
    "debit_note": _("Debit note issued"),
    "interest": _("Interest claimed"),
    "fee": _("Fee claimed"),
    "refund": _("Paid back to the customer"),
    "taken_over": _("Debt taken over"),
    "receipt": _("Payment received"),
    "credit_note": _("Credit note issued"),
    "write_off": _("Written off"),
    "set_off": _("Set off"),
    "discount": _("Early payment discount"),
    "allocation": _("Applied"),
    "reversal": _("Taken back"),
}
"""The lines of a customer's timeline."""

POSTINGS = {
    "issue": _("Issue"),
    "void": _("Void"),
    "receive": _("Receipt"),
    "settle": _("Settlement"),
    "allocate": _("Allocation"),
    "redate": _("Change of due date"),
    "prepay": _("Kept for an order"),
    "transfer": _("For another company of the group"),
}
ACCOUNTS = {
    "sales": _("Sales"),
    "returns": _("Returns"),
    "bank": _("Bank"),
    "redating": _("Redating"),
    "bad_debt": _("Bad debts"),
    "discounts": _("Discounts allowed"),
    "payables": _("Payables"),
    "prepaid": _("Prepayments"),
    "group": _("Group"),
}
ADJUSTMENTS = {
    "write_off": _("Write-off"),
    "tail": _("Tail"),
    "credit": _("Credit granted"),
    "refund": _("Refund"),
    "set_off": _("Set-off"),
}
ADJUSTMENT_REASONS = {
    "uncollectable": _("cannot be collected"),
    "insolvent": _("customer insolvent"),
    "lapsed": _("claim has lapsed"),
    "settlement": _("settlement agreed"),
    "other": _("other"),
    "tail": _("rest of a payment"),
    "rebate": _("less rebate"),
    "price": _("price difference"),
    "goods": _("goods returned or faulty"),
    "quantity": _("quantity short"),
    "discount": _("discount agreed"),
    "bank_charges": _("bank charges"),
    "overpaid": _("overpaid"),
    "order_cancelled": _("order cancelled"),
    "payables": _("against what we owe"),
    "goods_for_debt": _("goods taken for the debt"),
    "three_parties": _("three parties: another customer takes it over"),
    "transfer": _("debt passed to another customer, as old as it is"),
}
ADJUSTMENT_STATES = {
    "open": _("waiting"),
    "approved": _("approved"),
    "refused": _("refused"),
    "withdrawn": _("withdrawn"),
    "reversed": _("reversed"),
    "expired": _("expired"),
}
TRIGGERS = {
    "DELIVERY": _("Delivery"),
    "ACCEPTANCE": _("Acceptance"),
    "RECEIPT": _("Receipt of the invoice"),
    "CUTOFF": _("Month-end cut-off"),
    "WARRANTY": _("End of warranty"),
    "NEXT_DELIVERY": _("Next delivery"),
}
METHODS = {
    "transfer": _("Bank transfer"),
    "cheque": _("Cheque"),
    "bill": _("Bill"),
    "cash": _("Cash"),
    "card": _("Card"),
    "direct_debit": _("Direct debit"),
    "wallet": _("Mobile payment"),
    "set_off": _("Set-off"),
    "other": _("Other"),
}
OUTCOMES = {
    "promise": _("A promise"),
    "excuse": _("An excuse"),
    "paid": _("Paid on the spot"),
    "refused": _("Refused to pay"),
    "not_reached": _("Nobody reached"),
    "courtesy": _("Courtesy only"),
    "note": _("Note"),
}
CAUSES = {
    "oversight": _("Oversight"),
    "dissatisfaction": _("Dissatisfied with the goods"),
    "cash_shortage": _("Short of cash"),
    "deliberate": _("Deliberate"),
}
PROMISE_STATES = STATES
RESULTS = {"true": _("True"), "false": _("False"), "unknown": _("Cannot be told")}
DISPUTE_REASONS = {
    "wrong_invoice": _("The invoice is wrong"),
    "price": _("Price"),
    "quality": _("Quality"),
    "quantity": _("Quantity"),
    "not_delivered": _("Not delivered"),
    "not_ordered": _("Not ordered"),
    "rebate": _("Rebate or credit owed by us"),
    "other": _("Other"),
}
DISPUTE_STATES = {
    "raised": _("Not answered"),
    "accepted": _("Accepted"),
    "refused": _("Turned down"),
    "settled": _("Resolved"),
}
SIGNALS = {
    "no_supply_no_payment": _("“No supply, no payment”"),
    "run_around": _("Sent from one to the next"),
    "insolvency": _("Signs of insolvency"),
}
CONTACT_ROLES = {
    "owner": _("Owner"),
    "head": _("In charge"),
    "finance": _("Finance"),
    "cashier": _("Cashier"),
    "purchasing": _("Purchasing"),
    "warehouse": _("Warehouse"),
    "other": _("Other"),
}
DUTIES = {"rep": _("Rep"), "collector": _("Collector")}
ROLES = {
    "rep": _("Sales rep"),
    "lead": _("Team lead"),
    "finance": _("Finance"),
    "manager": _("Manager"),
    "auditor": _("Auditor"),
    "admin": _("Administrator"),
}
LANGUAGES = {"zh": _("Chinese"), "en": _("English")}
SCOPES = {
    "reports:read": _("Read reports"),
    "customers:read": _("Read customers"),
    "invoices:read": _("Read invoices"),
    "supply:read": _("Ask whether a customer may be supplied"),
    "proposals:read": _("Read proposals"),
    "proposals:decide": _("Decide proposals"),
}
MESSAGE_STATES = {
    "queued": _("Queued"),
    "leased": _("Being prepared"),
    "handover": _("Being handed over"),
    "uncertain": _("Uncertain"),
    "failed": _("Failed"),
    "sent": _("Sent"),
    "cancelled": _("Withdrawn"),
}
REASONS = CONTACT_REASONS | {
    "worker_gone": _("The program ended while the server had the message."),
    "timeout": _("The server did not answer in time."),
}
"""Why a contact or its message ended as it did; what a mail server said has no word of ours."""
ROUNDS = {"remind": _("Reminders"), "escalate": _("Decisions")}
"""The parts of the daily round."""
_SYSTEM = _("System")

DRAFT_STATES = {"waiting": _("Waiting"), "posted": _("In the books"), "discarded": _("Put aside")}
"""What became of an e-invoice."""
LINE_STATES = {
    "open": _("To be matched"),
    "applied": _("Matched"),
    "ignored": _("Set aside"),
    "out": _("Money out"),
}
FIELDS = {
    "asked_for": _("What is requested"),
    "asked_because": _("Because of"),
    "request_state": _("State"),
    "managers": _("Managers needed"),
    "document": _("Document"),
    "order_no": _("Order no."),
    "delivery_no": _("Delivery no."),
    "settled": _("Settled"),
    "account": _("Bank account"),
    "payer": _("Payer"),
    "third_party": _("Third party"),
    "running": _("Running account"),
    "receipt": _("Receipt"),
    "line_state": _("State"),
    "letter": _("Letter"),
    "legal_default": _("By the order of the law"),
    "by_rule": _("Applied by rule"),
    "about": _("About invoice"),
    "active": _("May sign in"),
    "address": _("Address"),
    "amount": _("Amount"),
    "as_of": _("As of"),
    "balance": _("Balance"),
    "bank_reference": _("Bank reference"),
    "basis": _("Basis"),
    "buckets": _("Aging buckets"),
    "changed": _("Changed"),
    "check_due": _("To be checked on"),
    "closed": _("Closed"),
    "collector": _("Collector"),
    "columns": _("Columns"),
    "conditions": _("What ends it"),
    "country": _("Country"),
    "credit_limit": _("Credit limit"),
    "currency": _("Currency"),
    "dates": _("Order of dates"),
    "day": _("Date"),
    "deferred": _("Deferred"),
    "decides": _("Decides"),
    "decimal": _("Decimal sign"),
    "delivered_on": _("Delivered"),
    "description": _("Description"),
    "difference_reason": _("Reason"),
    "dispute_reason": _("Reason"),
    "dispute_state": _("State"),
    "document_no": _("Document"),
    "do_not_contact": _("Do not contact"),
    "due": _("Due"),
    "due_date": _("Due date"),
    "issue_date": _("Issue date"),
    "due_dates": _("Due dates"),
    "effective": _("Effective"),
    "email": _("E-mail"),
    "ended": _("Missed and withdrawn"),
    "excuse": _("Excuse"),
    "expired": _("Proposal expired"),
    "facts": _("What they told"),
    "file": _("File"),
    "happened": _("Happened"),
    "held": _("Held back"),
    "insolvent": _("Insolvent"),
    "instead": _("Instead"),
    "invoice": _("Invoice"),
    "items": _("Items"),
    "kept": _("Unchanged"),
    "kind": _("Kind"),
    "language": _("Language"),
    "lead": _("Team lead"),
    "lead_id": _("Team lead"),
    "level": _("Level"),
    "margin": _("Margin"),
    "method": _("Method"),
    "mobile": _("Mobile"),
    "moved_up": _("Moved up a level"),
    "name": _("Name"),
    "query": _("Filters"),
    "opens": _("Opens the page"),
    "shared": _("For everybody"),
    "new": _("New"),
    "note": _("Note"),
    "nothing": _("Nothing to do"),
    "oldest_days": _("Oldest, days late"),
    "original": _("Original contact"),
    "ours": _("Our amount"),
    "outcome": _("What came of it"),
    "overdue": _("Overdue"),
    "parent_no": _("Parent customer"),
    "pay_by": _("Payable by"),
    "person": _("Person"),
    "phone": _("Phone"),
    "planned": _("Planned"),
    "policy": _("Policy"),
    "po_no": _("Order no."),
    "preferred_time": _("Preferred time"),
    "promise_state": _("State"),
    "proposal": _("Proposal"),
    "proof": _("Proof of posting"),
    "reason": _("Reason"),
    "reasons": _("Reasons"),
    "received": _("Received"),
    "recipient": _("To"),
    "refused": _("Refused"),
    "released": _("Stop ended"),
    "released_on": _("Ended on"),
    "buyer": _("Buyer"),
    "lines": _("Lines"),
    "accounts": _("Our accounts"),
    "reopened": _("Waiting again"),
    "rep": _("Rep"),
    "result": _("Result"),
    "returned_on": _("Returned on"),
    "review_on": _("To be looked at again on"),
    "role": _("Role"),
    "scopes": _("Scopes"),
    "segment": _("Segment"),
    "sent_by_way": _("How"),
    "sent_on": _("Sent on"),
    "settled_on": _("Settled"),
    "since": _("Since"),
    "source": _("Source"),
    "state": _("State"),
    "statement": _("Statement"),
    "statement_kind": _("Kind"),
    "statement_state": _("State"),
    "status": _("State"),
    "step": _("Step"),
    "subject": _("Subject"),
    "tax_no": _("Tax no."),
    "terms": _("Terms"),
    "theirs": _("Their amount"),
    "through": _("Through"),
    "timezone": _("Time zone"),
    "title": _("Task"),
    "token": _("Token"),
    "unchanged": _("Unchanged"),
    "until": _("Until"),
    "value": _("Value"),
    "wechat": _("WeChat"),
    "withdrawn": _("Withdrawn"),
    "written": _("Changed"),
}
CODES: dict[str, Mapping[str, str]] = {
    "line_state": LINE_STATES,
    "status": {"posted": _("Posted"), "void": _("Void")},
    "method": METHODS,
    "role": ROLES | CONTACT_ROLES,
    "language": LANGUAGES,
    "kind": KINDS | ITEM_KINDS,
    "asked_for": ADJUSTMENTS,
    "asked_because": ADJUSTMENT_REASONS,
    "request_state": ADJUSTMENT_STATES,
    "scopes": SCOPES,
    "dispute_reason": DISPUTE_REASONS,
    "dispute_state": DISPUTE_STATES,
    "outcome": OUTCOMES,
    "promise_state": PROMISE_STATES,
    "result": RESULTS,
    "reason": REASONS,
    "state": PROPOSAL_STATES | NOTICE_STATES | MESSAGE_STATES | DRAFT_STATES,
    "step": CONTACT_STEPS | FORMAL_STEPS,
    "instead": FORMAL_STEPS,
    "statement_kind": STATEMENT_KINDS,
    "statement_state": STATEMENT_STATES,
    "sent_by_way": WAYS,
    "difference_reason": DIFFERENCE_REASONS,
}


def said(words: Mapping[str, str], code: str | None) -> str:
    """The reader's word for a code; a code without a word shows itself, so that it is seen and gets one."""
    return i18n.gettext(words[code]) if code and code in words else (code or "")


def who(actor: str | None) -> str:
    """Who did something: a user name, which is shown as it is, or the system's word for what the command line did."""
    return i18n.gettext(_SYSTEM) if actor == SYSTEM.name else (actor or "")


def actor_of(text: str) -> str:
    """The other way round: the actor a reader means who types what `who` shows him."""
    return SYSTEM.name if text.casefold() == i18n.gettext(_SYSTEM).casefold() else text.lower()
