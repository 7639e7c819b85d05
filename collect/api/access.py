"""Who calls the API: the bearer token of each request, the scope it was issued for, and the role of its user (S28)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Response, current_app, g, request
from flask.json.provider import DefaultJSONProvider
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from collect import i18n
from collect.api import problems
from collect.domain.errors import Refusal
from collect.domain.rights import Actor, Need, Permission, need_of, needs
from collect.runtime import Runtime, Work
from collect.services import users
from collect.storage import replies

_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]{1,200}=*) *", re.IGNORECASE)
_View = TypeVar("_View", bound=Callable[..., Any])


def noun(name: str, tag: str, description: str) -> APIBlueprint:
    """The routes below `/api/v1/{name}`: each asks for a token first, and answers refusals as problem details."""
    tags = [Tag(name=tag, description=description)]
    made = APIBlueprint(f"api_{name}", __name__, url_prefix=f"/api/v1/{name}", abp_tags=tags, abp_responses=problems.responses())
    made.before_request(admit)
    made.register_error_handler(Refusal, problems.of_refusal)
    return made


def allow(scope: str) -> Callable[[_View], _View]:
    """Declare the scope a route asks of a token; the role of the token's user must hold the right behind it as well."""

    def declare(view: _View) -> _View:
        view.scope = scope  # type: ignore[attr-defined]
        return needs(users.SCOPES[scope])(view)

    return declare


def scope_of(view: Callable[..., Any]) -> str:
    """The scope a route declared with `allow`."""
    found: str = view.scope  # type: ignore[attr-defined]
    return found


def admit() -> None:
    """Let the request through, or refuse it: `token_missing`, `token_refused`, `scope_missing`, Forbidden, `repeated_field`.

    In this order, and before anything of the request itself is looked at. The token is looked up anew each time, so that
    revoking it or disabling its user acts at once. A session cookie counts for nothing here.
    """
    g.actor = None
    i18n.use(_asked_language())
    view = current_app.view_functions[request.endpoint or ""]
    credentials = request.headers.get("Authorization", "")
    bearer = _BEARER.fullmatch(credentials)
    if bearer is None:
        raise Refusal("token_refused" if credentials else "token_missing")
    found = users.token_actor(runtime(), bearer[1])
    if found is None:
        raise Refusal("token_refused")
    caller, scopes = found
    g.actor = caller
    i18n.use(_asked_language() or caller.language)
    wanted, need = scope_of(view), need_of(view)
    if wanted not in scopes:
        raise Refusal("scope_missing", None, value=wanted)
    _need(caller, need)
    for name, values in request.args.lists():
        if len(values) > 1:
            raise Refusal("repeated_field", name, value=name)


def runtime() -> Runtime:
    """The runtime the application was made with."""
    found: Runtime = current_app.extensions["collect"]
    return found


def actor() -> Actor:
    """The user the token speaks for."""
    found: Actor = g.actor
    return found


def _need(caller: Actor, need: Need | None) -> None:
    if not isinstance(need, Permission):
        raise RuntimeError(f"{request.endpoint} does not say which right it needs")
    caller.need(need)


def _asked_language() -> str | None:
    """The best of the languages the request asks for, None when it asks for none of ours."""
    return request.accept_languages.best_match(i18n.LANGUAGES) if request.accept_languages else None


class StrictJson(DefaultJSONProvider):
    """JSON as it is defined: no NaN, no name twice, no nesting without end; anything else is a ValueError and no fault of ours."""

    def loads(self, s: str | bytes, **settings: Any) -> Any:
        try:
            return json.loads(s, parse_constant=_no_number, object_pairs_hook=_once_each)
        except RecursionError:
            raise ValueError("nested too deeply") from None


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def change(body: dict[str, Any], act: Callable[[Work], dict[str, Any]]) -> Response:
    """Make a change as the token's user and answer with what `act` returns; with an Idempotency-Key at most once (S16).

    The same key with the same request gets the first answer again, and nothing is done; with another one it is refused
    (`key_reused`). The answer is kept in the transaction of the change, so there is never one without the other.
    """
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise Refusal("bad_key")
    asked = json.dumps([request.method, request.path, body], sort_keys=True, ensure_ascii=False)
    digest = hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()
    user_id = actor().user_id or 0

    def attempt(work: Work) -> str:
        kept = replies.reply_to(work.session, user_id, key) if key is not None else None
        if kept is not None:
            if kept.digest != digest:
                raise Refusal("key_reused")
            return kept.body
        answer = json.dumps(act(work), ensure_ascii=False)
        if key is not None:
            replies.add_reply(work.session, user_id, key, digest, answer, work.now)
        return answer

    return Response(runtime().write(actor(), attempt), content_type="application/json")
