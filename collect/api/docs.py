"""What the API says about itself: the OpenAPI document, and a page to read it on without a script."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, make_response, render_template, request
from markupsafe import Markup

from collect import i18n
from collect.api import problems
from collect.domain.rights import Open, needs, roles_with
from collect.i18n import mark as _
from collect.services import users

_LINE = 100
_PLACEHOLDER = re.compile(r"\{\w+\}")
blueprint = Blueprint("api_docs", __name__, url_prefix="/api/v1")

_TYPES = {
    "date": _("date"),
    "date-time": _("instant"),
    "decimal": _("amount"),
    "uri-reference": _("address"),
    "string": _("text"),
    "integer": _("whole number"),
    "boolean": _("true or false"),
    "array": _("list"),
    "object": _("object"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter or a field of an answer: what it may be (a word, or the values to choose from) and what it means."""

    name: str
    kind: str
    choices: tuple[str, ...]
    description: str
    default: str | None = None
    example: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation as the page shows it."""

    method: str
    path: str
    summary: str
    description: str
    scopes: tuple[str, ...]
    roles: tuple[str, ...]
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    fields: tuple[Field, ...]
    request: str
    answer: str
    problems: tuple[problems.Kind, ...]


@blueprint.get("/openapi.json")
@needs(Open.ANYONE)
def document() -> Response:
    """The OpenAPI 3.1 document; it holds no data, so it asks for no token."""
    return Response(json.dumps(_document(), ensure_ascii=False, indent=1), content_type="application/json")


@blueprint.get("/docs")
@needs(Open.ANYONE)
def page() -> Response:
    """The same document as a page, in the reader's language."""
    found = _document()
    operations = [
        _operation(method.upper(), path, operation, found["components"]["schemas"]) for path, item in sorted(found["paths"].items()) for method, operation in item.items()
    ]
    problem = tuple(_fields(found["components"]["schemas"]["Problem"], found["components"]["schemas"]))
    context = {"info": found["info"], "operations": operations, "kinds": problems.KINDS, "problem": problem, "media_type": problems.MEDIA_TYPE, "told": told}
    return make_response(render_template("api/docs.html", **context))


def told(text: str) -> Markup:
    """A text in the reader's language: what stands in backticks as code, and every placeholder as an ellipsis."""
    parts = _PLACEHOLDER.sub("…", i18n.gettext(text)).split("`")
    return Markup("").join(Markup('<code translate="no">{}</code>').format(part) if number % 2 else part for number, part in enumerate(parts))


def _document() -> dict[str, Any]:
    found: dict[str, Any] = current_app.api_doc  # type: ignore[attr-defined]
    return found


def _operation(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> Operation:
    parameters = tuple(_field(part["name"], {"description": part.get("description", ""), **part["schema"]}) for part in operation.get("parameters", []))
    sent = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    body = tuple(_fields(_resolved(sent, schemas), schemas))
    content = operation["responses"]["200"]["content"]["application/json"]
    scopes = tuple(scope for need in operation["security"] for scope in need["bearer"])
    statuses = {int(status) for status in operation["responses"]}
    return Operation(
        method=method,
        path=path,
        summary=operation["summary"],
        description=operation["description"],
        scopes=scopes,
        roles=tuple(role.value for role in roles_with(users.SCOPES[scopes[0]])),
        parameters=parameters,
        body=body,
        fields=tuple(_fields(_resolved(content["schema"], schemas), schemas)),
        request=_curl(method, path, parameters, body),
        answer=_shown(content["example"]),
        problems=tuple(kind for kind in problems.KINDS if kind.status in statuses),
    )


def _curl(method: str, path: str, parameters: tuple[Field, ...], body: tuple[Field, ...]) -> str:
    """A request to copy: what stands in the path by its example, then the first other parameter or the field that has one."""
    for part in parameters:
        path = path.replace(f"{{{part.name}}}", part.example or part.name)
    named = [(part.name, part.example) for part in parameters if part.example and part.example not in path][:1]
    address = f"{request.host_url.rstrip('/')}{request.script_root}{path}" + (f"?{urlencode(named)}" if named else "")
    if method == "GET":
        return f'curl -H "Authorization: Bearer $TOKEN" "{address}"'
    sent = json.dumps({part.name: part.example or "…" for part in body[:2]}, ensure_ascii=False)
    return f'curl -X {method} -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" -H "Idempotency-Key: $KEY" -d \'{sent}\' "{address}"'


def _shown(value: Any, indent: str = "") -> str:
    """JSON for a reader: what fits stands on one line, the rest on a line each."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent + line) <= _LINE or not isinstance(value, (dict, list)):
        return line
    deeper = f"{indent}  "
    named = value.items() if isinstance(value, dict) else ((None, part) for part in value)
    parts = [deeper + (f"{json.dumps(name)}: " if name else "") + _shown(part, deeper) for name, part in named]
    first, last = "{}" if isinstance(value, dict) else "[]"
    return f"{first}\n" + ",\n".join(parts) + f"\n{indent}{last}"


def _fields(schema: dict[str, Any], schemas: dict[str, Any], prefix: str = "") -> Iterator[Field]:
    """Every field of an object and of the objects in it, by its path: `rows[].key`; what a list before had is not told again."""
    seen: set[str] = set()
    for name, part in schema.get("properties", {}).items():
        yield _field(prefix + name, part)
        many = part.get("type") == "array"
        inner = _resolved(part["items"] if many else part, schemas)
        names = set(inner.get("properties", ()))
        if not names <= seen:
            yield from _fields(inner, schemas, f"{prefix}{name}{'[]' if many else ''}.")
        seen |= names
    if isinstance(schema.get("additionalProperties"), dict):
        yield _field(f"{prefix}{{bucket}}", schema["additionalProperties"], _("The amount in each bucket, under the bucket's name."))


def _field(name: str, schema: dict[str, Any], description: str = "") -> Field:
    kinds = [part.get("format") or part.get("type", "object") for part in schema.get("anyOf", [schema])]
    kind = schema.get("format") or next(word for word in kinds if word != "null")
    default, example = schema.get("default"), schema.get("example")
    return Field(name, _TYPES.get(kind, kind), tuple(schema.get("enum", ())), description or schema.get("description", ""), default, example)


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """The schema a reference points to, or the schema itself."""
    target = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = schemas[target] if target else schema
    return found
