"""What holds for every command: help with an example, exit statuses, one sentence, the right stream, the reader's language."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from sqlalchemy.exc import OperationalError

from collect import i18n
from collect.cli import main, opening
from collect.domain.errors import Refusal
from tests.cli.conftest import Program

HEAVY = {"sqlalchemy", "flask", "pandas", "numpy", "reportlab", "babel", "alembic", "rich"}


def commands(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that call it."""
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


EVERY = dict(commands())


def run(*words: str, **more: object) -> subprocess.CompletedProcess[str]:
    """The program in a process of its own."""
    return subprocess.run([sys.executable, "-m", "collect", *words], capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload,no-any-return]


def test_the_commands_of_the_interface_are_there() -> None:
    named = ["init", "serve", "doctor", "routes", "verify", "db", "user", "import", "report", "audit", "month"]
    assert set(named) <= set(main.commands)
    assert {"upgrade", "backup", "restore", "check"} == set(main.commands["db"].commands)  # type: ignore[attr-defined]
    assert {"add", "list", "disable", "token"} == set(main.commands["user"].commands)  # type: ignore[attr-defined]
    assert {"customers", "contacts", "invoices", "credits", "payments"} <= set(main.commands["import"].commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_help_tells_and_shows_an_example(words: tuple[str, ...]) -> None:
    told = CliRunner().invoke(main, [*words, "--help"])
    assert told.exit_code == 0
    assert told.stderr == ""
    example = told.stdout.partition("Example:")[2]
    assert f"collect {words[0]}" in example
    options = [parameter for parameter in EVERY[words].params if isinstance(parameter, click.Option)]
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_the_example_of_help_is_a_command_line_that_parses(words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The words after `collect` name a command, its options exist, and what is required is there."""
    import shlex

    monkeypatch.chdir(tmp_path)
    for line in EVERY[words].example.splitlines():  # type: ignore[attr-defined]
        given = shlex.split(line)[1:]
        for word in given:
            if re.fullmatch(r"[\w.]+\.(csv|txt|toml|xml)", word):
                (tmp_path / word).touch()
        given = [str(tmp_path / Path(word).name) if word.startswith("/") else word for word in given]
        for word in given:
            if word.startswith(str(tmp_path)):
                Path(word).touch()
        command: click.Command = main
        while isinstance(command, click.Group):
            command = command.commands[given.pop(0)]
        command.make_context("x", given)


def test_wrong_usage_is_2_and_says_where_to_read(sqlite_program: Program) -> None:
    told = sqlite_program("report", "aging", "--colour", "red", status=2)
    assert (told.stdout, told.stderr.splitlines()[0]) == ("", "There is no option --colour.")
    assert told.stderr.splitlines()[1] == "See `collect report aging --help`."
    assert sqlite_program("unheard-of", status=2).stdout == ""
    assert "Usage: collect" in sqlite_program(status=2).stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("imprt", "There is no command imprt. Did you mean import?"),
        ("report aging --as-off x", "There is no option --as-off. Did you mean --as-of?"),
        ("user add x --role king", "--role: king is none of rep, lead, finance, manager, auditor, admin."),
        ("user disable", "NAME is missing."),
        ("month open 2026-02", "--reason is missing."),
        ("db restore nowhere/at.all", "FILE: there is no file nowhere/at.all."),
        ("db backup .", "FILE: . is a folder, not a file."),
    ],
)
def test_wrong_usage_is_said_in_a_sentence_of_ours(sqlite_program: Program, words: str, sentence: str) -> None:
    assert sqlite_program(*words.split(), status=2).stderr.splitlines()[0] == sentence


def test_a_refusal_is_1_and_one_sentence(sqlite_program: Program) -> None:
    told = sqlite_program("verify", status=1)
    assert (told.stdout, told.stderr) == ("", "This database is empty: run `collect init` first.\n")
    assert not (sqlite_program.folder / "home").exists(), "asking made a database"


def test_a_database_that_does_not_answer_is_3(sqlite_program: Program) -> None:
    told = sqlite_program("verify", status=3, COLLECT_DATABASE_URL="postgresql://someone:secret@127.0.0.1:9/books")
    assert told.stdout == ""
    assert re.fullmatch(r"The database cannot be used now: .+\. Correct that and run the command again\.\n", told.stderr)
    assert "secret" not in told.stderr


def test_another_kind_of_database_is_refused_without_its_password(sqlite_program: Program) -> None:
    told = sqlite_program("verify", status=1, COLLECT_DATABASE_URL="mysql://someone:secret@127.0.0.1/books")
    assert told.stderr.startswith("COLLECT_DATABASE_URL names no database this program can use")
    assert "secret" not in told.stderr


def test_a_file_that_is_no_database_is_3(sqlite_program: Program) -> None:
    file = sqlite_program.folder / "home" / "collect.db"
    file.parent.mkdir()
    file.write_bytes(b"customer_no,name\n" * 500)
    told = sqlite_program("verify", status=3)
    assert told.stderr.startswith("The database file cannot be read (file is not a database)")


def test_a_disk_that_refuses_is_3(ready: Program) -> None:
    told = ready("db", "backup", ready.folder / "missing" / "copy", status=3)
    assert (told.stdout, told.stderr) == ("", f"The system refused {ready.folder / 'missing' / 'copy'}: No such file or directory.\n")


@pytest.mark.parametrize(
    ("problem", "status", "sentence"),
    [
        (Refusal("bad_buckets", value="9,3"), 1, "9,3 are no aging buckets; write rising upper edges in days such as 30,60,90."),
        (
            OperationalError("SELECT secret", {}, Exception("database or disk is full")),
            3,
            "The database cannot be used now: database or disk is full. Correct that and run the command again.",
        ),
        (OSError(28, "No space left on device", "/backups/monday"), 3, "The system refused /backups/monday: No space left on device."),
        (ConnectionResetError(104, "Connection reset by peer"), 3, "The system refused this: Connection reset by peer."),
        (KeyboardInterrupt(), 1, "Stopped: what was not finished has changed nothing."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_each_failure_has_its_status_and_one_sentence(problem: BaseException, status: int, sentence: str, ready: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise problem

    monkeypatch.setattr(opening, "speak_company", fail)
    told = ready("verify", status=status)
    assert (told.stdout, told.stderr.strip()) == ("", sentence)


def test_a_fault_of_the_program_says_so_and_shows_where(ready: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(opening, "speak_company", fail)
    told = ready("verify", status=1).stderr
    assert "Traceback" in told
    assert told.splitlines()[-1] == "This is a fault of the program, not of what you typed: please report ZeroDivisionError with the lines above."


def test_a_bad_setting_is_named(sqlite_program: Program) -> None:
    told = sqlite_program("verify", status=1, COLLECT_IMPORT_MAX_ROWS="many").stderr
    assert told == "Setting COLLECT_IMPORT_MAX_ROWS: many cannot be used; correct it or remove it.\n"


def test_help_and_sentences_follow_the_language(sqlite_program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a catalogue of three texts: help, option and refusal come out of it, and everything else stays English."""
    words = {
        "Prove the control totals, the allocation limits and the audit chain. Ends with 1 and a list when something is off.": "证明账目相符。",
        "How to print the findings.": "结果的格式。",
        "This database is empty: run `collect init` first.": "数据库是空的：请先运行 `collect init`。",
    }
    monkeypatch.setattr(i18n, "catalogue", lambda language: words if language == "zh" else {})
    told = sqlite_program("verify", "--help", COLLECT_LANGUAGE="zh").stdout
    assert "证明账目相符。" in told
    assert "结果的格式。" in told
    assert sqlite_program("verify", status=1, COLLECT_LANGUAGE="zh_CN").stderr == "数据库是空的：请先运行 `collect init`。\n"
    assert "证明账目相符\n" in sqlite_program("--help", COLLECT_LANGUAGE="zh").stdout


def test_the_company_speaks_where_no_language_is_set(ready: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """The company of the fixture is Chinese: a refusal after opening it comes in Chinese, COLLECT_LANGUAGE=en overrules it."""
    english = "{value} is no date; write it as 2026-03-31."
    monkeypatch.setattr(i18n, "catalogue", lambda language: {english: "{value} 不是日期。"} if language == "zh" else {})
    assert ready("report", "aging", "--as-of", "soon", status=2, COLLECT_LANGUAGE=None).stderr.splitlines()[0] == "soon 不是日期。"
    assert ready("report", "aging", "--as-of", "soon", status=2, COLLECT_LANGUAGE="en").stderr.splitlines()[0] == "soon is no date; write it as 2026-03-31."


def test_starting_loads_nothing_heavy_and_is_quick() -> None:
    """`--help` and `--version` in under 0.3 s; processor time is measured, so that a busy machine does not decide."""
    spent = []
    for words in (["--help"], ["--version"], ["report", "aging", "--help"]):
        code = f"import sys; sys.argv = ['collect', *{words!r}]\nfrom collect.cli import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "COLLECT_LANGUAGE": "en"})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert HEAVY & {name.partition(".")[0] for name in done.stderr.split()} == set()
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(spent) < 0.3


def test_the_program_and_the_module_are_the_same() -> None:
    done = run("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"collect \d+\.\d+\.\d+\S*\n", done.stdout)
    script = Path(sys.executable).with_name("collect")
    if script.exists():
        assert subprocess.run([script, "--version"], capture_output=True, text=True, check=True).stdout == done.stdout


def test_real_processes_end_with_the_statuses(tmp_path: Path) -> None:
    environment = {**os.environ, "COLLECT_DATA_DIR": str(tmp_path / "home")}
    refused = run("verify", env=environment)
    assert (refused.returncode, refused.stdout, refused.stderr) == (1, "", "This database is empty: run `collect init` first.\n")
    assert run("report", "aging", "--nonsense", env=environment).returncode == 2
    away = run("verify", env={**environment, "COLLECT_DATABASE_URL": "postgresql://127.0.0.1:9/x"})
    assert (away.returncode, away.stdout, len(away.stderr.splitlines())) == (3, "", 1)


def test_a_reader_that_leaves_early_is_no_failure() -> None:
    """`collect routes | head -1`: the pipe breaks while we write; nothing is said, and the status is that of work done."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-m", "collect", "--help"], stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_output_is_utf8_whatever_the_locale(ready: Program) -> None:
    environment = {**os.environ, **ready.environment, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-m", "collect", "doctor", "--format", "json"], capture_output=True, check=True, env=environment)
    assert json.loads(done.stdout.decode())["company"]["name"] == "华北医疗器械有限公司"
