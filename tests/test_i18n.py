"""The catalogue is whole and says the same in both languages; amounts, dates and instants in the reader's form."""

from __future__ import annotations

import ast
import re
import string
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from collect import i18n, sentences
from collect.domain.errors import NotFound, Refusal
from scripts import translations

ROOT = Path(__file__).resolve().parents[1]
CHINESE = i18n.catalogue("zh")
CODE = re.compile(r"`[^`]*`|\{\w+\}|--[a-z-]+")
"""What a reader copies as it is: commands and headers in backticks, placeholders, options."""
REVIEWED = frozenset(
    {"API", "OpenAPI", "HTTP", "RFC", "IANA", "ISO", "JSON", "CSV", "XLSX", "PDF", "Excel", "xls", "xlsx", "MB", "UTF", "GB18030", "cp1252", "gb18030", "utf"}
    | {"CN", "US", "DE", "CNY", "USD", "EUR", "en", "zh", "Asia", "Shanghai", "America", "New_York", "null"}
    | {"NET", "NET30", "EOM", "COD", "PREVIOUS", "ACCEPTANCE", "T17", "dmy", "mdy", "due", "issue"}
    | {"customers", "contacts", "invoices", "credits", "payments", "FILE", "refused", "csv"}
    | {"collect", "SQLite", "WAL", "pysqlite3", "COLLECT_DATABASE_URL", "sqlite", "postgresql", "path", "file", "db", "user", "host", "name", "http", "example", "com"}
    | {"Ctrl", "C", "SIGTERM"}
    | {"COLLECT_SMTP_HOST", "COLLECT_SMTP_FROM", "COLLECT_SMTP_FOLDER", "COLLECT_SMTP_STARTTLS", "TOML", "true", "false", "unknown", "sent", "not"}
    | {"CII", "Enter", "Factur", "MT940", "OFD", "OFX", "QFX", "UBL", "X", "XML", "ZIP", "ZUGFeRD", "accounts", "camt", "config", "j", "k", "s", "toml", "u", "x"}
    | {"Idempotency", "Key", "T09", "like", "tue", "texts", "stop_credit", "stop_supply", "final_demand", "referral", "release"}
)
"""Names and codes that stand in Chinese texts: forms of files, standards, codes of countries, currencies and terms, values of options, examples, keys."""


def placeholders(text: str) -> list[str]:
    """The names of a text's placeholders, each as often as it stands there."""
    return sorted(name for _before, name, _form, _conversion in string.Formatter().parse(text) if name is not None)


def test_every_marked_text_is_translated_and_no_translation_is_left_over() -> None:
    assert translations.faults(translations.read("zh"), translations.texts()) == []


def test_the_catalogue_is_as_the_script_writes_it() -> None:
    """So that the next run of the script changes only what a change of the texts asks for."""
    assert translations.updated(translations.read("zh"), set(translations.texts()), "zh") == translations.path_of("zh").read_bytes()


def test_the_script_finds_every_marked_literal() -> None:
    """Against another reader: the literals in calls of the same names, found by Python's own parser, nested calls too."""
    calls = {"_", "gettext", "mark", "lazy"}
    marked = set()
    for path in (ROOT / "collect").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                first = node.args[0]
                if name in calls and isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value:
                    marked.add(first.value)
    assert len(marked) > 500
    assert marked - set(translations.texts()) == set()


@pytest.mark.parametrize("text", ["", "Nobody marked this text."])
def test_what_is_in_no_catalogue_stays_english(text: str) -> None:
    i18n.use("zh")
    assert i18n.gettext(text) == text


def test_both_languages_have_the_same_placeholders() -> None:
    """A placeholder more would fail when the sentence is said, one less would keep something from the reader."""
    differing = {text for text, told in CHINESE.items() if placeholders(text) != placeholders(told)}
    assert differing == set()


def test_commands_and_headers_are_the_same_in_both_languages() -> None:
    differing = {text for text, told in CHINESE.items() if sorted(re.findall("`[^`]*`", text)) != sorted(re.findall("`[^`]*`", told))}
    assert differing == set()


def test_chinese_texts_have_no_english_words_but_names_and_codes() -> None:
    strange = {word: text for text in CHINESE.values() for word in re.findall(r"[A-Za-z]\w*", CODE.sub(" ", text), re.ASCII) if word not in REVIEWED}
    assert strange == {}


def test_the_list_of_names_and_codes_holds_no_more_than_is_used() -> None:
    used = {word for text in CHINESE.values() for word in re.findall(r"[A-Za-z]\w*", CODE.sub(" ", text), re.ASCII)}
    assert used == REVIEWED


def test_chinese_texts_are_chinese() -> None:
    """Nothing is "translated" into itself, save names that are the same in both languages and forms made of placeholders alone."""
    same = {text for text, told in CHINESE.items() if not re.search("[\u3400-\u9fff]", told)}
    assert same == {"API", ", ", ": ", "; ", "{customer}: {answer}.", "{file}: {reason}", "{label}: {value}", "{name}: {reason}.", "{what}: {reason}"}


def test_chinese_texts_have_full_width_punctuation() -> None:
    """A comma, colon, semicolon, full stop, question mark or bracket beside a Chinese character is the Chinese one."""
    marks = re.compile("[\u3400-\u9fff][,;:?!()]|[,;:?!()][\u3400-\u9fff]|[\u3400-\u9fff]\\.(?![a-z])")
    assert [text for text in CHINESE.values() if marks.search(CODE.sub("", text))] == []


def test_chinese_sentences_end_as_english_ones_do() -> None:
    """What is a sentence in English (it ends with a full stop) is one in Chinese, and what is a label is a label."""
    differing = {text: told for text, told in CHINESE.items() if text.endswith((".", "?")) != told.endswith(("。", "？"))}
    differing = {text: told for text, told in differing.items() if not text.endswith(("no.", "No.", "decimal ."))}
    assert differing == {}


def test_words_follow_the_glossary() -> None:
    """One word for one thing (docs/glossary.md): what a label says is what the glossary's second column says."""
    rows = re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|", (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    words = {english.lower(): chinese for english, chinese in rows}
    assert len(words) > 100
    told = {text.lower(): told for text, told in CHINESE.items() if text.lower() in words}
    assert len(told) > 40
    # An account of the journal is no receivable account; "English" heads the glossary's first column.
    elsewhere = {"account", "english"}
    assert {text: (chinese, words[text]) for text, chinese in told.items() if text not in elsewhere and chinese not in words[text] and words[text] not in chinese} == {}


@pytest.mark.parametrize("language", i18n.LANGUAGES)
@pytest.mark.parametrize("code", sentences.SENTENCES)
def test_every_refusal_is_a_sentence_in_both_languages(code: str, language: str) -> None:
    values = {name: f"<{name}>" for name in placeholders(sentences.SENTENCES[code])}
    told = sentences.say(Refusal(code, None, **values), language)
    assert code not in told and "{" not in told
    assert all(value in told for value in values.values())
    assert bool(re.search("[\u3400-\u9fff]", told)) == (language == "zh")


@pytest.mark.parametrize("path", sorted((ROOT / "collect").rglob("*.py")), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_code_that_is_raised_has_a_sentence(path: Path) -> None:
    raised = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refusal" and isinstance(node.args[0], ast.Constant):
            raised.add(node.args[0].value)
    assert raised - set(sentences.SENTENCES) == set()


def test_a_sentence_says_our_own_codes_in_the_readers_words() -> None:
    assert sentences.say(NotFound("credit_note", "HZ-7"), "zh") == "找不到红字发票 HZ-7。"
    assert sentences.say(NotFound("credit_note", "HZ-7"), "en") == "There is no credit note HZ-7 here."
    role = Refusal("user_cannot_be", "rep", value="li.na", role="auditor")
    assert sentences.say(role, "zh") == "用户 li.na 的角色是审计员，不能这样负责客户。"
    nested = Refusal("refused_with_line", None, line=4, reason=Refusal("unknown_customer", None, value="KH9"))
    assert sentences.say(nested, "zh") == "与第 4 行一并拒绝：没有客户 KH9，请先导入该客户。"
    assert sentences.say(nested, "en") == "Refused together with line 4: Customer KH9 is not known; import the customer first."


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    """A small project with two marked texts, one of them in a template, and no catalogue."""
    (tmp_path / "collect").mkdir()
    (tmp_path / "templates" / "web").mkdir(parents=True)
    (tmp_path / "collect" / "words.py").write_text('LABEL = mark("Open " "amount")\nTOLD = in_language(language, "Due")\nNO = translate("Not marked")\n')
    (tmp_path / "templates" / "web" / "page.html").write_text('<p title="{{ _("Due") }}">{% if x %}{{ _("{n} rows", n=3) }}{% endif %}</p>')
    yield tmp_path


def test_texts_of_code_and_templates_with_where_they_stand(copy: Path) -> None:
    assert translations.texts(copy) == {"Open amount": {"collect/words.py"}, "Due": {"collect/words.py", "templates/web/page.html"}, "{n} rows": {"templates/web/page.html"}}


def test_an_update_keeps_translations_adds_new_texts_and_drops_old_ones(copy: Path) -> None:
    catalogue = translations.read("zh", copy)
    catalogue.add("Due", "到期")
    catalogue.add("Gone", "没了")
    catalogue.add("Open amount", "未清", flags={"fuzzy"})
    wanted = translations.texts(copy)
    assert translations.faults(catalogue, wanted) == ["fuzzy: 'Open amount'", "missing: '{n} rows' (templates/web/page.html)", "unused: 'Gone'"]
    written = translations.updated(catalogue, set(wanted), "zh")
    assert written.decode() == (
        'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n"Language: zh\\n"\n\n'
        'msgid "Due"\nmsgstr "到期"\n\n#, fuzzy\nmsgid "Open amount"\nmsgstr "未清"\n\nmsgid "{n} rows"\nmsgstr ""\n'
    )


def test_the_check_ends_with_zero_here() -> None:
    done = subprocess.run([sys.executable, "scripts/translations.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_check_ends_with_one_where_a_text_has_no_translation(copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "collect" / "locale" / "zh").mkdir(parents=True)
    (copy / "collect" / "locale" / "zh" / "messages.po").write_bytes(translations.updated(translations.Catalog(locale="zh"), set(), "zh"))
    monkeypatch.setattr(translations, "ROOT", copy)
    monkeypatch.setattr(translations.texts, "__defaults__", (copy,))
    monkeypatch.setattr(translations.path_of, "__defaults__", (copy,))
    monkeypatch.setattr(translations.read, "__defaults__", (copy,))
    assert translations.main(["--check"]) == 1
    assert capsys.readouterr().err.count("missing: ") == 3
    assert b"Due" not in (copy / "collect" / "locale" / "zh" / "messages.po").read_bytes()
    assert translations.main([]) == 1
    assert b"Due" in (copy / "collect" / "locale" / "zh" / "messages.po").read_bytes()


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [(140950, "CNY", "1,409.50"), (0, "CNY", "0.00"), (-5, "CNY", "-0.05"), (-140950, "EUR", "-1,409.50"), (1234567, "JPY", "1,234,567"), (1234567890, "KWD", "1,234,567.890")],
)
@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_an_amount_has_its_currencys_decimals_and_thousands_apart(minor: int, currency: str, shown: str, language: str) -> None:
    i18n.use(language)
    assert i18n.group(minor, currency) == shown


def test_a_day_and_an_instant_as_a_reader_sees_them() -> None:
    """17:30 UTC on 5 March is 01:30 of the next day in Shanghai (+8) and 12:30 in New York (-5, before the clocks change)."""
    assert i18n.show_day(date(2026, 3, 5)) == "2026-03-05" and i18n.show_day(None) == ""
    instant = datetime(2026, 3, 5, 17, 30, 59, tzinfo=UTC)
    assert i18n.show_instant(instant, "Asia/Shanghai") == "2026-03-06 01:30"
    assert i18n.show_instant(instant, "America/New_York") == "2026-03-05 12:30"
    assert i18n.show_instant(None, "UTC") == ""


def test_the_language_in_use_decides_and_an_unknown_one_is_english() -> None:
    i18n.use("zh")
    label = i18n.lazy("Due date")
    assert (i18n.current(), i18n.gettext("Due date"), str(label)) == ("zh", "到期日", "到期日")
    assert i18n.in_language("en", "Due date") == "Due date" and i18n.in_language("xx", "Due date") == "Due date"
    i18n.use("xx")
    assert (i18n.current(), str(label)) == ("en", "Due date")
    i18n.use(None)
    assert i18n.current() == "en"


def test_a_text_is_filled_after_it_is_translated() -> None:
    i18n.use("zh")
    assert i18n.gettext("{shown} of {all} rows", shown=50, all="1,234") == "显示 50 行，共 1,234 行"
    assert i18n.in_language("en", "{shown} of {all} rows", shown=50, all="{x}") == "50 of {x} rows"
