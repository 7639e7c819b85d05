"""Errors of the API as problem details (RFC 9457), each with a stable code that the API page explains."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import Response, url_for
from pydantic import ValidationError

from collect import i18n, sentences
from collect.domain.errors import Forbidden, NotFound, Refusal
from collect.i18n import mark as _

MEDIA_TYPE = "application/problem+json"
TITLES = {
    401: _("No valid token"),
    403: _("Not allowed"),
    404: _("Not found"),
    405: _("Method not allowed"),
    409: _("Not as things are now"),
    413: _("Too large"),
    422: _("The request cannot be used"),
    500: _("The program has an error"),
    503: _("Not available just now"),
    507: _("No room left"),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem: its code, its HTTP status, and the sentence (a template in English) that explains it."""

    code: str
    status: int
    sentence: str


# What any address may answer, told by status alone: missing and foreign objects and unknown addresses are one and the same.
GENERAL = (
    Kind("not_found", 404, _("There is nothing here, or nothing that you may see.")),
    Kind("method_not_allowed", 405, _("This address does not take that kind of request.")),
    Kind("too_large", 413, _("This is larger than the program accepts.")),
    Kind("internal_error", 500, _("Something went wrong in the program: nothing was changed. The server's log has the details.")),
    Kind("unavailable", 503, _("The database cannot be reached or cannot be written to just now: nothing was changed. Try again in a moment.")),
    Kind("no_room", 507, _("The disk of the server is full: nothing was changed. Make room, then try again.")),
)
_REFUSALS = {
    401: ("token_missing", "token_refused"),
    403: ("scope_missing", "forbidden", "own_proposal"),
    409: (
        *("does_not_tie_out", "proposal_changed", "proposal_decided", "proposal_expired", "proposal_reason_gone"),
        *("hold_in_force", "no_hold", "previous_step_not_sent"),
    ),
    422: (
        *("unknown_field", "repeated_field", "missing_value", "not_a_choice", "control_characters"),
        *("bad_day", "bad_instant", "bad_buckets", "unknown_currency"),
        *("bad_json", "bad_value", "bad_key", "key_reused"),
        *("bad_amount", "too_many_decimals", "amount_too_large", "supply_amount", "too_long", "missing_reason", "bad_deferral"),
    ),
    503: ("not_initialised", "not_migrated"),
}
KINDS = tuple(
    sorted(
        [*GENERAL, *(Kind(code, status, sentences.SENTENCES[code]) for status, codes in _REFUSALS.items() for code in codes)],
        key=lambda kind: (kind.status, kind.code),
    )
)
_BY_CODE = {kind.code: kind for kind in KINDS}
_BY_STATUS = {kind.status: kind for kind in GENERAL}


def of_refusal(refusal: Refusal) -> Response:
    """The answer to a refusal: 401 (with `WWW-Authenticate`), 403, 404, 409, 503, and 422 for all others.

    What is missing and what is foreign answer alike to the byte (S28).
    """
    if isinstance(refusal, NotFound):
        return of_status(404)
    status = 403 if isinstance(refusal, Forbidden) else _BY_CODE[refusal.code].status if refusal.code in _BY_CODE else 422
    answer = _problem(status, refusal.code, sentences.say(refusal), refusal.field)
    challenge = _challenge(refusal)
    if challenge:
        answer.headers["WWW-Authenticate"] = challenge
    return answer


def of_status(status: int, sentence: str | None = None) -> Response:
    """The answer where only an HTTP status is known, and perhaps a sentence in the reader's language."""
    kind = _BY_STATUS.get(status)
    detail = sentence or i18n.gettext(kind.sentence if kind else HTTPStatus(status).phrase)
    return _problem(status, kind.code if kind else "http_error", detail, None)


def of_validation(error: ValidationError) -> Response:
    """Raise the first thing a schema finds wrong as the Refusal of ours that says it; it names the field."""
    first = error.errors(include_url=False)[0]
    if not first["loc"]:
        raise Refusal("bad_json")
    name, value = str(first["loc"][0]), first["input"]
    if first["type"] == "extra_forbidden":
        raise Refusal("unknown_field", name, value=name)
    if value == "" or first["type"] == "missing":
        raise Refusal("missing_value", name)
    if first["type"] == "literal_error":
        raise Refusal("not_a_choice", name, value=value, allowed=first["ctx"]["expected"].replace("'", "").replace(" or ", ", "))
    if first["type"] == "string_pattern_mismatch":
        raise Refusal("control_characters", name, value=value)
    raise Refusal("bad_value", name, value=json.dumps(value, ensure_ascii=False, default=str))


def responses() -> dict[Any, Any]:
    """What the OpenAPI document says of every operation's problems, by status."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": TITLES[status], "content": content} for status in TITLES if status not in (405, 413)}


def _problem(status: int, code: str, detail: str, field: str | None) -> Response:
    kind = url_for("api_docs.page", _anchor=code) if code in _BY_CODE else "about:blank"
    title = i18n.gettext(TITLES[status]) if status in TITLES else HTTPStatus(status).phrase
    members = {"type": kind, "title": title, "status": status, "detail": detail, "code": code, "field": field}
    answer = Response(json.dumps(members, ensure_ascii=False).encode("utf-8", "replace"), status, content_type=MEDIA_TYPE)
    answer.content_language.add("zh-CN" if i18n.current() == "zh" else i18n.current())
    return answer


def _challenge(refusal: Refusal) -> str | None:
    """What RFC 6750 asks a server to say to a caller without the right token."""
    match refusal.code:
        case "token_missing":
            return 'Bearer realm="collect"'
        case "token_refused":
            return 'Bearer realm="collect", error="invalid_token"'
        case "scope_missing":
            return f'Bearer realm="collect", error="insufficient_scope", scope="{refusal.params["value"]}"'
    return None
