"""The one search field: customers, people, invoices, receipts and amounts; one exact hit opens at once."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, request, url_for

from collect.reports import search as reports
from collect.web import pages
from collect.web.aging import document_address
from collect.web.pages import Permission, needs

blueprint = Blueprint("search", __name__, url_prefix="/search")


@blueprint.get("")
@needs(Permission.READ_LEDGER)
def index() -> Response:
    """What fits the text in the address, of the customers the visitor sees."""
    text = request.args.get("q", "").replace("\x00", "")
    with pages.read_view() as view:
        answer = reports.find(view, view.actor.scope, text)
    if answer.only:
        return make_response(redirect(address(answer.only.kind, answer.only.number), 303))
    return pages.render("search/index.html", answer=answer, shown=reports.SHOWN, document_address=document_address)


def address(kind: str, number: str) -> str:
    """The page of what was found."""
    return url_for("customers.show", number=number) if kind == "customer" else document_address(kind, number)
