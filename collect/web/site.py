"""Where a visit begins, and what other programs ask: the landing address, alive, ready."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect

from collect.domain.errors import Refusal
from collect.domain.rights import SYSTEM
from collect.storage import migrate
from collect.web import pages
from collect.web.pages import Open, needs

blueprint = Blueprint("site", __name__)


@blueprint.get("/")
@needs(Open.SIGNED_IN)
def index() -> Response:
    """Go where this person's work begins."""
    return make_response(redirect(pages.home(), 303))


@blueprint.get("/healthz")
@needs(Open.ANYONE)
def healthz() -> Response:
    """The process answers."""
    return _plain("ok", 200)


@blueprint.get("/readyz")
@needs(Open.ANYONE)
def readyz() -> Response:
    """The database is reachable, of this program's version, and has a company: 200 `ready`, else 503 and why."""
    runtime = pages.runtime()
    try:
        migrate.require(runtime.engine)
        with runtime.read(SYSTEM):
            return _plain("ready", 200)
    except Refusal as refusal:
        return _plain(refusal.code, 503)
    except Exception:
        return _plain("database_unreachable", 503)


def _plain(text: str, status: int) -> Response:
    answer = make_response(text + "\n", status)
    answer.mimetype = "text/plain"
    return answer
