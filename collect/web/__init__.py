"""The pages: `create_app` makes the Flask application, with the rules that hold for every request."""

from __future__ import annotations

import errno
import logging
from datetime import timedelta

from flask import Flask, Response, current_app, g, make_response, redirect, request, session, url_for
from flask_bootstrap import Bootstrap5
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf  # type: ignore[import-untyped]
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException

import collect
from collect import api, assets, contact_words, i18n, sentences
from collect.domain.errors import Forbidden, NotFound, Refusal
from collect.domain.rights import SYSTEM, Open, Permission, need_of
from collect.runtime import Runtime
from collect.services import users as people
from collect.settings import Settings
from collect.web import (
    adjustments,
    aging,
    audit,
    auth,
    bank,
    bank_tables,
    billing,
    cases,
    cash,
    customers,
    decisions,
    deliveries,
    drafts,
    imports,
    interest,
    journal,
    matching,
    months,
    myday,
    numbers,
    ordering,
    outbox,
    pages,
    policy,
    rebates,
    receipts,
    receivables,
    reminders,
    search,
    settings,
    site,
    statements,
    users,
    views,
    words,
)

log = logging.getLogger(__name__)

# A page of its own is one line here; its module has `blueprint`, and every view in it a `needs`.
BLUEPRINTS = (
    site.blueprint,
    myday.blueprint,
    auth.blueprint,
    aging.blueprint,
    reminders.blueprint,
    decisions.blueprint,
    outbox.blueprint,
    customers.blueprint,
    cases.blueprint,
    receivables.blueprint,
    bank.blueprint,
    bank_tables.blueprint,
    cash.blueprint,
    deliveries.blueprint,
    receipts.blueprint,
    adjustments.blueprint,
    rebates.blueprint,
    matching.blueprint,
    ordering.blueprint,
    billing.blueprint,
    interest.blueprint,
    statements.blueprint,
    journal.blueprint,
    drafts.blueprint,
    imports.blueprint,
    months.blueprint,
    policy.blueprint,
    search.blueprint,
    audit.blueprint,
    views.blueprint,
    users.blueprint,
    settings.blueprint,
)

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; manifest-src 'self'; worker-src 'self'; "
    "connect-src 'self'; font-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# Answered without a session and without the database.
_PLAIN = ("static", "bootstrap.static", "site.healthz", "site.readyz")
_FORM_ALLOWANCE = 1_000_000
_STRANGERS_BYTES = 65_536


def create_app(runtime: Runtime) -> OpenAPI:
    """The application on a runtime; Refusal `weak_secret` when the secret file is missing or guessable.

    Raises RuntimeError when a route does not say who may use it.
    """
    info = Info(title="collect", version=collect.__version__)
    app = OpenAPI(__name__, info=info, doc_ui=False, template_folder=str(assets.folder("templates") / "web"), static_folder="static")
    app.secret_key = read_secret(runtime.settings)
    app.extensions["collect"] = runtime
    _configure(app, runtime.settings)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    api.register(app, runtime)
    pages.route_matrix(app)
    return app


def read_secret(chosen: Settings) -> str:
    """The key that signs cookies: at least 32 characters, and not one repeated few times (Refusal `weak_secret`)."""
    try:
        secret = chosen.secret_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        secret = ""
    if len(secret) < 32 or len(set(secret)) < 8:
        raise Refusal("weak_secret", None, path=chosen.secret_file)
    return secret


def _configure(app: Flask, chosen: Settings) -> None:
    app.config.update(
        MAX_CONTENT_LENGTH=chosen.max_bytes + _FORM_ALLOWANCE,
        SESSION_COOKIE_NAME="collect",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=chosen.secure_cookies,
        PERMANENT_SESSION_LIFETIME=timedelta(hours=chosen.session_hours),
        SEND_FILE_MAX_AGE_DEFAULT=86400,
        BOOTSTRAP_SERVE_LOCAL=True,
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
    )
    app.url_map.converters["int"] = numbers.RowConverter
    # A doubled slash is no address of ours; the redirect away from it would repeat whatever host the visitor named.
    app.url_map.merge_slashes = False
    Bootstrap5(app)
    app.extensions["csrf_guard"] = CSRFProtect(app)
    environment = app.jinja_env
    environment.undefined = StrictUndefined
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.filters.update(money=pages.show_money, day=pages.show_day, instant=pages.show_instant, at_zone=pages.show_slot, who=words.who)
    environment.globals.update(_=i18n.gettext, contact_words=contact_words, may=pages.may, Permission=Permission, current_query=pages.current_query)
    environment.globals["ui"] = environment.get_template("macros.html").module
    app.before_request(_begin)
    app.after_request(_finish)
    app.context_processor(_shown_everywhere)
    app.url_defaults(_file_version)
    app.register_error_handler(Exception, _failed)


def _begin() -> Response | None:
    """Who is asking, in which language, whether he may, and whether the form is ours: in this order, before every page.

    What is sent is read last, so that a stranger's upload is not. Routes under `/api/` do all of this themselves, but
    the page about them is a page like the others.
    """
    g.user = g.actor = g.company = None
    if request.endpoint in _PLAIN or (request.path.startswith("/api/") and request.endpoint != "api_docs.page"):
        i18n.use(_asked_language())
        return None
    i18n.use(_asked_language())
    runtime = pages.runtime()
    token = session.get("token")
    found = people.resume(runtime, token) if isinstance(token, str) else None
    with runtime.read(SYSTEM) as view:
        g.company = view.seller
    if found is not None:
        g.user, g.actor = found
    i18n.use(g.user.language if g.user and g.user.language else _asked_language())
    if request.endpoint is None:
        return None
    if session.get("csrf_shown"):
        g.csrf_token = session["csrf_shown"]
    turned_away = _admit()
    if turned_away is None:
        current_app.extensions["csrf_guard"].protect()
        _refuse_nul()
    return turned_away


def _refuse_nul() -> None:
    """No database takes the sign NUL in a text, and nobody types it: Refusal `control_characters`, for every form at once."""
    for value in request.form.values():
        if "\x00" in value:
            raise Refusal("control_characters", None, value=value.replace("\x00", "�")[:40])


def _admit() -> Response | None:
    """Let the visitor through if he may do what the route declares; send one who is not signed in to the sign-in page."""
    need = need_of(current_app.view_functions[request.endpoint or ""])
    if need is Open.ANYONE:
        request.max_content_length = _STRANGERS_BYTES
        return None
    if g.actor is None:
        if request.headers.get("X-Block"):
            return make_response("", 401)
        target = pages.readable(request.full_path.rstrip("?"))
        return make_response(redirect(url_for("auth.sign_in", next=None if target == "/" else target), 303))
    if isinstance(need, Permission):
        g.actor.need(need)
    return None


def _finish(response: Response) -> Response:
    """The headers of every answer; whatever is not a public file is kept nowhere."""
    response.headers.update(HEADERS)
    if request.endpoint not in ("static", "bootstrap.static") or response.status_code != 200:
        response.headers["Cache-Control"] = "no-store"
        response.headers.add("Vary", "X-Block")
    if pages.runtime().settings.secure_cookies:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    return response


def _asked_language() -> str:
    """The visitor's choice, else the best of what the browser accepts, else the company's language."""
    chosen = request.cookies.get("language", "")
    if chosen in i18n.LANGUAGES:
        return chosen
    accepted = request.accept_languages.best_match(i18n.LANGUAGES) if request.accept_languages else None
    return accepted or (g.company.language if g.get("company") else "en")


def _shown_everywhere() -> dict[str, object]:
    """What the base template shows on every page; asks nothing of the database."""
    failed = g.get("failed", False)
    return {
        "viewer": g.get("user"),
        "company": g.get("company"),
        "language": i18n.current(),
        "languages": i18n.NAMES,
        "theme": request.cookies.get("theme") if request.cookies.get("theme") in ("light", "dark") else "auto",
        "navigation": pages.navigation() if g.get("actor") else [],
        "section": "" if failed else (request.endpoint or "").partition(".")[0],
        "here": "" if failed else pages.readable(request.full_path.rstrip("?")),
        "has_page": current_app.view_functions.__contains__,
        "form_token": _stable_token,
    }


def _stable_token() -> str:
    """The anti-forgery token of this session: the same on each page of it, so that equal answers are equal to the byte."""
    token = str(generate_csrf())
    if session.get("csrf_shown") != token:
        session["csrf_shown"] = token
    return token


def _file_version(endpoint: str, values: dict[str, object]) -> None:
    """Addresses of our files carry the version, so that browsers may keep them."""
    if endpoint == "static":
        values.setdefault("v", collect.__version__)


def _failed(problem: Exception) -> Response:
    """Every error as a page (or as the API answers it) with one sentence; what the program did not expect goes to the log only."""
    status, sentence, headers = _judge(problem)
    as_problem = current_app.extensions.get("api_problem")
    if as_problem is not None and request.path.startswith("/api/"):
        answer: Response = as_problem(status, sentence)
    elif request.endpoint in _PLAIN:
        answer = make_response(sentence, status)
        answer.mimetype = "text/plain"
    else:
        g.failed = True
        answer = make_response(current_app.jinja_env.get_template("error.html").render(_error_context(status, sentence)), status)
    answer.headers.update(headers)
    return answer


def _error_context(status: int, sentence: str) -> dict[str, object]:
    context: dict[str, object] = {"status": status, "sentence": sentence}
    current_app.update_template_context(context)
    return context


def _judge(problem: Exception) -> tuple[int, str, dict[str, str]]:
    """Status, sentence and extra headers of an error. Missing, foreign and unknown are one and the same (S28)."""
    _ = i18n.gettext
    nothing = _("There is nothing here, or nothing that you may see.")
    if isinstance(problem, NotFound):
        return 404, nothing, {}
    if isinstance(problem, Forbidden):
        return 403, sentences.say(problem), {}
    if isinstance(problem, Refusal):
        if problem.code == "sign_in_throttled":
            return 429, sentences.say(problem), {"Retry-After": str(problem.params["seconds"])}
        return 503 if problem.code in ("not_initialised", "not_migrated") else 422, sentences.say(problem), {}
    if isinstance(problem, CSRFError):
        return 400, _("This form is no longer valid: go back, load the page again and send it once more. What you typed is kept."), {}
    if isinstance(problem, HTTPException):
        status = problem.code or 500
        allowed = problem.get_headers()
        extra = {name: value for name, value in allowed if name in ("Allow", "Location", "Retry-After")}
        told = {
            404: nothing,
            405: _("This address does not take that kind of request."),
            413: _("This is larger than the program accepts."),
        }
        return status, told.get(status, _("The program cannot make sense of this request.")), extra
    return _surroundings(problem)


def _surroundings(problem: Exception) -> tuple[int, str, dict[str, str]]:
    """Disk, database, or a fault of ours: 507, 503 or 500. Told by kind and words, because pages know no database library."""
    _ = i18n.gettext
    log.error("%s %s failed", request.method, request.path, exc_info=problem)
    words = str(getattr(problem, "orig", problem)).lower()
    full = isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or "disk is full" in words or "no space left" in words:
        return 507, _("The disk of the server is full: nothing was changed. Make room, then try again."), {}
    if type(problem).__name__ in ("OperationalError", "InternalError", "InterfaceError", "TimeoutError"):
        return 503, _("The database cannot be reached or cannot be written to just now: nothing was changed. Try again in a moment."), {"Retry-After": "5"}
    return 500, _("Something went wrong in the program: nothing was changed. The server's log has the details."), {}
