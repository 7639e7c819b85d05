"""Headers and fixed words: recognised under their names and usual synonyms, refused with what was found or is allowed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collect import i18n
from collect.domain.errors import Refusal
from collect.exchange import columns, sheets
from collect.sentences import say

# The table of `interfaces` Files in, by hand: key, required, Chinese name.
SPECIFIED = {
    "customers": "customer_no* 客户编号 name* 客户名称 tax_no 税号 segment 客户分类 rep 业务员 collector 催收员 terms 付款条件 credit_limit 信用额度 currency 币种 "
    "parent_no 上级客户 margin 毛利率",
    "contacts": "customer_no* 客户编号 name* 联系人 role 职务 original 初始联系人 decides 能决策",
    "invoices": "invoice_no* 发票号 customer_no* 客户编号 issue_date* 开票日期 due_date 到期日 amount* 金额 po_no 订单号 delivered_on 送货日期 doc_type 单据类型 status 状态",
    "credits": "credit_no* 贷项编号 customer_no* 客户编号",
    "payments": "payment_ref* 收款编号 customer_no* 客户编号 date* 收款日期 method 方式 bank_reference 流水号",
    # Not in that table: what was delivered and is not invoiced (S4), named in the manner of the others.
    "deliveries": "delivery_no* 送货单号 customer_no* 客户编号 delivered_on* 送货日期 currency 币种 amount* 金额 invoice_no 发票号",
}
REQUIRED = {
    "customers": {"customer_no", "name"},
    "contacts": {"customer_no", "name"},
    "invoices": {"invoice_no", "customer_no", "issue_date", "amount"},
    "credits": {"credit_no", "customer_no", "date", "amount"},
    "payments": {"payment_ref", "customer_no", "date", "amount"},
    "deliveries": {"delivery_no", "customer_no", "delivered_on", "amount"},
}


def refusal(kind: str, headers: list[str], mapping: dict[str, str] | None = None) -> Refusal:
    with pytest.raises(Refusal) as caught:
        columns.match(kind, headers, mapping)
    assert "{" not in say(caught.value)
    return caught.value


@pytest.mark.parametrize("kind", columns.KINDS)
def test_the_columns_that_are_promised(kind: str) -> None:
    told = re.findall(r"(\w+)(\*?) (\S+)", SPECIFIED[kind])
    for key, star, chinese in told:
        column = columns.columns_of(kind)[key]
        assert (column.zh, column.required) == (chinese, bool(star))
    assert {key for key, column in columns.columns_of(kind).items() if column.required} == REQUIRED[kind]


@pytest.mark.parametrize("kind", columns.KINDS)
def test_every_name_means_one_column(kind: str) -> None:
    seen: dict[str, str] = {}
    for key, column in columns.columns_of(kind).items():
        for name in (key, column.zh, *column.also):
            assert seen.setdefault(columns.fold(name), key) == key, name
        words: dict[str, str] = {}
        for value, others in column.values.items():
            for word in (value, *others):
                assert words.setdefault(columns.fold(word), value) == value, word


def test_english_chinese_and_synonyms() -> None:
    found = columns.match("invoices", ["发票号码", "客户编号", "Invoice Date", "价税合计", "到期日期", "币别"])
    assert found.index == {"invoice_no": 0, "customer_no": 1, "issue_date": 2, "amount": 3, "due_date": 4, "currency": 5}
    assert columns.match("payments", ["收款单号", "客户编码", "到账日期", "收款金额"]).index["payment_ref"] == 0
    assert columns.match("customers", ["客户编号", "客户名称", "账期（天）"]).index["payment_terms_days"] == 2
    assert columns.match("customers", ["customer_no", "name", "payment_terms_days", "terms"]).index == {"customer_no": 0, "name": 1, "payment_terms_days": 2, "terms": 3}


@pytest.mark.parametrize(
    "header", ["invoice_no", "INVOICE_NO", " Invoice No. ", "invoice-no", "ｉｎｖｏｉｃｅ＿ｎｏ", "Invoice number", "　发票号　", "发票编号", "发票 号码", "发票号*", "Invoice #"]
)
def test_case_width_and_spaces_make_no_difference(header: str) -> None:
    assert columns.match("invoices", ["customer_no", header, "issue_date", "amount"]).index["invoice_no"] == 1


def test_the_unit_of_an_amount_makes_no_difference_and_another_unit_does() -> None:
    """元 and 人民币元 are the amount itself; 万元 are ten thousand of them, which no column says, so a person has to."""
    for header in ("授信额度(元)", "授信额度（人民币元）"):
        assert columns.guess("customers", ["单位编码", "单位全称", header]) == ("customer_no", "name", "credit_limit")
    assert columns.guess("customers", ["授信额度（万元）"]) == ("",)


def test_what_a_file_of_refused_rows_adds_is_not_told_as_unknown() -> None:
    assert columns.foreign(("备注", "line", "reason")) == ("备注",)


def test_unknown_columns_are_named() -> None:
    headers = ["invoice_no", " Disputed ", "customer_no", "", "issue_date", "amount", "备注"]
    assert columns.match("invoices", headers).ignored == ("Disputed", "#4", "备注")


def test_the_public_receivables(shared: Path) -> None:
    limits = sheets.Limits(1 << 22, 10000, 50, 4000, 1, 1)
    ignored = {}
    for kind in ("customers", "invoices", "payments"):
        path = shared / "ar" / "ibm" / "converted" / f"{kind}.csv"
        ignored[kind] = columns.match(kind, sheets.open_sheet(path, path.name, limits).headers).ignored
    assert ignored == {"customers": ("notes",), "invoices": ("tax_amount", "disputed", "reference", "notes"), "payments": ("notes",)}


def test_missing_columns_are_named_in_the_reader_s_language() -> None:
    found = refusal("invoices", ["发票号", "客户编号", "foo"])
    assert (found.code, found.field) == ("missing_column", "issue_date")
    assert say(found) == "Columns that are missing: issue_date, amount; those found are: 发票号, 客户编号, foo."
    i18n.use("zh")
    assert "开票日期 (issue_date), 金额 (amount)" in say(found)


def test_many_headers_make_a_short_sentence() -> None:
    assert len(say(refusal("invoices", [f"column {n} with a rather long name" for n in range(200)]))) < 300


def test_two_headers_for_one_column() -> None:
    """金额 may be net where 价税合计 stands beside it: nobody guesses."""
    found = refusal("invoices", ["发票号", "客户编号", "开票日期", "金额", "价税合计"])
    assert (found.code, found.params["first"], found.params["second"]) == ("duplicate_column", "金额", "价税合计")
    assert columns.match("invoices", ["发票号", "客户编号", "开票日期", "金额", "价税合计"], {"价税合计": "amount"}).index["amount"] == 4
    assert refusal("customers", ["customer_no", "name", "Name"]).code == "duplicate_column"


def test_a_mapping_goes_first() -> None:
    headers = ["Beleg", "Kunde", "Datum", "Betrag", "amount"]
    mapping = {"beleg": "invoice_no", "KUNDE": "customer_no", "Datum": "issue_date", "Betrag": "amount"}
    found = columns.match("invoices", headers, mapping)
    assert (dict(found.index), found.ignored) == ({"invoice_no": 0, "customer_no": 1, "issue_date": 2, "amount": 3}, ("amount",))
    assert columns.match("customers", ["customer_no", "name", "phone"], {"phone": ""}).ignored == ("phone",)
    assert columns.match("customers", ["customer_no", "name"], {"absent": "phone"}).index == {"customer_no": 0, "name": 1}
    assert refusal("customers", ["customer_no", "name"], {"name": "invoice_no"}).code == "unknown_column"
    assert refusal("customers", ["a", "b", "name"], {"a": "customer_no", "b": "customer_no"}).code == "duplicate_column"


def test_unknown_kind() -> None:
    assert refusal("things", ["a"]).code == "unknown_import_kind"


@pytest.mark.parametrize(
    ("kind", "key", "text", "meant"),
    [
        ("invoices", "status", "posted", "posted"),
        ("invoices", "status", " 有效", "posted"),
        ("invoices", "status", "VOID", "void"),
        ("invoices", "status", "作废", "void"),
        ("invoices", "doc_type", "发票", "invoice"),
        ("invoices", "doc_type", "红字发票", "credit_note"),
        ("invoices", "doc_type", "Credit Note", "credit_note"),
        ("contacts", "original", "是", "yes"),
        ("contacts", "decides", "Ｎｏ", "no"),
        ("contacts", "original", "√", "yes"),
        ("contacts", "original", "1", "yes"),
        ("contacts", "role", "老板", "owner"),
        ("contacts", "role", "出纳", "cashier"),
        ("payments", "method", "转账", "transfer"),
        ("payments", "method", "支票", "cheque"),
        ("payments", "method", "银行承兑汇票", "bill"),
        ("payments", "method", "Direct Debit", "direct_debit"),
        ("customers", "name", "whatever", "whatever"),
    ],
)
def test_fixed_words(kind: str, key: str, text: str, meant: str) -> None:
    assert columns.value(kind, key, text) == meant


def test_unknown_words_tell_what_is_allowed() -> None:
    with pytest.raises(Refusal) as caught:
        columns.value("invoices", "status", "maybe")
    assert (caught.value.code, caught.value.field) == ("bad_choice", "status")
    assert say(caught.value) == "maybe is not one of the words that can stand here: posted, void."
    i18n.use("zh")
    assert "有效, 作废" in say(caught.value)


def test_labels() -> None:
    assert columns.column_label("date", "zh", "payments") == "收款日期 (date)"
    assert columns.column_label("invoice_no", "zh") == "发票号 (invoice_no)"
    assert columns.column_label("invoice_no", "en") == columns.column_label("invoice_no", "fr") == "invoice_no"
    assert columns.column_label("nothing", "zh") == "nothing"
    assert [columns.value_label("invoices", "status", "void", language) for language in ("en", "zh")] == ["void", "作废"]


def test_known_names_of_any_kind() -> None:
    assert columns.known("联系人") and columns.known(" Payment_Ref ") and not columns.known("女") and not columns.known("")


@given(st.lists(st.text(max_size=8), max_size=6))
def test_every_header_is_used_or_named(headers: list[str]) -> None:
    """Whatever the headers: each is a column or among the ignored ones."""
    try:
        found = columns.match("customers", ["customer_no", "name", *headers])
    except Refusal as refused:
        assert refused.code == "duplicate_column"
        return
    assert len(found.index) + len(found.ignored) == len(headers) + 2
