"""The JSON API under `/api/v1`: bearer tokens, the rights of the pages, problem details, and its own OpenAPI page."""

from __future__ import annotations

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI

import collect
from collect.api import access, customers, docs, problems, proposals, reports, schemas
from collect.i18n import mark as _
from collect.runtime import Runtime

# A noun of the API is one line here; its module has `blueprint`, made with `access.noun`, and every view an `access.allow`.
BLUEPRINTS: tuple[APIBlueprint, ...] = (reports.blueprint, customers.blueprint, proposals.blueprint)


def register(app: OpenAPI, runtime: Runtime) -> None:
    """Mount the API and its page on the application, and answer errors below `/api/` as problem details."""
    app.extensions.setdefault("collect", runtime)
    app.json = access.StrictJson(app)
    app.extensions["api_problem"] = problems.of_status
    app.info = Info(title="collect", version=collect.__version__, description=_("The receivables of one company, for its other programs to read."))
    scheme = {"type": "http", "scheme": "bearer", "description": _("A token that `collect user token` issued; it has the rights of its user.")}
    app.security_schemes = {"bearer": scheme}
    app.validation_error_model = schemas.Problem
    app.validation_error_callback = problems.of_validation
    for blueprint in BLUEPRINTS:
        app.register_api(blueprint)
    app.register_blueprint(docs.blueprint)
