"""The wheel: built without a network, complete, free of what is private, and at work in a clean environment far from the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("collect", "templates", "migrations", "config")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the wheel is made of, with an installation's private file where one would lie."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in PARTS:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, copy / name)
    (copy / "config" / "local.toml").write_text('[web]\nsecret = "private"\n')
    (copy / "config" / "march.csv.refused.csv").write_text("private\n")
    return copy


def build(folder: Path, kind: str, target: Path) -> Path:
    """Build a `wheel` or `sdist` as a packager would, with the build tool that is installed."""
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)], cwd=folder, check=True, capture_output=True)
    (made,) = target.iterdir()
    return made


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel."""
    return build(checkout, "wheel", tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def clean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts of a clean environment with the wheel in it; libraries come from ours, the checkout does not.

    A line in a .pth file adds a folder to the path without reading the .pth files inside it: so the libraries are
    there, and our editable installation is not.
    """
    home = tmp_path_factory.mktemp("clean")
    venv.create(home, symlinks=True, with_pip=False)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    packages.mkdir(parents=True, exist_ok=True)
    (packages / "libraries.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    install(wheel, home, packages)
    return home / "bin"


def install(wheel: Path, home: Path, packages: Path) -> None:
    """Install the wheel as pip or uv does it, whichever is here, without asking a network."""
    python = home / "bin" / "python"
    local = ROOT / ".tools" / "bin" / "uv"
    uv = shutil.which("uv") or (str(local) if local.exists() else None)
    if uv:
        command = [uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", str(python), str(wheel)]
    else:
        subprocess.run([python, "-m", "ensurepip", "--default-pip"], check=True, capture_output=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    assert (packages / "collect" / "_data").is_dir()


def run(clean: Path, folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A program of the clean environment, called from a folder far away; fails the test unless it ends with 0."""
    few = {"PATH": f"{clean}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder), "COLLECT_DATA_DIR": str(folder / "data"), "PYTHONWARNINGS": "error::DeprecationWarning:collect"}
    done = subprocess.run([clean / words[0], *words[1:]], cwd=folder, env=few | environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done


def names(wheel: Path) -> set[str]:
    """The files in a wheel, without what the build tool writes of it."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_the_wheel_holds_everything_and_only_that(wheel: Path) -> None:
    """Every file of the four folders, each below `collect/`, and nothing git-ignored."""
    expected = set()
    for part in PARTS:
        place = "collect" if part == "collect" else f"collect/_data/{part}"
        files = (path for path in (ROOT / part).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        expected |= {f"{place}/{path.relative_to(ROOT / part).as_posix()}" for path in files}
    assert names(wheel) == {name for name in expected if not name.endswith(("local.toml", ".refused.csv"))}
    for needed in ("py.typed", "locale/zh/messages.po", "_data/migrations/.current-head", "_data/config/fonts/NotoSansSC-Regular.ttf", "_data/templates/web/base.html"):
        assert f"collect/{needed}" in names(wheel)


def test_the_licences_come_along(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        told = {name.partition(".dist-info/")[2]: archive.read(name) for name in archive.namelist() if ".dist-info/" in name}
    assert b"MIT License" in told["licenses/LICENSE"]
    assert b"SIL OPEN FONT LICENSE" in told["licenses/config/fonts/OFL.txt"].upper()
    assert b"License-Expression: MIT" in told["METADATA"]
    assert b"collect = collect.cli:main" in told["entry_points.txt"]


def test_a_source_archive_makes_the_same_wheel(checkout: Path, wheel: Path, tmp_path: Path) -> None:
    archive = build(checkout, "sdist", tmp_path / "sdist")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path / "unpacked", filter="data")
    (folder,) = (tmp_path / "unpacked").iterdir()
    assert names(build(folder, "wheel", tmp_path / "again")) == names(wheel)


def test_it_works_in_a_clean_environment_far_from_the_checkout(clean: Path, tmp_path: Path) -> None:
    """`init`, an import and the report as JSON and PDF: 100.00 due 4 February is 55 days late on 31 March."""
    where = run(clean, tmp_path, "python", "-c", "import collect, sys; print(collect.__file__, *sys.path, sep='\\n')").stdout.decode().splitlines()
    assert Path(where[0]).is_relative_to(clean.parent)
    assert str(ROOT) not in where
    (tmp_path / "password.txt").write_text("correct horse 9\n")
    firm = ("--company", "华北医疗器械有限公司", "--country", "CN", "--currency", "CNY", "--timezone", "Asia/Shanghai")
    run(clean, tmp_path, "collect", "init", *firm, "--admin-password-file", "password.txt")
    (tmp_path / "customers.csv").write_text("客户编号,客户名称\nC1,第一医院\n", encoding="utf-8")
    (tmp_path / "invoices.csv").write_text("发票号,客户编号,开票日期,到期日,金额\nI1,C1,2026-01-05,2026-02-04,100.00\n", encoding="utf-8")
    for kind in ("customers", "invoices"):
        run(clean, tmp_path, "collect", "import", kind, f"{kind}.csv")
    report = ("collect", "report", "aging", "--as-of", "2026-03-31", "--buckets", "30,60")
    told = json.loads(run(clean, tmp_path, *report, "--format", "json").stdout)
    assert [(row["key"], row["31-60"], row["total"]) for row in told["rows"]] == [("C1", "100.00", "100.00")]
    run(clean, tmp_path, *report, "--format", "pdf", "--output", "aging.pdf")
    assert pdf_text(tmp_path / "aging.pdf").count("第一医院") == 1
    assert run(clean, tmp_path, "collect", "verify").stderr == b""


def test_pages_and_migrations_come_out_of_the_wheel(clean: Path, tmp_path: Path) -> None:
    (tmp_path / "password.txt").write_text("correct horse 9\n")
    run(clean, tmp_path, "collect", "init", "--company", "X", "--country", "US", "--currency", "USD", "--timezone", "UTC", "--admin-password-file", "password.txt")
    assert json.loads(run(clean, tmp_path, "collect", "doctor", "--format", "json").stdout)["problems"] == []
    page = "from collect import runtime, settings, web\nprint(web.create_app(runtime.start(settings.load())).test_client().get('/login').status)"
    assert run(clean, tmp_path, "python", "-c", page).stdout == b"200 OK\n"


def pdf_text(file: Path) -> str:
    """The text of a PDF."""
    from pypdf import PdfReader

    return "\n".join(page.extract_text() for page in PdfReader(file).pages)
