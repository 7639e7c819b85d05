"""From the environment to the running program: settings, the language of this run, a database that is there and migrated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from collect.domain.errors import Refusal

if TYPE_CHECKING:
    from collect.runtime import Runtime


def open_runtime(*, ready: bool = True) -> Runtime:
    """The runtime of this installation, closed when the command ends; from here on the company's language is spoken.

    `ready` demands a company in a migrated database and raises Refusal `not_initialised` or `not_migrated`; a missing
    SQLite file is not made by asking for it. Raises Refusal `bad_setting`, `bad_database_url` or `driver_missing`.
    """
    from collect import i18n, runtime, settings
    from collect.storage import health, migrate

    chosen = settings.load()
    i18n.use(chosen.language)
    health.address(chosen.database_url)
    if ready and not health.exists(chosen.database_url):
        raise Refusal("not_initialised")
    try:
        opened = runtime.start(chosen)
    except ModuleNotFoundError as missing:
        raise Refusal("driver_missing", name=missing.name) from None
    click.get_current_context().call_on_close(opened.engine.dispose)
    if ready:
        migrate.require(opened.engine)
        speak_company(opened)
    return opened


def speak_company(opened: Runtime) -> None:
    """Speak the company's language unless COLLECT_LANGUAGE names one."""
    from collect import i18n
    from collect.domain.rights import SYSTEM

    if opened.settings.language is None:
        with opened.read(SYSTEM) as view:
            i18n.use(view.seller.language)
