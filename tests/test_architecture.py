"""The shape of the program, as tests: who imports whom, how long a file is, who reads the clock, and that every refusal has a sentence."""

from __future__ import annotations

import ast
import io
import re
import shutil
import string
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from collect.sentences import SENTENCES

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "collect"
MOST_LINES = 600
CLOCKS = {"now", "today", "utcnow", "time", "time_ns", "localtime", "gmtime", "monotonic", "perf_counter"}
CLOCK_MODULES = {"datetime", "date", "time", "dt"}


def sources(*folders: str) -> list[Path]:
    """The Python files below some folders of the checkout."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    """A file, parsed."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def place(path: Path, node: ast.AST | int) -> str:
    """Where something stands, as `file:line`."""
    return f"{path.relative_to(ROOT)}:{node if isinstance(node, int) else getattr(node, 'lineno', 0)}"


# Who imports whom


# In a process of its own: the checker sets up logging for itself and switches off every logger that exists.
LINT_IMPORTS = [sys.executable, "-c", "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"]


def test_import_contracts() -> None:
    done = subprocess.run(LINT_IMPORTS, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("domain/money.py", "import sqlalchemy"),
        ("domain/errors.py", "from collect.domain import money"),
        ("services/months.py", "from flask import request"),
        ("storage/users.py", "from collect.services import users as people"),
        ("services/customers.py", "from collect.services import cash"),
        ("web/site.py", "import pandas"),
        ("newcomer.py", '"""A file nobody placed."""'),
    ],
)
def test_a_planted_violation_is_reported(file: str, line: str, tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "collect", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / "collect" / file).open("a", encoding="utf-8") as planted:
        planted.write(f"\n{line}\n")
    done = subprocess.run(LINT_IMPORTS, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert Path(file).stem in done.stdout


def test_the_rules_use_the_standard_library_and_each_other_alone() -> None:
    wrong = []
    for path in sources("collect/domain"):
        for node in ast.walk(tree(path)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            wrong += [place(path, node) for name in names if name.partition(".")[0] not in sys.stdlib_module_names and not name.startswith("collect.domain")]
    assert wrong == []


def test_nothing_computes_a_path_but_assets() -> None:
    named = [place(path, node) for path in sources("collect") for node in ast.walk(tree(path)) if isinstance(node, ast.Name) and node.id == "__file__"]
    assert {entry.partition(":")[0] for entry in named} == {"collect/assets.py"}


def test_data_folders_are_no_packages() -> None:
    assert [str(path) for name in ("templates", "migrations", "config") for path in (ROOT / name).rglob("__init__.py")] == []


def test_test_folders_are_packages() -> None:
    """So that two tests of one name in two layers do not collide."""
    assert [str(path.parent) for path in (ROOT / "tests").rglob("test_*.py") if not (path.parent / "__init__.py").is_file()] == []


# How a file is written


def test_files_are_short() -> None:
    files = [*sources("collect", "tests", "benchmarks", "scripts", "migrations"), ROOT / "run.py", *(PACKAGE / "web" / "static").glob("*.js")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def test_files_say_what_lives_in_them() -> None:
    """The first line of a file is one sentence; only an empty `__init__.py` says nothing."""
    silent = [
        str(path.relative_to(ROOT))
        for path in [*sources("collect", "tests", "benchmarks", "scripts", "migrations"), ROOT / "run.py"]
        if path.stat().st_size and not (ast.get_docstring(tree(path)) or "").partition("\n")[0].endswith((".", "…"))
    ]
    assert silent == []


# Time and money


def clock_reads(path: Path) -> Iterator[ast.Call]:
    """Calls that read a clock: `datetime.now()`, `date.today()`, `time.time()`, and the same imported by name."""
    imported = {alias.asname or alias.name for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom) and node.module == "time" for alias in node.names}
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Attribute) and called.attr in CLOCKS:
            owner = called.value.attr if isinstance(called.value, ast.Attribute) else called.value.id if isinstance(called.value, ast.Name) else ""
            if owner in CLOCK_MODULES:
                yield node
        elif isinstance(called, ast.Name) and called.id in imported & CLOCKS:
            yield node


def test_only_the_runtime_reads_the_clock() -> None:
    found = [place(path, call) for path in sources("collect") for call in clock_reads(path)]
    assert [entry for entry in found if not entry.startswith("collect/runtime.py:")] == []
    assert len(found) == 1, "the one clock is `system_clock`"


def test_sql_reads_no_clock_either() -> None:
    asked = re.compile(r"\bCURRENT_(?:TIMESTAMP|DATE|TIME)\b|\bnow\(\)|'now'|\bfunc\.(?:now|current_\w+)", re.IGNORECASE)
    assert [
        place(path, number) for path in sources("collect", "migrations") for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if asked.search(line)
    ] == []


def test_no_float_in_the_rules() -> None:
    """No literal with a decimal point, no true division, no `float`: amounts and days are whole numbers (S1)."""
    found = []
    for path in sources("collect/domain"):
        for node in ast.walk(tree(path)):
            literal = isinstance(node, ast.Constant) and isinstance(node.value, float | complex)
            division = isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
            named = isinstance(node, ast.Name) and node.id == "float"
            if literal or division or named:
                found.append(place(path, node))
    assert found == []


def test_sql_keeps_to_what_every_postgresql_has() -> None:
    """No LISTEN/NOTIFY and no advisory locks: engines that only speak PostgreSQL's language have neither."""
    forbidden = re.compile(r"pg_(?:try_)?advisory|\bLISTEN\s+\w|\bNOTIFY\s+\w|pg_notify")
    assert [str(path) for path in sources("collect", "migrations") if forbidden.search(path.read_text(encoding="utf-8"))] == []


# Every no has a sentence

REFUSALS = {"Refusal", "refuse"}


def _codes(node: ast.expr) -> list[str] | None:
    """The codes that an expression can be, None when it is computed elsewhere."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        both = [_codes(node.body), _codes(node.orelse)]
        return [code for codes in both if codes for code in codes] if all(both) else None
    return None


def refusals() -> Iterator[tuple[Path, ast.Call, list[str] | None]]:
    """Every place that makes a refusal, with the codes it can have."""
    for path in sources("collect"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REFUSALS and node.args:
                yield path, node, _codes(node.args[0])


def placeholders(template: str) -> set[str]:
    """The names in braces of a sentence."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_every_refusal_has_a_sentence() -> None:
    told = [(code, place(path, call)) for path, call, codes in refusals() for code in codes or []]
    assert len(told) > 20
    assert [entry for entry in told if entry[0] not in SENTENCES] == []


def test_every_sentence_has_a_refusal() -> None:
    """A code is used when it stands as a text anywhere but in the list itself."""
    used = {
        node.value for path in sources("collect") if path.name != "sentences.py" for node in ast.walk(tree(path)) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert sorted(SENTENCES.keys() - used) == []


def test_every_placeholder_is_filled() -> None:
    """`{names}` of the sentence are among the keywords of each place that uses it; those that unpack a dict are not looked at."""
    empty = []
    for path, call, codes in refusals():
        given = {keyword.arg for keyword in call.keywords}
        if None not in given:
            empty += [
                (place(path, call), code, sorted(placeholders(SENTENCES[code]) - given)) for code in codes or [] if code in SENTENCES and placeholders(SENTENCES[code]) - given
            ]
    assert empty == []


def test_sentences_are_sentences() -> None:
    """They begin with a capital letter or a placeholder, end with a full stop, a placeholder or what to type, and format nothing."""
    shape = re.compile(r"(?:[A-Z]|\{\w+\}).*(?:[.?]|\}|--\w+ \S)", re.DOTALL)
    assert [code for code, text in SENTENCES.items() if not shape.fullmatch(text)] == []
    assert [code for code, text in SENTENCES.items() if any(spec or conversion for _, _, spec, conversion in string.Formatter().parse(text))] == []
    keys = [node for node in ast.walk(tree(PACKAGE / "sentences.py")) if isinstance(node, ast.Dict)]
    written = [key.value for node in keys for key in node.keys if isinstance(key, ast.Constant)]
    assert sorted({code for code in written if written.count(code) > 1}) == []


# What the code leans on


def cited(path: Path) -> set[str]:
    """The rules (`S7`, `P17`) that the comments and docstrings of a file cite."""
    text = [ast.get_docstring(node) or "" for node in ast.walk(tree(path)) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)]
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
    text += [token.string for token in tokens if token.type == tokenize.COMMENT]
    return set(re.findall(r"\b[PS][1-9]\d?\b", "\n".join(text)))


def test_every_cited_rule_is_written_down() -> None:
    rules = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    known = set(re.findall(r"\b[PS][1-9]\d?\b", rules))
    missing = {str(path.relative_to(ROOT)): sorted(cited(path) - known) for path in sources("collect") if cited(path) - known}
    assert missing == {}


WITHOUT_SCOPE = {
    "bank.py": "our own accounts and their statements, by the rights of finance, whose roles see all customers",
    "rates.py": "rates, no customer in them",
    "views.py": "filters that people gave a name, no customer in them",
    "undoing.py": "what hangs on an import, by the right to import, whose roles see all customers",
    "load_prepaid_volume": "sums over everything, for the limit of the books",
    "load_parents": "which customer stands above which, to tell groups apart; it names nobody",
    "load_group": "the ids of a group; what is shown of them is narrowed by scope",
    "find_head": "the head of a group, to compare two groups by; it names nobody",
    "load_numbers": "of documents that were looked up by scope before",
    "load_steps": "of items and credits that were looked up by scope before; whatever settled them counts, whoever sees it",
    "load_differences": "of a statement that was looked up by scope before",
    "audit.py": "read as a whole, by the right to read the audit; reports/audit.py narrows it",
    "company.py": "our own company",
    "imports.py": "by the right to import, whose roles see all customers",
    "policy.py": "our own rules and days, no customer in them",
    "users.py": "people of ours",
    "load_closed_months": "months of the books, no customer in them",
    "load_month_entries": "counts by month, for the roles that close months and see all customers",
    "load_run_page": "imports, as above",
    "load_volumes": "sums over everything, for the limit of the books",
}


def test_every_read_of_customers_asks_for_a_scope() -> None:
    """Each `load_` and `find_` of storage takes the reader's scope (or a question, or books, that carry one), with no default (S28)."""
    wrong = []
    for path in sources("collect/storage"):
        for node in tree(path).body:
            if not isinstance(node, ast.FunctionDef) or not node.name.startswith(("load_", "find_")) or WITHOUT_SCOPE.keys() & {path.name, node.name}:
                continue
            required = node.args.args[: len(node.args.args) - len(node.args.defaults)]
            if not {"scope", "question", "books"} & {argument.arg for argument in required}:
                wrong.append(place(path, node))
    assert wrong == []


def tracked() -> list[Path]:
    """The files that git would carry."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("this is no git checkout")
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True).stdout
    return [path for name in listed.decode().split("\0") if name and (path := ROOT / name).is_file()]


def test_no_file_names_a_registry_or_a_machine() -> None:
    """Addresses of package registries and folders of one machine have no place in what everyone gets."""
    hosts = ["py" + "pi.org", "pythonhosted" + ".org", "registry.npm" + "js.org", "npm" + "mirror", "--index" + "-url", "--extra-index" + "-url"]
    folders = ["/wo" + "rk/", "/ro" + "ot/"]
    words = [word.encode() for word in hosts + folders]
    found = [(str(path.relative_to(ROOT)), word.decode()) for path in tracked() for word in words if word in path.read_bytes()]
    assert found == []
