"""The pages that are looked at one by one: who opens each, and where."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser import book

INVOICE = book.number("C1001", 75)

PAGES: dict[str, tuple[str | None, str]] = {
    "sign-in": (None, "/login?next=/aging"),
    "my-day": ("rui", "/my-day"),
    "my-day-of-work": ("rosa", "/my-day"),
    "my-day-of-a-team": ("lan", "/my-day"),
    "my-day-untouched": ("ming", "/my-day?view=untouched"),
    "aging": ("fang", "/aging"),
    "aging-of-a-rep": ("rui", "/aging?by=segment"),
    "aging-by-document": ("fang", "/aging?by=item&currency=CNY&bucket=overdue&known_at=2026-03-09T16:00"),
    "aging-refused": ("fang", "/aging?buckets=x"),
    "aging-empty": ("fang", "/aging?as_of=2020-01-01"),
    "customers": ("fang", "/customers"),
    "customers-none": ("rui", "/customers?q=zzz"),
    "customer": ("fang", "/customers/C1001"),
    "customer-of-a-rep": ("rui", "/customers/C1004"),
    "customer-long-name": ("ao", "/customers/C3002"),
    "customer-stopped": ("rosa", "/customers/K01"),
    "customer-promises": ("fang", "/customers/K08"),
    "customer-settled": ("fang", "/customers/C1001/settled"),
    "customer-timeline": ("fang", "/customers/C1001/timeline"),
    "log-a-contact": ("rui", "/customers/C1001/log"),
    "log-what-was-said": ("rosa", "/customers/K08/log"),
    "promise-withdraw": ("rosa", "by a link"),
    "task": ("rosa", "by a link"),
    "dispute-new": ("rui", "/customers/C1001/dispute"),
    "dispute": ("ming", "by a link"),
    "marks": ("ming", "/customers/K10/standing"),
    "promises": ("fang", "/promises"),
    "promises-none": ("rui", "/promises?state=broken"),
    "disputes": ("fang", "/disputes"),
    "invoices": ("fang", "/invoices"),
    "invoice": ("fang", f"/invoices/{INVOICE}"),
    "invoice-in-parts": ("fang", "/invoices/H-2026-021"),
    "invoice-long-text": ("rosa", "/invoices/H-2026-022"),
    "invoice-void": ("ao", "/invoices/H-2026-031"),
    "receipt": ("fang", "/receipts/R-7001"),
    "receipt-unapplied": ("fang", "/receipts/R-7003"),
    "credit": ("fang", "/credits/CN-502"),
    "take-back": ("fang", "by a link"),
    "imports": ("fang", "/imports"),
    "import-form": ("fang", "/imports/new"),
    "import-result": ("fang", "by a link"),
    "cash": ("fang", "/bank"),
    "cash-in": ("fang", "/bank/upload"),
    "bank-lines": ("fang", "/bank/lines"),
    "payers": ("fang", "/bank/payers"),
    "running-accounts": ("fang", "/bank/running"),
    "settlement-order": ("fang", "/bank/order"),
    "drafts": ("fang", "/drafts"),
    "drafts-in": ("fang", "/drafts/upload"),
    "adjustments": ("ming", "/adjustments"),
    "adjustment-asked": ("fang", f"/invoices/{INVOICE}/ask"),
    "statements": ("fang", "/statements"),
    "statements-new": ("fang", "/statements/new"),
    "vouchers": ("ao", "/journal"),
    "views": ("fang", "/views"),
    "rates": ("fang", "/rates"),
    "interest": ("fang", f"/invoices/{INVOICE}/interest"),
    "document-new": ("fang", "/customers/C1001/bill"),
    "document-void": ("fang", f"/invoices/{INVOICE}/void"),
    "receipt-new": ("fang", "/customers/C1001/receipt"),
    "receipt-void": ("fang", "/receipts/R-7003/void"),
    "receipt-recover": ("fang", "/receipts/R-7003/recover"),
    "refund": ("fang", "/receipts/R-7003/refund"),
    "rebates": ("fang", "/customers/C1001/rebates"),
    "months": ("ming", "/months"),
    "decisions": ("ming", "/decisions"),
    "decision": ("ming", "by a link"),
    "decision-of-promises": ("ming", "by a link"),
    "decision-taken": ("ao", "by a link"),
    "propose": ("rui", "/customers/C1001/propose"),
    "reminders": ("fang", "/reminders"),
    "reminders-made": ("fang", "/reminders?show=made"),
    "reminders-held": ("rosa", "/reminders?show=held"),
    "reminders-ended": ("ao", "/reminders?show=ended"),
    "reminder": ("fang", "by a link"),
    "reminder-call": ("rosa", "by a link"),
    "reminders-ahead": ("fang", "/reminders/preview"),
    "reminders-why": ("rosa", "/reminders/customers/K08"),
    "outbox": ("fang", "/outbox"),
    "message": ("fang", "by a link"),
    "policy": ("ao", "/policy"),
    "policy-version": ("ming", "/policy/4"),
    "policy-new": ("ming", "/policy/new"),
    "search": ("fang", "/search?q=C1"),
    "search-nothing": ("fang", "/search?q=zzzz"),
    "audit": ("ao", "/audit"),
    "account": ("rui", "/account"),
    "company": ("ada", "/settings/company"),
    "users": ("ada", "/settings/users"),
    "user-new": ("ada", "/settings/users/new"),
    "user": ("ada", "/settings/users/rui"),
    "api": ("ao", "/api/v1/docs"),
    "not-found": ("rui", "/customers/C2001"),
    "not-for-you": ("rui", "/imports"),
}
# What is known by the id of a row only, by a link to it: the page it is on, and the link. Its address without the id tells which page it opens.
LINKS = {
    "decision": ("/decisions", ".day-card:has-text('青禾') h3 a"),
    "decision-of-promises": ("/decisions", ".day-card:has-text('百川') h3 a"),
    "decision-taken": ("/decisions", "tbody tr:has-text('瑞祥') th a"),
    "dispute": ("/disputes", "tbody a[href^='/disputes/']"),
    "import-result": ("/imports", "tbody a:text-is('invoices-march-late.csv')"),
    "promise-withdraw": ("/customers/K08", "a[href$='/withdraw']"),
    "reminder": ("/reminders?show=made", "tbody tr:has-text('安和诊所') th a"),
    "reminder-call": ("/reminders", "tbody th a"),
    "task": ("/customers/K01", "a[href^='/tasks/']"),
    "message": ("/outbox?state=uncertain", "tbody th a"),
    "take-back": ("/receipts/R-7004", "a[href*='/undo']"),
}
REFUSED = {"aging-refused": 422, "not-found": 404, "not-for-you": 403}
# Addresses with GET that are no pages of their own: files, answers to programs, and the way from one to another.
NO_PAGES = {
    "static",
    "bootstrap.static",
    "site.index",
    "site.healthz",
    "site.readyz",
    "settings.index",
    "imports.refused",
    "statements.pdf",
    # Pages of things that this book does not hold; the tests of their own files read them.
    "adjustments.show",
    "bank.account",
    "bank.statement",
    "drafts.show",
    "imports.check",
    "imports.columns",
    "imports.undo",
    "rebates.undo",
    "receipts.release",
    "statements.show",
    "api_reports.aging_report",
    "api_customers.supply",
    "api_proposals.index",
    "api_proposals.show",
    "api_docs.document",
}


def visit(page: Page, name: str) -> None:
    """Open one of `PAGES`, and see that it answers as it should."""
    path = PAGES[name][1]
    if name in LINKS:
        start, link = LINKS[name]
        page.goto(start)
        path = page.locator(link).first.get_attribute("href") or ""
    answer = page.goto(path)
    assert answer is not None
    assert answer.status == REFUSED.get(name, 200), path
