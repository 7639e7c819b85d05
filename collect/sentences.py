"""Every refusal as one clear sentence: code to English text with placeholders; the translations are in the catalogues."""

from __future__ import annotations

from pathlib import Path

from collect import i18n
from collect.domain.errors import Refusal
from collect.i18n import mark as _

SENTENCES: dict[str, str] = {
    "not_found": _("There is no {kind} {key} here."),
    "forbidden": _("Your role has no right to do this."),
    "not_initialised": _("This database is empty: run `collect init` first."),
    "not_migrated": _("This database needs `collect db upgrade` (it is at {found}, the program at {wanted})."),
    "bad_setting": _("Setting {name}: {value} cannot be used; correct it or remove it."),
    "bad_config_file": _("The configuration file {value} cannot be read: {reason}"),
    "unknown_currency": _("{value} is no currency code; write three letters such as CNY, USD or EUR."),
    "bad_amount": _("{value} is no amount; write digits such as 1409.50 or 1,409.50."),
    "too_many_decimals": _("{value} has more decimals than {currency} has ({places})."),
    "amount_too_large": _("{value} is larger than any amount this program can keep."),
    "books_full": _("With {value} more, the amounts in {currency} would add up to more than this program can keep."),
    "amount_in_other_currency": _("{value} names another currency than the row's {currency}."),
    "bad_buckets": _("{value} are no aging buckets; write rising upper edges in days such as 30,60,90."),
    # dates, calendars, payment terms
    "date_out_of_range": _("A date reckoned from {value} lies outside the years 1 to 9999; correct the date or the number of days."),
    "bad_calendar_file": _("The calendar file {value} cannot be read: {reason}; correct it or remove it."),
    "bad_terms": _("{value} are no payment terms; write such as NET30, EOM+15, COD, PREVIOUS, 30/50+60/50, 2/10 NET30 or NET30@ACCEPTANCE."),
    "bad_terms_event": _("{value} does not name the event of each part; write one of {allowed} after @, once at the end or for every part."),
    "bad_terms_percent": _("The percentages in {value} add up to {total}; instalments are days/percent, none of them 0, and make 100 together."),
    "bad_terms_order": _("The instalments in {value} are not in the order of their days; write each number of days once, the smallest first."),
    "bad_terms_days": _("{value} has more days than payment terms may have ({most})."),
    "bad_terms_discount": _("The discount in {value} cannot be used; write percent/days before NET terms that are at least as long, such as 2/10 NET30."),
    "bad_terms_long": _("{value} are too many instalments; written out, payment terms have at most {most} characters."),
    # people, signing in, the company's settings
    "bad_username": _("{value} cannot be a user name; use 1 to 64 small letters, digits, dots, hyphens, underscores or @, beginning with a letter or digit."),
    "username_taken": _("The user name {value} is taken; choose another."),
    "password_too_short": _("This password is too short; use at least {least} characters."),
    "password_too_long": _("This password is too long; use at most {most} characters."),
    "password_wrong": _("This is not your present password."),
    "passwords_differ": _("The two passwords differ; type the new one twice."),
    "bad_person_name": _("{value} cannot be a person's name; use up to 100 ordinary characters."),
    "bad_email": _("{value} is no e-mail address; write one such as name@example.com, or leave it empty."),
    "email_taken": _("Another user has the e-mail address {value}; give each person his own."),
    "unknown_language": _("{value} is no language of this program; choose en or zh."),
    "unknown_timezone": _("{value} is no time zone; write one such as Asia/Shanghai or America/New_York."),
    "no_team_lead": _("{value} is no team lead who could have a team; choose an active user with that role."),
    "own_role": _("Nobody changes his own role; ask another administrator."),
    "own_account": _("Nobody disables his own account; ask another administrator."),
    "last_admin": _("This is the last active administrator; make another one first."),
    "user_disabled": _("{value} is disabled; enable this user first."),
    "unknown_scope": _("{value} is no scope of a token; choose from {known}."),
    "sign_in_failed": _("User name or password is not right, or this user is disabled."),
    "sign_in_throttled": _("Too many tries; try again in {seconds} s."),
    "changed_meanwhile": _("{what} was changed meanwhile; look at what is there now and enter your change again."),
    "weak_secret": _("The secret in {path} is missing or too weak; `collect init` makes a good one."),
    "bad_company_name": _("This cannot be the company's name; use 1 to 200 characters."),
    # what a row or a request gets wrong
    "missing_value": _("This value is missing; fill it in."),
    "extra_cells": _("The row has more cells than the header line; the first one too many is {value}. Check quotes and separators."),
    "digits_lost": _("{value} is what a spreadsheet left of a longer number; format the column as text and enter the number again."),
    "control_characters": _("{value} contains control characters; remove them."),
    "too_long": _("{value} is longer than {longest} characters."),
    "refused_with_line": _("Refused together with line {line}: {reason}"),
    "unknown_customer": _("Customer {value} is not known; import the customer first."),
    "invoice_not_positive": _("An invoice's amount must be more than zero, not {value}; enter what is given back as a credit note."),
    "credit_not_positive": _("A credit's amount must be more than zero, not {value}."),
    "receipt_not_positive": _("A receipt's amount must be more than zero, not {value}."),
    "due_before_issue": _("The due date {due} is before the issue date {issued}; correct one of them."),
    "no_due_date": _("There is no due date, and the customer has no terms to compute one from; give one of the two."),
    "number_twice_in_file": _("{number} stands in this file twice with different content (also in line {line}); keep one."),
    "number_of_other_kind": _("The number {number} belongs to another kind of document already ({known}); numbers are unique."),
    "document_differs": _("{number} is already in the books with another value here; credit or void it first."),
    "document_void": _("{number} is void in the books and stays void; use a new number."),
    "document_settled": _("{number} cannot be voided: something was allocated to it; undo the allocation first."),
    "unknown_user": _("There is no active user {value}; add the user or leave the cell empty."),
    "user_cannot_be": _("User {value} has the role {role} and cannot look after customers this way."),
    "bad_language": _("{value} is no language of this program; write zh or en."),
    "unknown_country": _("{value} is no country code; write two capital letters such as CN or US."),
    "limit_negative": _("A credit limit cannot be negative ({value})."),
    "country_kept_as_text": _("Line {line}: {value} is no ISO country code; it is kept as text."),
    "unknown_parent": _("Line {line}: the parent customer {value} is not known; the customer was stored without a parent."),
    "parent_cycle": _("Line {line}: {value} cannot be the parent, since it is itself below this customer."),
    "customer_currency_in_use": _("{number} has documents in its old currency; its currency cannot become {value}."),
    # receipts and their allocation
    "rows_disagree": _("The rows of {number} (lines {line} and {other}) tell different receipts; they must agree here."),
    "receipt_differs": _("Receipt {number} is already in the books with another value here; reverse it first."),
    "receipt_known": _("Receipt {number} is already in the books without invoice {invoice}; apply the rest of it on the customer's page."),
    "unknown_invoice": _("Invoice {value} is not known; import the invoice first."),
    "invoice_of_other_customer": _("Invoice {value} belongs to another customer."),
    "invoice_in_other_currency": _("Invoice {value} is in {currency}; a receipt settles invoices in its own currency only."),
    "allocated_without_invoice": _("{value} is to be allocated, but no invoice is named; name the invoice or leave the amount empty."),
    "allocation_not_positive": _("An allocation must be more than zero, not {value}."),
    "allocation_beyond_receipt": _("{value} {currency} cannot be allocated: only {rest} of the receipt is left."),
    "allocation_beyond_item": _("{value} {currency} cannot be allocated: only {open} of the invoice is open."),
    "nothing_to_allocate": _("There is nothing left to allocate between {receipt} and {invoice}."),
    "already_reversed": _("This allocation has been taken back already."),
    "effective_too_early": _("{value} is too early; the allocation can count from {earliest} at the earliest."),
    "effective_in_future": _("{value} lies ahead; an allocation counts from today or an earlier day."),
    "unknown_invoice_here": _("There is no invoice {value} of this customer; choose one of the open invoices."),
    # dates that wait for an event
    "no_event_awaited": _("{number} has a fixed due date and waits for no event."),
    "event_in_future": _("{value} lies ahead; enter the day on which it happened."),
    "event_ambiguous": _("The parts of {number} wait for different events ({events}); say which one happened."),
    # months
    "month_closed": _("The month {month} is closed; use a later date, or have the month opened again."),
    "bad_month": _("{value} is no month; write it like 2026-02."),
    "month_not_over": _("{month} is not over yet; a month is closed after its last day."),
    "month_already_closed": _("{month} is closed already."),
    "month_already_open": _("{month} is open already."),
    "missing_reason": _("Give a reason."),
    # the API
    "token_missing": _("Send the header `Authorization: Bearer …` with a token; `collect user token` issues one."),
    "token_refused": _("This token is not valid: it is unknown, was revoked, or its user is disabled."),
    "scope_missing": _("This token was not issued for {value}; have one issued that is."),
    "unknown_field": _("There is no parameter {value} here; take it away or correct its name."),
    "repeated_field": _("{value} stands here more than once; name it once."),
    "not_a_choice": _("{value} cannot stand here; choose one of {allowed}."),
    # imports and reports as a whole
    "unknown_import_kind": _("{value} cannot be imported; choose customers, contacts, invoices, credits or payments."),
    "unknown_mapping": _("There is no saved mapping {value} for this kind of file."),
    "bad_basis": _("{value} is no basis; count days from the due date (due) or the issue date (issue)."),
    "bad_grouping": _("{value} is no grouping; choose one of {allowed}."),
    "does_not_tie_out": _("The report shows {report} {currency} where the control has {control}; it is not shown. Run `collect verify`."),
    # files going out
    "too_many_rows_for_xlsx": _("This table has {rows} rows and an XLSX sheet holds {most}: take CSV, or narrow the report down."),
    # what the proof found
    "proof_item": _("Invoice {number}: its open amount is not its amount less its allocations."),
    "proof_credit": _("Receipt or credit {number}: its rest is not its amount less its allocations."),
    "proof_allocation": _("Allocation {id} of {receipt} to {invoice} does not agree with its documents or its posting."),
    "proof_line": _("Posting {id} does not balance or disagrees with its document."),
    "proof_sum": _("The postings of {kind} {number} do not add up to what is open."),
    "proof_customer": _("Customer {number}: items and credits say {items} {currency}, the journal {journal}."),
    "proof_value": _("{table} {key}: what stands in {column} is no date and no amount; restore the last good backup."),
    "proof_total": _("The totals of {day} in {currency} are not what was posted and recorded on that day."),
    "proof_duty": _("Customer {number}: the rep or collector is not the one last assigned."),
    "proof_import": _("Import {id}: the documents it stored are not what its audit row says."),
    "audit_gap": _("Audit row {seq} is missing; row {found} follows."),
    "audit_link": _("Audit row {seq} does not follow from the row before it."),
    "audit_row": _("Audit row {seq} was changed after it was written."),
    "audit_head": _("The audit log ends at row {found}, its head says {seq}."),
    "audit_anchor": _("Audit row {seq} is not the one in the anchor file."),
    "bad_anchor": _("This is no anchor file; make one with `collect audit anchor FILE`."),
    # the command line, backups, the database's own checks
    "bad_database_url": _("COLLECT_DATABASE_URL names no database this program can use; write sqlite:////path/file.db or postgresql://user@host/name."),
    "driver_missing": _("The database driver {name} is not installed: install collect with its extra `postgres`."),
    "bad_backup": _("{file} is no whole backup: it is damaged, cut short or something else; use another one."),
    "backup_newer": _("{file} was made by another version of this program (it is at {found}, this one at {wanted}); install that version or a newer one."),
    "backup_other_engine": _("{file} is a backup of {found} and this database is {wanted}; restore it into a database of its own kind."),
    "backup_unsound": _("The copy did not pass its check, so no backup was kept: look at the database with `collect db check`."),
    "backup_over_database": _("{file} is the database itself; name another file for the backup."),
    "database_damaged": _("The database is damaged: {detail}. Restore the last good backup."),
    "reference_broken": _("Table {table}: {count} rows refer to rows of {parent} that do not exist (first found: {row})."),
    "constraint_broken": _("Table {table}: the rule {constraint} does not hold for {count} rows, or was never checked."),
    "bad_day": _("{value} is no date; write it as 2026-03-31."),
    "bad_instant": _("{value} is no instant; write a date such as 2026-03-31, or 2026-03-31T17:00:00+08:00."),
    # files that come in: bytes, encodings, quotes, workbooks
    "not_a_file": _("{name} is no file; name a CSV or XLSX file."),
    "file_not_readable": _("{name} cannot be read: {reason}"),
    "file_changed": _("{name} was changed while it was being read; start again once nobody writes to it."),
    "file_too_large": _("{name} is larger than the {limit} allowed; split it, or have the limit raised."),
    "file_kind": _("{name} is a {kind} file and holds no table that can be read; save the table as CSV or XLSX."),
    "binary_file": _("{name} holds zero bytes, which no text has; save the table as CSV or XLSX."),
    "old_excel": _("{name} is an Excel file of the old kind (.xls); save it as .xlsx."),
    "encrypted_excel": _("{name} is protected by a password; save it without one."),
    "empty_file": _("{name} is empty; its first line must name the columns."),
    "unknown_encoding": _("{value} is no encoding known here; write such as --encoding utf-8, gb18030, utf-16 or cp1252."),
    "unreadable_encoding": _("{name} is neither UTF-8 nor GB18030 (line {line} cannot be read in them); say what it is with --encoding, such as --encoding cp1252."),
    "unlikely_encoding": _("{name} is not UTF-8, and as GB18030 it reads {value}; say what it is with --encoding, such as --encoding gb18030 or --encoding cp1252."),
    "not_in_encoding": _("{name} is not in {encoding} throughout (line {line} cannot be read in it); name another with --encoding."),
    "ambiguous_encoding": _("{name} can be read in two ways, as {first} in UTF-8 or as {second} in GB18030; say which with --encoding utf-8 or --encoding gb18030."),
    "unclosed_quote": _("A quote that opens in the row starting on line {line} is not closed where it should be; close it, or write a quote inside a quoted cell twice."),
    "stray_quote": _("On line {line} text follows a closing quote; write a quote inside a quoted cell twice."),
    "line_too_long": _("{name} has a line of more than {limit} bytes; it is no table, or its line ends are lost."),
    "cell_too_long": _("A cell of the row starting on line {line} has more than {limit} characters; shorten it, or close the quote that was left open there."),
    "zero_character": _("A cell of the row on line {line} holds a zero character; remove it."),
    "too_many_rows": _("{name} has more than the {limit} rows allowed; split it, or have the limit raised."),
    "too_many_columns": _("{name} has {count} columns, more than the {limit} allowed; leave out what is not needed."),
    "xlsx_broken": _("{name} is no workbook that can be read; open it in a spreadsheet program and save it again as .xlsx."),
    "xlsx_doctype": _("{name} contains a document type declaration, which no spreadsheet program writes; save it again as .xlsx."),
    "xlsx_too_large": _("{name} unpacks to more than the {limit} allowed; split it, or save the table as CSV."),
    "xlsx_too_dense": _("{name} unpacks to more than {ratio} times its size; save the table as CSV."),
    # files that come in: columns, fixed words, dates, numbers
    "missing_column": _("The column {column} is missing; the columns found are: {found}."),
    "duplicate_column": _("The columns {first} and {second} both mean {column}; rename one, or say which it is in a saved mapping."),
    "unknown_column": _("{value} is no column of this kind of file; choose from {allowed}."),
    "bad_choice": _("{value} is not one of the words that can stand here: {allowed}."),
    "bad_date": _("{value} is no date; write it as 2026-03-05, with a year from 1900 to 2199."),
    "ambiguous_dates": _("{value} can be {first} or {second}, and no date in the file decides it; say which with --dates dmy or --dates mdy."),
    "contradictory_dates": _("The file has dates with the day first ({first}) and with the month first ({second}); correct it, or say which with --dates dmy or --dates mdy."),
    "ambiguous_numbers": _("{value} can be {first} or {second}, and no number in the file decides it; say which sign separates decimals with --decimal . or --decimal ,"),
    "contradictory_numbers": _("The file has numbers with a decimal point ({first}) and with a decimal comma ({second}); correct it, or say which with --decimal . or --decimal ,"),
}


_KINDS = {
    "allocation": _("allocation"),
    "credit": _("credit"),
    "credit_note": _("credit note"),
    "customer": _("customer"),
    "format": _("file format"),
    "import": _("import"),
    "invoice": _("invoice"),
    "item": _("item"),
    "month": _("month"),
    "receipt": _("receipt"),
    "token": _("token"),
    "user": _("user"),
}
_WORDS: dict[str, dict[str, str]] = {
    "kind": _KINDS,
    "known": _KINDS,
    "role": {
        "rep": _("Sales rep"),
        "lead": _("Team lead"),
        "finance": _("Finance"),
        "manager": _("Manager"),
        "auditor": _("Auditor"),
        "admin": _("Administrator"),
    },
}
"""Parameters whose values are codes of ours: the word for each, since a sentence in one language holds no codes of another."""


def say(refusal: Refusal, language: str | None = None) -> str:
    """The refusal as a sentence in a language (the current one if not named).

    Texts inside the parameters are shown as they are; a code nobody wrote a sentence for shows itself, so that a
    missing sentence is visible and a test finds it.
    """
    template = SENTENCES.get(refusal.code)
    if template is None:
        return str(refusal)
    told = i18n.in_language(language or i18n.current(), template)
    return told.format(**{name: _shown(name, value, language) for name, value in refusal.params.items()})


def _shown(name: str, value: object, language: str | None) -> object:
    """A parameter as text: refusals inside refusals and codes of ours in the same language, long input cut short (no path)."""
    if isinstance(value, Refusal):
        return say(value, language)
    if isinstance(value, Path):
        return str(value)
    text = str(value)
    word = _WORDS.get(name, {}).get(text)
    if word is not None:
        return i18n.in_language(language or i18n.current(), word)
    return text if len(text) <= 80 else text[:77] + "…"
