"""What an administrator may change of our own company after it was made: its name and its aging buckets."""

from __future__ import annotations

from collect.domain import aging
from collect.domain.errors import Refusal
from collect.domain.rights import Permission
from collect.runtime import Work
from collect.storage import audit


def edit(work: Work, name: str, buckets: str, version: int) -> None:
    """Change the name and the upper edges of the buckets (`30,60,90`); `version` is the one the form was opened with.

    Refuses an empty or overlong name, buckets that do not rise (S7), and a form that is older than the last change.
    """
    work.actor.need(Permission.MANAGE_SETTINGS)
    name = " ".join(name.split())
    if not name or len(name) > 200 or "=?" in name:
        raise Refusal("bad_company_name", "name", value=name)
    edges = ",".join(map(str, aging.parse_edges(buckets).edges))
    seller = work.seller
    if seller.version != version:
        raise Refusal("changed_meanwhile", None, what=seller.name)
    before = {"name": seller.name, "buckets": seller.buckets}
    after = {"name": name, "buckets": edges}
    if before != after:
        seller.name, seller.buckets = name, edges
        seller.version += 1
        work.note(audit.Note("edit", "company", str(seller.id), before=before, after=after))
