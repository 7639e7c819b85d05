"""Frozen settings, read once: shipped defaults, then the installation's own file, then the environment."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from collect import assets
from collect.domain.errors import Refusal


@dataclass(frozen=True, slots=True)
class Settings:
    """What an installation decides. Paths are absolute; sizes are bytes."""

    database_url: str
    data_dir: Path
    secret_file: Path
    language: str | None
    buckets: str
    max_bytes: int
    max_rows: int
    max_columns: int
    max_cell: int
    xlsx_max_bytes: int
    xlsx_max_ratio: int
    session_hours: int
    page_rows: int
    secure_cookies: bool
    proxy: str
    smtp_host: str
    smtp_port: int
    smtp_user: str
    smtp_password_file: str
    smtp_starttls: bool
    smtp_from: str
    smtp_folder: str
    smtp_timeout: int
    match_apply: bool = True
    tail_limits: str = ""
    one_manager: str = ""
    own_tax_nos: str = ""


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings in force. Raises Refusal `bad_setting` naming the setting when a value cannot be used."""
    env = os.environ if environment is None else environment
    values = tomllib.loads((assets.folder("config") / "default.toml").read_text(encoding="utf-8"))
    own = env.get("COLLECT_CONFIG")
    if own:
        try:
            extra = tomllib.loads(Path(own).read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise Refusal("bad_config_file", value=own, reason=str(problem)) from None
        _merge(values, extra)
    data_dir = Path(env.get("COLLECT_DATA_DIR") or platformdirs.user_data_dir("collect", appauthor=False)).expanduser().resolve()

    def setting(section: str, name: str) -> Any:
        default = values[section][name]
        variable = f"COLLECT_{section}_{name}".upper()
        text = env.get(variable)
        if text is None:
            return default
        if isinstance(default, bool):
            if text.lower() not in ("1", "0", "true", "false", "yes", "no"):
                raise Refusal("bad_setting", name=variable, value=text)
            return text.lower() in ("1", "true", "yes")
        if isinstance(default, int):
            if not (text.isascii() and text.isdigit()):
                raise Refusal("bad_setting", name=variable, value=text)
            return int(text)
        return text

    language = env.get("COLLECT_LANGUAGE") or None
    if language and language.lower()[:2] not in ("en", "zh"):
        raise Refusal("bad_setting", name="COLLECT_LANGUAGE", value=language)
    return Settings(
        database_url=env.get("COLLECT_DATABASE_URL") or f"sqlite:///{data_dir / 'collect.db'}",
        data_dir=data_dir,
        secret_file=Path(env.get("COLLECT_SECRET_FILE") or data_dir / "secret").expanduser().resolve(),
        language=language.lower()[:2] if language else None,
        buckets=setting("aging", "buckets"),
        max_bytes=setting("import", "max_bytes"),
        max_rows=setting("import", "max_rows"),
        max_columns=setting("import", "max_columns"),
        max_cell=setting("import", "max_cell"),
        xlsx_max_bytes=setting("import", "xlsx_max_bytes"),
        xlsx_max_ratio=setting("import", "xlsx_max_ratio"),
        session_hours=setting("web", "session_hours"),
        page_rows=setting("web", "page_rows"),
        secure_cookies=setting("web", "secure_cookies"),
        proxy=setting("web", "proxy"),
        smtp_host=setting("smtp", "host"),
        smtp_port=setting("smtp", "port"),
        smtp_user=setting("smtp", "user"),
        smtp_password_file=setting("smtp", "password_file"),
        smtp_starttls=setting("smtp", "starttls"),
        smtp_from=setting("smtp", "from"),
        smtp_folder=setting("smtp", "folder"),
        smtp_timeout=setting("smtp", "timeout"),
        match_apply=setting("matching", "apply"),
        tail_limits=setting("adjustments", "tail"),
        one_manager=setting("adjustments", "one_manager"),
        own_tax_nos=setting("einvoice", "own_tax_nos"),
    )


def _merge(values: dict[str, Any], extra: dict[str, Any]) -> None:
    """Put an installation's own settings over the defaults; an unknown name or a value of another kind is a Refusal `bad_setting`."""
    for section, entries in extra.items():
        if section not in values or not isinstance(entries, dict):
            raise Refusal("bad_setting", name=f"[{section}]", value=entries)
        for name, value in entries.items():
            if name not in values[section] or type(value) is not type(values[section][name]):
                raise Refusal("bad_setting", name=f"[{section}] {name}", value=value)
            values[section][name] = value
