"""`collect serve` and `collect routes`: the web server, and who may use which of its routes."""

from __future__ import annotations

import logging
import signal
import sys
from types import FrameType
from typing import NoReturn

import click

from collect.cli import output
from collect.cli.inputs import Choice
from collect.cli.opening import open_runtime
from collect.cli.program import Command
from collect.cli.words import gettext, mark

THREADS = 8


@click.command(cls=Command, help=mark("Serve the pages and the API until it is stopped (Ctrl-C or SIGTERM)."), example="collect serve --host 127.0.0.1 --port 8000")
@click.option("--host", default="127.0.0.1", show_default=True, help=mark("Address to listen on."))
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help=mark("Port to listen on; 0 takes a free one."))
def serve(host: str, port: int) -> None:
    """Serve; a stop lets requests under way finish."""
    from waitress.server import create_server

    from collect.web import create_app

    runtime = open_runtime()
    proxy = runtime.settings.proxy
    trusted = {"trusted_proxy": proxy, "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto"}} if proxy else {}
    server = create_server(create_app(runtime), host=host, port=port, threads=THREADS, ident="collect", clear_untrusted_proxy_headers=True, **trusted)
    signal.signal(signal.SIGTERM, stop)
    # That a request had to wait for a thread is no news for whoever watches the terminal.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    # A name with two addresses (localhost) is served on both; one of them is told.
    taken = server.effective_listen[0][1] if hasattr(server, "effective_listen") else server.effective_port
    output.note(gettext("Serving on http://{host}:{port} (Ctrl-C stops)", host=f"[{host}]" if ":" in host else host, port=taken))
    sys.stderr.flush()
    server.run()


def stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    """On SIGTERM: leave the server's loop, which then waits for the requests under way."""
    raise SystemExit(0)


@click.command(cls=Command, help=mark("List every route with the roles that may use it."), example="collect routes --format json")
@click.option("--format", "form", type=Choice(["table", "json"]), default="table", show_default=True, help=mark("How to print the list."))
def routes(form: str) -> None:
    """Print the role matrix that the server obeys."""
    from collect.web import create_app
    from collect.web.pages import route_matrix

    matrix = route_matrix(create_app(open_runtime(ready=False)))
    if form == "json":
        output.as_json(matrix)
        return
    labels = [gettext(mark("Path")), gettext(mark("Methods")), gettext(mark("Roles"))]
    output.as_lines(labels, [(row["path"], " ".join(row["methods"]), " ".join(row["roles"])) for row in matrix])
