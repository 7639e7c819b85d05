#!/usr/bin/env python3
"""The one entry for people who work on collect: sets everything up in `.venv`, then runs a task. Standard library only."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
TOOLS = ROOT / ".tools"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
STAMP = VENV / "collect-stamp"


def main(arguments: list[str]) -> int:
    """Run the task named first, with the rest as its arguments; without a name, list the tasks. Returns its exit status."""
    tasks = {
        "demo": (demo, "a demonstration company with a year of history, served at http://127.0.0.1:8000"),
        "test": (test, "the whole suite: SQLite, PostgreSQL, and a browser where Chromium is installed"),
        "lint": (lint, "format check, lint, and strict types"),
        "format": (format_code, "format the code in place"),
        "bench": (bench, "benchmarks: bench aging | bench import [--documents N] …"),
        "docs": (docs, "make the screenshots of README and docs anew"),
        "collect": (collect, "the program itself: run.py collect report aging …"),
        "setup": (lambda rest: 0, "only prepare .venv"),
    }
    if not arguments or arguments[0] not in tasks:
        print("usage: python3 run.py TASK [arguments]\n")
        for name, (_, meaning) in tasks.items():
            print(f"  {name:8} {meaning}")
        return 0 if not arguments or arguments[0] in ("-h", "--help", "help") else 2
    if sys.version_info < (3, 11):
        print(f"collect needs Python 3.11 or newer; this is {sys.version.split()[0]}.", file=sys.stderr)
        return 3
    prepare()
    return tasks[arguments[0]][0](arguments[1:])


def prepare() -> None:
    """Make `.venv` hold exactly requirements.txt and this checkout; a stamp of both files makes the second call instant."""
    wanted = hashlib.sha256((ROOT / "requirements.txt").read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if PYTHON.exists() and STAMP.exists() and STAMP.read_text() == wanted:
        return
    environment = os.environ | {"UV_PYTHON_DOWNLOADS": "never"}
    uv = find_uv()
    if not PYTHON.exists():
        if uv:
            subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(VENV)], check=True, env=environment)
        else:
            subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    pip = [uv, "pip"] if uv else [str(PYTHON), "-m", "pip"]
    target = ["--python", str(PYTHON)] if uv else []
    print("Setting up .venv …", file=sys.stderr, flush=True)
    subprocess.run([*pip, "install", "-q", *target, "--require-hashes", "-r", str(ROOT / "requirements.txt")], check=True, env=environment)
    subprocess.run([*pip, "install", "-q", *target, "--no-deps", "--no-build-isolation", "-e", str(ROOT)], check=True, env=environment)
    STAMP.write_text(wanted)


def find_uv() -> str | None:
    """The uv program: on PATH, in `.tools`, or put into `.tools` by pip; None where pip cannot (then venv and pip do the work)."""
    found = shutil.which("uv")
    if found:
        return found
    local = TOOLS / "bin" / "uv"
    if not local.exists():
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--target", str(TOOLS), "uv"], check=False)
    return str(local) if local.exists() else None


def demo(arguments: list[str]) -> int:
    """Make the demonstration company (once) and serve it until Ctrl-C; the program takes this one's place."""
    return run_in_place([str(PYTHON), "-m", "collect", "demo", *arguments])


def run_in_place(command: list[str]) -> int:
    """Become the command, so that Ctrl-C and signals reach it alone; where the system has no exec (Windows), wait for it."""
    if os.name == "posix":
        sys.stderr.flush()
        os.execv(command[0], command)
    return subprocess.run(command).returncode


def test(arguments: list[str]) -> int:
    """Run pytest over everything; axe-core comes from npm when npm is there (its tests say so when they skip)."""
    if shutil.which("npm") and not (TOOLS / "node_modules" / "axe-core").exists():
        TOOLS.mkdir(exist_ok=True)
        shutil.copy(ROOT / "tests" / "browser" / "package.json", TOOLS / "package.json")
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(TOOLS)], check=False)
    return subprocess.run([str(PYTHON), "-m", "pytest", *arguments], cwd=ROOT).returncode


def lint(arguments: list[str]) -> int:
    """Format check, lint and strict types; the first that fails decides the exit status."""
    for command in (["ruff", "format", "--check", "."], ["ruff", "check", "."], ["mypy"]):
        status = subprocess.run([str(PYTHON), "-m", *command], cwd=ROOT).returncode
        if status:
            return status
    return 0


def format_code(arguments: list[str]) -> int:
    """Format the code and sort the imports in place."""
    subprocess.run([str(PYTHON), "-m", "ruff", "check", "--fix", "-q", "."], cwd=ROOT)
    return subprocess.run([str(PYTHON), "-m", "ruff", "format", "."], cwd=ROOT).returncode


def bench(arguments: list[str]) -> int:
    """Run one benchmark command from benchmarks/."""
    return subprocess.run([str(PYTHON), "-m", "benchmarks", *arguments], cwd=ROOT).returncode


def docs(arguments: list[str]) -> int:
    """Make the screenshots of README and docs anew (needs Chromium)."""
    return subprocess.run([str(PYTHON), str(ROOT / "scripts" / "screenshots.py"), *arguments], cwd=ROOT).returncode


def collect(arguments: list[str]) -> int:
    """Run the program from this checkout."""
    return subprocess.run([str(PYTHON), "-m", "collect", *arguments]).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
