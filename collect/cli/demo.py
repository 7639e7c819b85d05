"""`collect demo`: a demonstration company with a year of history, made once, and served with its worker in one process."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from collect.cli import output
from collect.cli.program import Command
from collect.cli.serve import THREADS, stop
from collect.cli.words import gettext, mark

if TYPE_CHECKING:
    from collect.runtime import Runtime

_EVERY = 60
"""Days between two lines of progress where there is no terminal."""


@click.command(
    cls=Command,
    help=mark("Make a demonstration company with a year of history (once), bring it up to today, and serve it. Nothing is ever sent outside."),
    example="collect demo\ncollect demo --port 8080 --dir trial",
)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help=mark("Port to listen on; 0 takes a free one."))
@click.option("--dir", "place", type=click.Path(file_okay=False, path_type=Path), help=mark("Folder of the demonstration; `demo` in the data folder where none is given."))
@click.option("--no-serve", is_flag=True, help=mark("Make it and bring it up to today, and end."))
@click.pass_context
def demo(ctx: click.Context, port: int, place: Path | None, no_serve: bool) -> None:
    """Make, catch up, tell, serve."""
    from collect import settings
    from collect.services import demo as service

    language = _speak()
    folder = (place or settings.load().data_dir / "demo").expanduser().resolve()
    if not service.exists(folder):
        output.note(gettext("Making the demonstration company in {folder}; this takes about half a minute.", folder=folder))
        with _progress() as told:
            service.make(folder, progress=told)
    runtime = service.open_at(folder, language=language)
    try:
        result = service.catch_up(runtime)
        if result is not None:
            output.note(gettext("The daily round is done up to {day}.", day=result.as_of.isoformat()))
        _serve(runtime, port, ctx, not no_serve)
    finally:
        runtime.engine.dispose()


def _speak() -> str | None:
    """The language of this run: COLLECT_LANGUAGE, else that of the terminal; None where neither says, which means English."""
    from collect import i18n

    told = next((os.environ[name] for name in ("COLLECT_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    language = told.lower()[:2]
    i18n.use(language)
    return language if os.environ.get("COLLECT_LANGUAGE") and language in i18n.LANGUAGES else None


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Tell how much of the year is lived: a bar on a terminal, a line now and then elsewhere; always on standard error."""
    if not sys.stderr.isatty():
        yield lambda done, whole: output.note(gettext("{done} of {whole} days", done=done, whole=whole)) if done % _EVERY == 0 or done == whole else None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(gettext("Living its year"), total=None)
        yield lambda done, whole: bar.update(task, completed=done, total=whole)


def _serve(runtime: Runtime, port: int, ctx: click.Context, serving: bool) -> None:
    """Tell who can sign in, then serve web and worker until it is stopped; without `serving` only tell."""
    from collect import channels
    from collect.services import jobs
    from collect.web import create_app

    app = create_app(runtime)
    server = _listen(app, port, ctx.get_parameter_source("port") is click.core.ParameterSource.DEFAULT) if serving else None
    address = f"http://127.0.0.1:{server.effective_port}" if server is not None else ""
    _tell(app, address)
    if server is None:
        return
    end = jobs.start_thread(runtime, channels.of(runtime.settings))
    signal.signal(signal.SIGTERM, stop)
    output.note(gettext("Serving on {address} (Ctrl-C stops)", address=address))
    sys.stderr.flush()
    try:
        server.run()
    finally:
        end()


def _listen(app: Any, port: int, may_differ: bool) -> Any:
    """A server on this port of this machine alone; on a free one where nobody asked for this one and it is taken."""
    from waitress.server import create_server

    try:
        return create_server(app, host="127.0.0.1", port=port, threads=THREADS, ident="collect", clear_untrusted_proxy_headers=True)
    except OSError as taken:
        if not may_differ or taken.errno != errno.EADDRINUSE:
            raise
    output.note(gettext("Port {port} is taken; a free one is used instead.", port=port))
    return create_server(app, host="127.0.0.1", port=0, threads=THREADS, ident="collect", clear_untrusted_proxy_headers=True)


def _tell(app: Any, address: str) -> None:
    """A user of each role, the password, and the page that he opens at."""
    from collect.services import demo as service
    from collect.web.pages import LANDING
    from collect.web.words import ROLES

    labels = [gettext(mark("Role")), gettext(mark("User")), gettext(mark("Password")), gettext(mark("Opens at"))]
    rows = []
    with app.test_request_context():
        for one in service.people():
            own = LANDING.get(one.role, "")
            page = app.url_for(own if own in app.view_functions else "site.index")
            rows.append((gettext(ROLES[one.role.value]), one.username, one.password, address + page))
    output.as_lines(labels, rows)
