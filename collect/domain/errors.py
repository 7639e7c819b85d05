"""The one way the rules say no: a code and its parameters, which the doors turn into a sentence in the reader's language."""

from __future__ import annotations


class Refusal(Exception):
    """A request that the rules do not allow.

    `code` names a sentence in `collect/sentences.py`, `params` fill its placeholders, `field` names the input it is
    about (a form field or a file's column), if any. Nothing has been stored when one is raised out of a service.
    """

    def __init__(self, code: str, field: str | None = None, **params: object) -> None:
        super().__init__(code, params)
        self.code = code
        self.field = field
        self.params = params

    def __str__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self.params.items())
        return f"{self.code}({told})"


class NotFound(Refusal):
    """The object does not exist for this actor: missing and foreign are one and the same answer (S28)."""

    def __init__(self, kind: str, key: object) -> None:
        super().__init__("not_found", None, kind=kind, key=key)


class Forbidden(Refusal):
    """The actor's role has no right to this act (S28)."""

    def __init__(self, permission: str) -> None:
        super().__init__("forbidden", None, permission=permission)
