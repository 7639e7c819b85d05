"""Settings → users: who signs in here, with which role, in whose team; passwords and API tokens."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, request
from wtforms import BooleanField, HiddenField, PasswordField, SelectField, SelectMultipleField, StringField, validators

from collect import i18n
from collect.domain.errors import Refusal
from collect.domain.rights import Role
from collect.runtime import View
from collect.services import users as people
from collect.storage import users as storage
from collect.storage.users import User
from collect.web import pages, words
from collect.web.pages import PageForm, Permission, needs

blueprint = Blueprint("users", __name__, url_prefix="/settings/users")

ROLES = {
    Role.REP: i18n.lazy("Sales rep"),
    Role.LEAD: i18n.lazy("Team lead"),
    Role.FINANCE: i18n.lazy("Finance"),
    Role.MANAGER: i18n.lazy("Manager"),
    Role.AUDITOR: i18n.lazy("Auditor"),
    Role.ADMIN: i18n.lazy("Administrator"),
}
SCOPES = {scope: i18n.lazy(label) for scope, label in words.SCOPES.items()}


class UserForm(PageForm):
    """What an administrator edits of a person."""

    name = StringField(i18n.lazy("Name"), [validators.Length(max=100)])
    email = StringField(i18n.lazy("E-mail"), [validators.Length(max=254)])
    role = SelectField(i18n.lazy("Role"), choices=pages.choices(ROLES))
    lead = SelectField(i18n.lazy("Team lead"), choices=[], validate_choice=False)
    language = SelectField(i18n.lazy("Language"), choices=pages.choices({"": i18n.lazy("As the browser asks"), **i18n.NAMES}))


class AddForm(UserForm):
    """A new person also gets a user name and a first password."""

    username = StringField(i18n.lazy("User name"), [validators.InputRequired(), validators.Length(max=64)])
    password = PasswordField(i18n.lazy("First password"), [validators.InputRequired()])


class EditForm(UserForm):
    """`stamp` tells whether somebody else changed this person meanwhile."""

    active = BooleanField(i18n.lazy("May sign in"))
    stamp = HiddenField()


class ResetForm(PageForm):
    """A new password for somebody else."""

    password = PasswordField(i18n.lazy("New password"), [validators.InputRequired()])


class TokenForm(PageForm):
    """What a new token may be used for."""

    scopes = SelectMultipleField(i18n.lazy("May be used to"), choices=pages.choices(SCOPES), default=list(SCOPES))


@blueprint.get("")
@needs(Permission.MANAGE_USERS)
def index() -> Response:
    """All users."""
    with pages.read_view() as view:
        everyone = storage.load_users(view.session)
    names = {person.id: person for person in everyone}
    return pages.render("users/index.html", everyone=everyone, names=names, roles=ROLES, Role=Role)


@blueprint.route("/new", methods=["GET", "POST"])
@needs(Permission.MANAGE_USERS)
def add() -> Response:
    """Add a person."""
    with pages.read_view() as view:
        form = AddForm()
        form.lead.choices = _leads(view)
    if not form.is_submitted():
        return pages.render("users/new.html", form=form)
    if not form.validate():
        return pages.render("users/new.html", 422, form=form)
    values = {"email": form.email.data, "lead": form.lead.data, "language": form.language.data}
    try:
        made = pages.write(lambda work: people.add(work, form.username.data or "", form.name.data or "", Role(form.role.data), form.password.data or "", **values))
    except Refusal as refusal:
        form.blame(refusal)
        return pages.render("users/new.html", 422, form=form)
    flash(i18n.gettext("{name} can sign in now.", name=made.name))
    return pages.go("users.index")


@blueprint.route("/<username>", methods=["GET", "POST"])
@needs(Permission.MANAGE_USERS)
def edit(username: str) -> Response:
    """Change a person's name, role, team, language or access."""
    if request.method == "GET":
        return _page(username)
    form = EditForm()
    if not form.validate():
        return _page(username, 422, form=form)
    try:
        pages.write(lambda work: people.edit(work, username, _profile(form)))
    except Refusal as refusal:
        form.blame(refusal)
        return _page(username, 409 if refusal.code == "changed_meanwhile" else 422, form=form)
    flash(i18n.gettext("The changes to {name} are saved.", name=username))
    return pages.go("users.index")


@blueprint.post("/<username>/password")
@needs(Permission.MANAGE_USERS)
def reset_password(username: str) -> Response:
    """Give a person a new password; ends his sessions."""
    form = ResetForm()
    if not form.validate():
        return _page(username, 422, reset=form)
    try:
        pages.write(lambda work: people.set_password(work, username, form.password.data or ""))
    except Refusal as refusal:
        form.blame(refusal)
        return _page(username, 422, reset=form)
    flash(i18n.gettext("{name} has a new password; the sessions have ended.", name=username))
    return pages.go("users.edit", username=username)


@blueprint.post("/<username>/tokens")
@needs(Permission.MANAGE_USERS)
def issue_token(username: str) -> Response:
    """Issue a token and show it, this one time: it is in no address, and not kept."""
    form = TokenForm()
    if not form.validate():
        return _page(username, 422, token=form)
    try:
        secret = pages.write(lambda work: people.issue_token(work, username, list(form.scopes.data or [])))
    except Refusal as refusal:
        form.blame(refusal)
        return _page(username, 422, token=form)
    return _page(username, secret=secret)


@blueprint.post("/<username>/tokens/<int:token_id>/revoke")
@needs(Permission.MANAGE_USERS)
def revoke_token(username: str, token_id: int) -> Response:
    """Make a token useless."""
    pages.write(lambda work: people.revoke_token(work, username, token_id))
    flash(i18n.gettext("The token is revoked."))
    return pages.go("users.edit", username=username)


def _profile(form: EditForm) -> people.Profile:
    return people.Profile(
        name=form.name.data or "",
        email=form.email.data,
        role=Role(form.role.data),
        lead=form.lead.data,
        language=form.language.data,
        active=bool(form.active.data),
        stamp=form.stamp.data or "",
    )


def _page(username: str, status: int = 200, *, form: EditForm | None = None, reset: ResetForm | None = None, token: TokenForm | None = None, secret: str | None = None) -> Response:
    """A person's page, with a form that was refused in the place of its fresh one; NotFound for nobody."""
    with pages.read_view() as view:
        person = people.require(view.session, username)
        tokens = storage.load_tokens(view.session, person.id)
        shown = form or EditForm(formdata=None, data=_values(view, person))
        shown.lead.choices = _leads(view, person)
        if status == 409:
            shown.stamp.data = people.stamp_of(person)
    context: dict[str, Any] = {"person": person, "form": shown, "tokens": tokens, "secret": secret, "scope_names": SCOPES}
    return pages.render("users/edit.html", status, reset=reset or ResetForm(formdata=None), token=token or TokenForm(formdata=None), **context)


def _values(view: View, person: User) -> dict[str, Any]:
    lead = storage.load_user(view.session, person.lead_id) if person.lead_id else None
    return {
        "name": person.name,
        "email": person.email,
        "role": person.role,
        "lead": lead.username if lead else "",
        "language": person.language or "",
        "active": person.active,
        "stamp": people.stamp_of(person),
    }


def _leads(view: View, person: User | None = None) -> list[Any]:
    """The team leads to choose from: active ones, not the person himself, and whoever it is now."""
    found = [other for other in storage.load_users(view.session) if other.role == Role.LEAD and (other.active or (person and person.lead_id == other.id))]
    named = {other.username: f"{other.name} ({other.username})" for other in found if not person or other.id != person.id}
    return pages.choices({"": i18n.lazy("Nobody's team"), **named})
