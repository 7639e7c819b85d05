"""`collect policy`: show, check and publish, with their exit statuses."""

from __future__ import annotations

import json
from pathlib import Path

from collect.services import policy
from tests.cli.conftest import Program


def change(folder: Path, text: str, *pairs: tuple[str, str]) -> Path:
    """A draft made from a text by replacing some of it."""
    for before, after in pairs:
        assert before in text
        text = text.replace(before, after, 1)
    file = folder / "draft.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_show_prints_the_text_as_it_was_published(ready: Program) -> None:
    """What is shown can be checked and handed in again: the Chinese pack, to the letter."""
    shown = ready("policy", "show").stdout
    assert shown == policy.shipped("CN")
    assert ready("policy", "show", "--version", 1).stdout == shown
    assert ready("policy", "show", "--version", 2, status=1).stderr == "There is no policy version 2 here.\n"
    ready("policy", "show", "--version", 0, status=2)


def test_init_of_another_country_has_the_pack_for_all(sqlite_program: Program) -> None:
    sqlite_program.init()
    assert sqlite_program("policy", "show").stdout == policy.shipped("")


def test_check_says_everything_at_once(ready: Program) -> None:
    """Each fault is a line that names place, value and remedy; nothing is stored."""
    text = ready("policy", "show").stdout
    sound = change(ready.folder, text)
    assert ready("policy", "check", sound).stdout == "Nothing is wrong with draft.toml.\n"
    draft = change(ready.folder, text, ("per_week = 2", "per_week = 0"), ('days = ["tue", "wed", "thu"]', "days = []"), ("stop_supply = 60", "stop_supply = 44"))
    told = ready("policy", "check", draft, status=1)
    assert told.stdout.splitlines() == [
        "contact.per_week must be a whole number from 1 to 5, not 0.",
        "contact.days names no weekday, so nobody could ever be asked; name at least one, such as tue.",
        "segments.other.ladder.stop_supply is 44, earlier than segments.other.ladder.stop_credit at 45; a later rung has at least as many days.",
    ]
    assert told.stderr == ""
    report = json.loads(ready("policy", "check", draft, "--format", "json", status=1).stdout)
    assert report["ok"] is False
    assert [(one["place"], one["code"]) for one in report["findings"]] == [
        ("contact.per_week", "policy_number"),
        ("contact.days", "policy_no_weekday"),
        ("segments.other.ladder.stop_supply", "policy_ladder_falls"),
    ]


def test_files_that_are_no_policy(ready: Program) -> None:
    file = ready.folder / "draft.toml"
    file.write_bytes("name = '策略'".encode("gb18030"))
    assert ready("policy", "check", file, status=1).stderr == "draft.toml is no text in UTF-8; save the policy as a plain text file in UTF-8.\n"
    file.write_text("name == 1", encoding="utf-8")
    assert "Line 1 cannot be read from column 7 on (name == 1)" in ready("policy", "check", file, status=1).stdout
    ready("policy", "check", ready.folder / "nothing.toml", status=2)


def test_publish_waits_for_a_manager(ready: Program) -> None:
    """The command line hands in, and approves nothing: the policy in force stays."""
    text = ready("policy", "show").stdout
    draft = change(ready.folder, text, ("per_week = 2", "per_week = 3"))
    assert ready("policy", "publish", draft, "--effective", "2026-04-01").stdout == "Version 2 waits for a manager to approve it on the page Policy.\n"
    assert ready("policy", "show").stdout == text
    assert "per_week = 3" in ready("policy", "show", "--version", 2).stdout
    assert ready("policy", "publish", draft, status=1).stderr == "Version 2 has the same text and waits for a decision; have that one decided.\n"


def test_what_publish_refuses(ready: Program) -> None:
    """It is 10 March 2026."""
    text = ready("policy", "show").stdout
    same = change(ready.folder, text)
    assert ready("policy", "publish", same, status=1).stderr == "This is word for word the policy of version 1, which is in force; change something first.\n"
    draft = change(ready.folder, text, ("per_week = 2", "per_week = 3"))
    assert ready("policy", "publish", draft, "--effective", "2026-03-09", status=1).stderr == "2026-03-09 has gone by; a policy can be in force from 2026-03-10 on.\n"
    ready("policy", "publish", draft, "--effective", "tomorrow", status=2)
    wrong = change(ready.folder, text, ("per_week = 2", "per_week = 9"), ("distance = 3", "distance = 0"))
    told = ready("policy", "publish", wrong, status=1)
    assert (told.stdout, len(told.stderr.splitlines())) == ("", 2)
    assert ready("policy", "show", "--version", 2, status=1).stdout == ""


def test_a_preview_takes_a_draft(ready: Program) -> None:
    """`collect remind --preview --policy FILE` reads the same drafts."""
    draft = change(ready.folder, ready("policy", "show").stdout, ("per_week = 2", "per_week = 0"))
    told = ready("remind", "--preview", "--policy", draft, status=1)
    assert told.stderr == "contact.per_week must be a whole number from 1 to 5, not 0.\n"
