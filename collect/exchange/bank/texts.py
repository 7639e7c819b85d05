"""Which characters the bytes of a bank's text file are: no byte is lost, and Chinese under a Western label is still Chinese."""

from __future__ import annotations

import re

_CHINESE = re.compile(rb"(?:[\xb0-\xf7][\xa1-\xfe]){2}")
"""Two Chinese characters in a row as GB2312 writes them; in a Western code page that would be four accented letters in a row."""


def decoded(content: bytes) -> str:
    """The text: UTF-8 where it is valid, GB18030 where it holds Chinese, else the Western code page.

    The label in a file is not asked: Chinese banks write OFX headed `CHARSET:1252` and MT940, which knows no label at
    all, in GBK; read as Western text their names would be garbage that matches nobody.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    if _CHINESE.search(content):
        try:
            return content.decode("gb18030")
        except UnicodeDecodeError:
            pass
    return content.decode("cp1252", "replace")
