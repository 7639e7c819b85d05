"""Signing in and out, language and theme, and each person's own account: password, preferences, sessions."""

from __future__ import annotations

import ipaddress
import secrets
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, flash, g, make_response, redirect, request, session
from itsdangerous import BadSignature, URLSafeSerializer
from wtforms import HiddenField, PasswordField, SelectField, StringField, validators

from collect import i18n
from collect.domain.errors import Refusal
from collect.services import users as people
from collect.web import pages
from collect.web.pages import Open, PageForm, needs

blueprint = Blueprint("auth", __name__)
_YEAR = 365 * 86400


class SignInForm(PageForm):
    """User name or e-mail address, and password."""

    username = StringField(i18n.lazy("User name or e-mail"), [validators.InputRequired(), validators.Length(max=254)])
    password = PasswordField(i18n.lazy("Password"), [validators.InputRequired()])
    next = HiddenField()


class PasswordForm(PageForm):
    """The present password, and the new one twice."""

    old = PasswordField(i18n.lazy("Present password"), [validators.InputRequired()])
    new = PasswordField(i18n.lazy("New password"), [validators.InputRequired()])
    again = PasswordField(i18n.lazy("New password again"), [validators.InputRequired()])


class PreferencesForm(PageForm):
    """Language and time zone; empty means: as the browser asks, as the company has it."""

    language = SelectField(i18n.lazy("Language"), choices=pages.choices({"": i18n.lazy("As my browser asks"), **i18n.NAMES}))
    timezone = StringField(i18n.lazy("Time zone"), [validators.Length(max=64)])


@blueprint.route("/login", methods=["GET", "POST"])
@needs(Open.ANYONE)
def sign_in() -> Response:
    """Sign in, then go on to the page that was asked for."""
    if request.method == "GET" and g.actor is not None:
        return make_response(redirect(pages.local(request.args.get("next"), "/"), 303))
    form = SignInForm(next=request.args.get("next"))
    if not form.is_submitted():
        return pages.render("auth/sign_in.html", form=form)
    if not form.validate():
        return pages.render("auth/sign_in.html", 422, form=form)
    name = form.username.data or ""
    try:
        token = people.sign_in(pages.runtime(), name, form.password.data or "", _place(name), request.user_agent.string)
    except Refusal as refusal:
        form.blame(refusal)
        answer = pages.render("auth/sign_in.html", 429 if refusal.code == "sign_in_throttled" else 401, form=form)
        if refusal.code == "sign_in_throttled":
            answer.headers["Retry-After"] = str(refusal.params["seconds"])
        return answer
    _begin_session(token)
    answer = make_response(redirect(pages.local(form.next.data, "/"), 303))
    _remember(answer, "device", _devices().dumps([name.strip().lower(), secrets.token_hex(12)]))
    return answer


@blueprint.post("/logout")
@needs(Open.ANYONE)
def sign_out() -> Response:
    """End this session, on the server and in the browser."""
    token = session.get("token")
    if isinstance(token, str):
        people.sign_out(pages.runtime(), token)
    session.clear()
    return pages.go("auth.sign_in")


@blueprint.post("/language")
@needs(Open.ANYONE)
def language() -> Response:
    """Change the language and stay on the page; kept with the person, or in a cookie before he signs in."""
    chosen = request.form.get("language", "")
    answer = make_response(redirect(_back(), 303))
    if chosen not in i18n.LANGUAGES:
        return answer
    if g.user is not None and g.user.language != chosen:
        zone = g.user.timezone
        pages.write(lambda work: people.set_preferences(work, chosen, zone))
    _remember(answer, "language", chosen)
    return answer


@blueprint.post("/theme")
@needs(Open.ANYONE)
def theme() -> Response:
    """Change between light, dark and as the system has it; a matter of this browser, so a cookie keeps it."""
    chosen = request.form.get("theme", "")
    answer = make_response(redirect(_back(), 303))
    if chosen in ("light", "dark", "auto"):
        # Our script reads and sets this one too; it says nothing about anybody.
        _remember(answer, "theme", chosen, script=True)
    return answer


@blueprint.get("/account")
@needs(Open.SIGNED_IN)
def account() -> Response:
    """One's own account."""
    return _account()


@blueprint.post("/account/preferences")
@needs(Open.SIGNED_IN)
def save_preferences() -> Response:
    """Keep language and time zone."""
    form = PreferencesForm()
    if not form.validate():
        return _account(422, preferences=form)
    try:
        pages.write(lambda work: people.set_preferences(work, form.language.data, form.timezone.data))
    except Refusal as refusal:
        form.blame(refusal)
        return _account(422, preferences=form)
    i18n.use(form.language.data or i18n.current())
    flash(i18n.gettext("Your preferences are saved."))
    answer = pages.go("auth.account")
    if form.language.data:
        _remember(answer, "language", form.language.data)
    else:
        answer.delete_cookie("language")
    return answer


@blueprint.post("/account/password")
@needs(Open.SIGNED_IN)
def save_password() -> Response:
    """Change one's own password: every other session ends, this browser gets a new one."""
    form = PasswordForm()
    if not form.validate():
        return _account(422, password=form)
    try:
        if form.new.data != form.again.data:
            raise Refusal("passwords_differ", "again")
        name = pages.actor().name
        token = people.change_own_password(pages.runtime(), pages.actor(), form.old.data or "", form.new.data or "", _place(name), request.user_agent.string)
    except Refusal as refusal:
        form.blame(refusal)
        return _account(429 if refusal.code == "sign_in_throttled" else 422, password=form)
    _begin_session(token)
    flash(i18n.gettext("Your password is changed; other sessions have ended."))
    return pages.go("auth.account")


@blueprint.post("/account/sessions")
@needs(Open.SIGNED_IN)
def end_sessions() -> Response:
    """End one of one's own sessions (by its mark), or all but this one."""
    mark = request.form.get("session", "")
    if mark:
        people.end_session(pages.runtime(), pages.user().id, mark)
    else:
        people.end_other_sessions(pages.runtime(), pages.user().id, str(session.get("token")))
    flash(i18n.gettext("The session has ended.") if mark else i18n.gettext("All other sessions have ended."))
    return pages.go("auth.account")


def _account(status: int = 200, preferences: PreferencesForm | None = None, password: PasswordForm | None = None) -> Response:
    """The account page, with a form that was refused in the place of its empty one."""
    me = pages.user()
    context: dict[str, Any] = {
        "preferences": preferences or PreferencesForm(formdata=None, language=me.language or "", timezone=me.timezone or ""),
        "password": password or PasswordForm(formdata=None),
        "sessions": people.sessions_of(pages.runtime(), me),
        "mine": people.digest(str(session.get("token"))),
        "zones": people.timezones(),
        "browser_name": _browser_name,
    }
    return pages.render("auth/account.html", status, **context)


def _browser_name(agent: str) -> str:
    """A browser as a person knows it, `Firefox · Windows`; what is not recognised is shown as it called itself."""
    names = ("MicroMessenger", "Edg", "OPR", "Firefox", "Chrome", "Safari")
    systems = ("Windows", "Android", "iPhone", "iPad", "Mac OS", "Linux")
    told = {"MicroMessenger": "WeChat", "Edg": "Edge", "OPR": "Opera", "Mac OS": "macOS"}
    found = [next((name for name in group if name in agent), "") for group in (names, systems)]
    return " · ".join(told.get(name, name) for name in found if name) or agent[:60] or "–"


def _begin_session(token: str) -> None:
    """Put a new session into the cookie, and nothing of the one before: neither its marks nor its form token."""
    session.clear()
    g.pop("csrf_token", None)
    session.permanent = True
    session["token"] = token


def _place(name: str) -> str:
    """What tries to sign in are counted by: a browser in which this user signed in before, else the network address.

    So nobody who guesses from the same office or network keeps the owner out of his own browser. Of an IPv6 address
    the network (/64) counts, because one machine has all of it.
    """
    try:
        known, nonce = _devices().loads(request.cookies.get("device", ""))
        if known == name.strip().lower():
            return f"browser:{nonce}"
    except (BadSignature, ValueError, TypeError):
        pass
    try:
        address = ipaddress.ip_address((request.remote_addr or "").partition("%")[0])
    except ValueError:
        return request.remote_addr or "unknown"
    if address.version == 6 and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False).network_address)
    return str(address)


def _devices() -> URLSafeSerializer:
    return URLSafeSerializer(str(current_app.secret_key), salt="collect.device")


def _remember(answer: Response, name: str, value: str, script: bool = False) -> None:
    answer.set_cookie(name, value, max_age=_YEAR, httponly=not script, samesite="Lax", secure=pages.runtime().settings.secure_cookies)


def _back() -> str:
    """The page the form was on: as it said, else as the browser says, else the start."""
    named = pages.local(request.form.get("next"), "")
    if named:
        return pages.readable(named)
    parts = urlsplit(request.referrer or "")
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return pages.readable(pages.local(path, "/")) if parts.netloc == request.host else "/"
