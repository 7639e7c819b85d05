"""What planned contacts and the decisions about them are called, in the reader's words: steps, channels, states, reasons (S18-S20)."""

from __future__ import annotations

from collect.i18n import mark as _

CONTACT_STEPS = {
    "pre_due": _("Note before the due date"),
    "due": _("Note on the due date"),
    "overdue": _("Reminder"),
    "call": _("Call"),
    "visit": _("Visit"),
    "broken_promise": _("After a broken promise"),
    "rest": _("Rest of a kept promise"),
    "stop_credit": _("Notice: no new credit"),
    "stop_supply": _("Notice: supply stopped"),
    "final_demand": _("Final demand"),
    "referral": _("Referral notice"),
    "release": _("Notice of release"),
}
CHANNELS = {
    "email": _("E-mail"),
    "call": _("Call"),
    "visit": _("Visit"),
    "letter": _("Letter"),
}
NOTICE_STATES = {
    "planned": _("planned"),
    "sent": _("sent"),
    "done": _("done"),
    "cancelled": _("withdrawn"),
    "missed": _("missed"),
}
NOTICE_TONES = {"planned": "quiet", "sent": "good", "done": "good", "cancelled": "quiet", "missed": "bad"}
DECISIONS = {
    "planned": _("to be contacted"),
    "held": _("held back"),
    "nothing": _("nothing to do"),
}
REASONS = {
    "step_reached": _("A step of the policy is reached"),
    "no_email": _("No e-mail address: a call instead"),
    "repeat": _("Time to ask again"),
    "promise_broken": _("A promise was broken"),
    "promise_partly_kept": _("A promise was kept only in part"),
    "promise_kept": _("A kept promise left a rest"),
    "promise_kept_late": _("A promise kept late left a rest"),
    "do_not_contact": _("Marked: do not contact"),
    "insolvent": _("Insolvent: the claim is filed, not asked for"),
    "promised": _("All that is due is promised"),
    "disputed": _("What is due is disputed"),
    "in_paper": _("What is due is covered by cheques or bills"),
    "unapplied": _("Covered by money not yet applied"),
    "on_its_way": _("A message is on its way, or its fate is to be settled"),
    "no_slot_before_due": _("No allowed morning left before the due date"),
    "no_slot": _("No allowed morning in sight"),
    "asked_lately": _("Asked lately; the next contact is set"),
    "step_done": _("Asked; the next step is set"),
    "not_due": _("Not due yet"),
    "nothing_open": _("Nothing open"),
    "superseded": _("Another step took its place"),
    "missed": _("The morning went by without it"),
    "moved": _("Moved to the next allowed morning"),
    "failed": _("Could not be delivered"),
}
"""The reasons of decisions, and of contacts that were withdrawn."""
