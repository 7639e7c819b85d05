"""Settings: defaults, the installation's own file, the environment, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from collect import sentences, settings
from collect.domain.errors import Refusal


def test_the_environment_wins_over_the_file_and_the_file_over_the_defaults(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[web]\npage_rows = 20\nsession_hours = 4\n[aging]\nbuckets = "15,30"\n')
    told = settings.load({"COLLECT_CONFIG": str(own), "COLLECT_WEB_PAGE_ROWS": "99", "COLLECT_DATA_DIR": str(tmp_path), "COLLECT_LANGUAGE": "zh_CN"})
    assert (told.page_rows, told.session_hours, told.buckets, told.max_rows, told.language) == (99, 4, "15,30", 2_000_000, "zh")
    assert told.database_url == f"sqlite:///{tmp_path / 'collect.db'}"


@pytest.mark.parametrize(
    ("text", "named"),
    [('[web]\nsession_hours = "four"\n', "[web] session_hours"), ("[web]\npage_row = 20\n", "[web] page_row"), ("[wbe]\nx = 1\n", "[wbe]"), ("web = 3\n", "[web]")],
)
def test_a_setting_nobody_knows_or_of_another_kind_is_named(tmp_path: Path, text: str, named: str) -> None:
    own = tmp_path / "own.toml"
    own.write_text(text)
    with pytest.raises(Refusal) as caught:
        settings.load({"COLLECT_CONFIG": str(own), "COLLECT_DATA_DIR": str(tmp_path)})
    assert caught.value.code == "bad_setting" and named in sentences.say(caught.value)


@pytest.mark.parametrize(
    "environment", [{"COLLECT_LANGUAGE": "fr"}, {"COLLECT_WEB_PAGE_ROWS": "many"}, {"COLLECT_WEB_SECURE_COOKIES": "maybe"}, {"COLLECT_CONFIG": "/nowhere/own.toml"}]
)
def test_a_bad_variable_is_refused(environment: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(Refusal):
        settings.load(environment | {"COLLECT_DATA_DIR": str(tmp_path)})
