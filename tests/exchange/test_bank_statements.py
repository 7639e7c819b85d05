"""Bank files of every form against what a person reads in them, and against files that are broken or hostile."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from collect.domain.errors import Refusal
from collect.exchange.bank import reading
from collect.exchange.bank.shape import Statement, minor_of
from collect.exchange.cells import Limits

LIMITS = Limits(100 << 20, 1_000_000, 200, 32_768, 400 << 20, 200)


def read(source: Path | bytes, name: str = "file", **options: object) -> list[Statement]:
    return reading.read(source, name, LIMITS, **options)[0]  # type: ignore[arg-type]


def refusal(source: Path | bytes, **options: object) -> str:
    with pytest.raises(Refusal) as told:
        read(source, **options)
    return told.value.code


# Each row is read off the .sta text by eye: account, currency, opening, the amounts of :61:, closing. R and the third
# letter of the currency after C or D are no part of the sign; RC and RD would turn it round.
MT940: dict[str, list[tuple[str, str, int | None, list[int], int | None]]] = {
    "betterplace__with_binary_character.sta": [
        ("51230800/0000007055", "EUR", 38_011_577, [2_700, 1_306_830, -19_328_205], 19_992_902),
        ("51230800/0000007304", "EUR", 13_007_319, [112_000], 13_119_319),
    ],
    "jejik__rabobank-iban.sta": [
        ("NL71RABO0123456789", "EUR", 100_000, [-2_500, -1_000], 96_500),
        ("NL71RABO0123456789", "EUR", 96_500, [-2_500, -1_000], 93_000),
    ],
    "sberbank__171011_01234945.sta": [("1966315302010001", "HUF", 62_731_130, [-240_200, -346_000, -357_500], 61_787_430)],
    "mBank__mt942.sta": [("PL29114010810000267002001002", "PLN", None, [1, 1, 1], None)],
    "self-provided__mt942.sta": [("GJB0291077111", "EUR", None, [-42], None)],
    "self-provided__long_statement_number.sta": [("0067-00763/93984487", "TRY", 0, [], 0)],
    "self-provided__transaction_details_wrapped.sta": [("12345678/1020304050", "EUR", 120_000, [-600], 119_400)],
    "self-provided__wrapped_timestamp.sta": [("12345678/1020304050", "EUR", 120_000, [-600], 119_400)],
}


@pytest.mark.parametrize("name", MT940)
def test_mt940_says_what_the_text_says(shared: Path, name: str) -> None:
    found = read(shared / "bank" / "mt940" / name)
    assert [(one.account, one.currency, one.opening, [line.amount for line in one.entries], one.closing) for one in found] == MT940[name]


def test_a_month_of_an_asn_account_carries_its_balance_from_day_to_day(shared: Path) -> None:
    """31 statements; on 1 January 65.00 go to NL47INGB9999999999: 444.29 - 65.00 = 379.29; each opens with what the last closed with."""
    found = read(shared / "bank" / "mt940" / "ASNB__0708271685_09022020_164516.940.txt")
    assert (len(found), found[0].account, found[0].opening, found[0].closing) == (31, "NL81ASNB9999999999", 44_429, 37_929)
    assert [line.amount for line in found[0].entries] == [-6_500]
    assert all(one.closing == after.opening for one, after in pairwise(found))


# By hand, in cents: what the opening balance and the lines make, and what the file says.
OFF = {
    "betterplace__sepa_snippet.sta": "second statement: -197043187 - 250191730 = -447234917, the file says -447204909",
    "jejik__abnamro.sta": "323628 - 32144 = 291484, the file says 87684 (its author removed lines)",
    "jejik__ing.sta": "0 - 2503 - 303 - 111 - 2000 - 110 + 368 + 100 = -4559, the file says 347",
    "jejik__postfinance.sta": "second page: 22920 - 7990 + 1010 = 15940, the file says 15960",
    "jejik__triodos.sta": "497509 - 1570 - 70000 = 425939, the file says 437079",
    "self-provided__raiffeisen-cmi.sta": "2517063710 + 206663700 - 1479000 - 305180000 - 389277 - 78924 - 157849 - 600000 = 2415842360, the file says 2528168760",
}


@pytest.mark.parametrize("name", OFF)
def test_mt940_that_does_not_add_up_is_refused(shared: Path, name: str) -> None:
    assert refusal(shared / "bank" / "mt940" / name) == "statement_off"


FRAGMENTS = (
    *("betterplace__currency_in_25", "betterplace__empty_entry_date", "betterplace__missing_crlf_at_end", "cmxl__account_balance_debit"),
    *("cmxl__account_identification_legacy", "cmxl__closing_balance", "cmxl__reference", "cmxl__statement_line", "self-provided__empty_non_swift"),
    *("self-provided__gv_codes", "self-provided__sparkassen"),
)


@pytest.mark.parametrize("name", FRAGMENTS)
def test_pieces_of_mt940_are_refused(shared: Path, name: str) -> None:
    assert refusal(shared / "bank" / "mt940" / f"{name}.sta") == "statement_fragment"


def test_the_purpose_of_a_structured_86_is_told_apart() -> None:
    """?20 to ?29 are the purpose with SEPA words, ?31 the account, ?32 and ?33 the name.

    A subfield of all 27 signs goes on in the next without a space: 5 + 9 + 4 + 9 in `SVWZ+Rechnung Nr. RE-2026-0`; a shorter one ends a word.
    """
    text = (
        ":20:A\n:25:12345\n:28C:1/1\n:60F:C260309EUR100,00\n:61:2603090309CR50,00NTRFKREF77//B-9\n"
        ":86:166?00GUTSCHRIFT?20EREF+RF18 5390 0754 7034?21SVWZ+Rechnung Nr. RE-2026-0?22017?23danke?30DRESDEFF?31DE14508\n80050?32Muster?33 GmbH\n:62F:C260309EUR150,00\n-\n"
    )
    (line,) = read(text.encode())[0].entries
    assert (line.payer, line.payer_account, line.identity) == ("Muster GmbH", "DE1450880050", "B-9")
    assert (line.reference, line.narrative) == ("RF18 5390 0754 7034 KREF77", "Rechnung Nr. RE-2026-0017 danke GUTSCHRIFT")


def test_a_credit_that_the_bank_takes_back_goes_out_and_says_so() -> None:
    text = ":20:A\n:25:12345\n:28C:1/1\n:60F:C260309EUR100,00\n:61:2603090309RC50,00NRTI1\n:61:2603090309RD20,00NRTI2\n:62F:C260309EUR70,00\n-\n"
    assert [(line.amount, line.reversal) for line in read(text.encode())[0].entries] == [(-5000, True), (2000, True)]


# camt: (form, account, currency, opening, closing, [(booked, amount, payer)]), read off the XML by eye.
IBAN = "CH2801234000123456789"
DUTCH = "NL26VAYB8060476890"
CAMT: dict[str, list[tuple[str, str, str, int | None, int | None, list[tuple[str, int, str]]]]] = {
    "camt052.v1.xml": [("camt.052", IBAN, "SEK", None, None, [("2007-10-18", -20_000_000, "")])],
    "camt052.v2.other-account.xml": [("camt.052", IBAN, "SEK", None, None, [("2007-10-18", -20_000_000, "Company Name")])],
    "camt052.v4.xml": [("camt.052", IBAN, "CHF", None, None, [])],
    "camt052.v6.Amt-zero.xml": [("camt.052", IBAN, "CHF", None, None, [])],
    "camt053.v2.minimal.xml": [("camt.053", DUTCH, "EUR", None, None, [("2014-12-31", 885, "NAME NAME")])],
    "camt053.v2.multi.statement.xml": [
        ("camt.053", DUTCH, "EUR", 1_815, 2_700, [("2014-12-31", 885, "")]),
        ("camt.053", DUTCH, "EUR", 2_700, 2_000, [("2014-12-31", -700, "Company Name 2")]),
    ],
    "camt053.v2.with-party-ids.xml": [("camt.053", DUTCH, "EUR", None, None, [("2014-12-31", 885, "NAME NAME")])],
    "camt053.v3.xml": [("camt.053", DUTCH, "EUR", None, None, [("2014-12-31", 885, "NAME NAME")])],
    "camt053.v8.xml": [("camt.053", DUTCH, "EUR", None, None, [("2014-12-31", 885, "NAME NAME")])],
    "camt054.v2.with-account-name.xml": [("camt.054", IBAN, "SEK", None, None, [("2007-10-18", -20_000_000, "")])],
    "camt054.v8-with-financial-institution.xml": [("camt.054", IBAN, "SEK", None, None, [("2007-10-18", -20_000_000, "")])],
    "camt054.v8.xml": [("camt.054", IBAN, "SEK", None, None, [("2007-10-18", -20_000_000, "")])],
    "rousseau__business_sample_camt.052.001.04.xml": [("camt.052", "50000000054910000003", "SEK", None, None, [("2010-10-18", -20_000_000, "")])],
    "rousseau__business_sample_camt.054.001.04.xml": [("camt.054", "50000000054910000003", "SEK", None, None, [("2010-10-18", 10_567_850, "MUELLER")])],
}


@pytest.mark.parametrize("name", CAMT)
def test_camt_says_what_the_xml_says(shared: Path, name: str) -> None:
    found = read(shared / "bank" / "camt" / name)
    told = [(one.form, one.account, one.currency, one.opening, one.closing, [(line.day.isoformat(), line.amount, line.payer) for line in one.entries]) for one in found]
    assert told == CAMT[name]


def test_camt_agrees_with_the_reading_of_the_samples_authors(shared: Path) -> None:
    """Their JSON beside each file: every booked amount, in order."""
    folder = shared / "bank" / "camt"
    for name in CAMT:
        oracle = folder / name.replace(".xml", ".json")
        if not oracle.exists() or "multi" in name:  # of two statements it tells only the last one's entries
            continue
        theirs = [int(entry["getAmount"]["getAmount"]) for entry in json.loads(oracle.read_text())["getEntries"] if entry.get("getStatus") in (None, "BOOK")]
        ours = [line.amount for one in read(folder / name) for line in one.entries]
        assert ours == theirs, name


def test_balances_that_do_not_add_up_and_other_balances(shared: Path) -> None:
    """1.01 + 8.85 = 9.86, the file closes with 4.04."""
    assert refusal(shared / "bank" / "camt" / "camt053.v2.all-balance-types.xml") == "statement_off"


BATCH = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt><Id>1</Id><Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>
<Ntry><Amt Ccy="EUR">30.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-03-09</Dt></BookgDt><NtryDtls>
<TxDtls><Refs><EndToEndId>A</EndToEndId></Refs><Amt Ccy="EUR">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<RltdPties><Dbtr><Pty><Nm>One</Nm></Pty></Dbtr></RltdPties><RmtInf><Ustrd>INV 1</Ustrd></RmtInf></TxDtls>
<TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs><Amt Ccy="EUR">%s</Amt><CdtDbtInd>CRDT</CdtDbtInd><RltdPties><Dbtr><Nm>Two</Nm></Dbtr></RltdPties>
<RmtInf><Strd><RfrdDocInf><Nb>INV 2</Nb></RfrdDocInf><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf></Strd></RmtInf></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="EUR">5.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><RvslInd>true</RvslInd><Sts>BOOK</Sts><BookgDt><Dt>2026-03-09</Dt></BookgDt></Ntry>
<Ntry><Amt Ccy="EUR">7.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>PDNG</Sts><BookgDt><Dt>2026-03-09</Dt></BookgDt></Ntry></Stmt></BkToCstmrStmt></Document>"""


def test_a_bundle_is_split_where_its_payments_add_up() -> None:
    split = read((BATCH % "20.00").encode())[0].entries
    assert [(line.amount, line.payer, line.reference, line.narrative) for line in split[:2]] == [(1000, "One", "A", "INV 1"), (2000, "Two", "RF18539007547034", "INV 2")]
    assert [(line.amount, line.reversal) for line in split[2:]] == [(-500, True)]
    assert [line.amount for line in read((BATCH % "19.00").encode())[0].entries] == [3000, -500]


OFX = {
    "ofxparse__bank_medium.ofx": [("12300000012345678", "CAD", [-660, -31667, -2200])],
    "ofxparse__checking.ofx": [("1452687~7", "USD", [1, -3451, -2500])],
    "ofxparse__multiple_accounts2.ofx": [("9100", "USD", []), ("9200", "USD", [])],
    "ofxparser__ofx-multiple-accounts-xml.ofx": [("54658222458596", "GBP", []), ("546582659855", "GBP", [-398, 50000]), ("21252344525548", "GBP", [1870])],
    "ofxparser__ofxdata-emptyDateTime.ofx": [("", "AUD", [33750, 15000])],
}


@pytest.mark.parametrize("name", OFX)
def test_ofx_says_what_the_file_says(shared: Path, name: str) -> None:
    found = read(shared / "bank" / "ofx" / name)
    assert [(one.account, one.currency, [line.amount for line in one.entries]) for one in found] == OFX[name]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ofxparse__fail_nice__date_missing", "bad_date"),
        ("ofxparse__investment_medium", "ofx_investment"),
        ("ofxparse__account_listing_aggregation", "ofx_without_statement"),
        ("ofxparse__signon_fail", "ofx_refused"),
        ("ofxparser__ofxdata-banking-xml200", "bad_date"),
    ],
)
def test_ofx_without_a_statement_is_refused(shared: Path, name: str, code: str) -> None:
    assert refusal(shared / "bank" / "ofx" / f"{name}.ofx") == code


# Tables: currency to (lines, money in, money out), added up by hand from the rows.
TABLES: dict[str, dict[str, tuple[int, int, int]]] = {
    "abc_debit__example-abc_debit-records.csv": {"CNY": (5, 1_000_001, -1_235_589)},
    "boc__credit__example-boc-records.csv": {"CNY": (13, 98_984, -122_809), "USD": (1, 0, -372)},
    "bocom_credit__example-bocom_credit-records.csv": {"CNY": (8, 80_527, -7_358)},
    "ccb__交易明细_xxxx_2025xxxx_2025xxxx.xls": {"CNY": (6, 0, -70_326)},
    "cmb__debit__example-cmb-records.csv": {"CNY": (5, 123_400, -201_314)},
    "hsbchk__debit__example-hsbchk-debit-records.csv": {"HKD": (9, 1_300_545, -352_650), "CNY": (1, 1_250_000, 0)},
    "icbc__debit-v1__example-icbc-debit-v1-records.csv": {"CNY": (11, 284_174, -424_108)},
    "spdb_debit__example-spdb_debit-records.xls": {"CNY": (4, 1_000, -1_164)},
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_of_banks_say_what_their_rows_say(shared: Path, name: str) -> None:
    found = read(shared / "bank" / "cn_csv" / name, currency="CNY")
    told = {}
    for one in found:
        amounts = [line.amount for line in one.entries]
        told[one.currency] = (len(amounts), sum(amount for amount in amounts if amount > 0), sum(amount for amount in amounts if amount < 0))
    assert told == TABLES[name]


@pytest.mark.parametrize(
    "name", ["citic__credit__example-citic-records.xls", "bmo__credit__example-bmo-records.csv", "jd__example-jd-records.csv", "wechat__example-wechat-records.csv"]
)
def test_cards_and_wallets_are_read_too(shared: Path, name: str) -> None:
    (found,) = read(shared / "bank" / "cn_csv" / name, currency="CNY")
    assert found.entries and found.currency == "CNY"


def test_what_came_back_of_a_wallets_payment_is_no_longer_out(shared: Path) -> None:
    """The export's own head says: 支出 16笔(含4笔部分退款) 1648.43元; `131.77(已退款89.84)` is 41.93 of it."""
    (found,) = read(shared / "bank" / "cn_csv" / "jd__example-jd-records.csv", currency="CNY")
    assert (len(found.entries), sum(line.amount for line in found.entries)) == (16, -164_843)
    assert -4_193 in [line.amount for line in found.entries] and len(found.left_out) == 10


@pytest.mark.parametrize(
    ("told", "payer", "account"),
    [
        ("张三 66666666666666", "张三", "66666666666666"),
        ("国网电力有限公司99999999999999", "国网电力有限公司", "99999999999999"),
        ("赞赏作者的收款_20230623", "赞赏作者的收款_20230623", ""),
        ("五一店20260501", "五一店20260501", ""),
        ("赞赏 20230623", "赞赏 20230623", ""),
    ],
)
def test_a_name_and_an_account_in_one_cell(told: str, payer: str, account: str) -> None:
    (found,) = read(f"交易日期,收入,支出,币种,对方户名\n2026-03-09,1.00,,CNY,{told}\n".encode())
    assert (found.entries[0].payer, found.entries[0].payer_account) == (payer, account)


def test_balances_under_a_banks_own_heading_prove_the_lines_or_tell_where_they_break() -> None:
    """100.00 + 20.00 = 120.00, - 5.00 = 115.00: opening 80.00. With 116.00 in the third line the table lacks a line, and says where."""
    rows = "交易日期,收入,支出,币种,余额\n2026-03-09,20.00,,CNY,100.00\n2026-03-09,20.00,,CNY,120.00\n2026-03-10,,5.00,CNY,115.00\n"
    (found,) = read(rows.encode())
    assert (found.opening, found.closing, found.broken) == (8_000, 11_500, None)
    (found,) = read(rows.replace("115.00", "116.00").encode())
    assert found.broken is not None and (found.opening, found.closing) == (None, None)
    assert (found.broken.params["line"], found.broken.params["expected"], found.broken.params["balance"]) == (4, "115.00", "116.00")
    (found,) = read(rows.replace("115.00", "x,yyy.zz").encode())
    assert (found.opening, found.closing, found.broken) == (8_000, None, None)


@pytest.mark.parametrize("name", ["camt053.v2.minimal.xml", "camt053.v8.xml"])
def test_balances_in_two_currencies_prove_nothing_and_say_so(shared: Path, name: str) -> None:
    """The samples open in EUR (18.15) and close in SEK (27.00)."""
    (found,) = read(shared / "bank" / "camt" / name)
    assert found.broken is not None
    assert (found.broken.code, found.broken.params) == ("statement_currencies", {"account": DUTCH, "opening": "EUR", "closing": "SEK"})


@pytest.mark.parametrize(
    ("told", "amount"), [("10.00(已退款2.50)", -750), ("10.00(已全额退款)", 0), ("¥10.00（已退款¥2.50）", -750), ("10.00(已退款25.00)", None), ("10.00(已退款)", None)]
)
def test_what_came_back_is_taken_off_and_never_more_than_was_paid(told: str, amount: int | None) -> None:
    """10.00 - 2.50 = 7.50 out. 25.00 back of 10.00 would be money in that nobody paid."""
    table = f"交易日期,金额,收/支,币种\n2026-03-09,{told},支出,CNY\n".encode()
    if amount is None:
        assert refusal(table) == "bad_statement_line"
    else:
        assert [line.amount for line in read(table)[0].entries] == [amount]


def test_balances_from_the_last_day_down_and_within_one_day() -> None:
    """Upwards 95.00 + 20.00 = 115.00 and - 5.00 = 110.00; the same rows of one day, the last on top; one of them lacking."""
    head = "交易日期,收入,支出,币种,余额\n"
    days = "2026-03-10,,5.00,CNY,110.00\n2026-03-09,20.00,,CNY,115.00\n"
    for rows in (days, days.replace("03-10", "03-09")):
        (found,) = read((head + rows).encode())
        assert (found.opening, found.closing, found.broken) == (9_500, 11_000, None)
    (found,) = read((head + days.replace("115.00", "114.00")).encode())
    assert found.broken is not None
    assert (found.broken.params["line"], found.broken.params["expected"], found.broken.params["balance"]) == (2, "109.00", "110.00")


def test_a_wallets_own_transfers_are_left_out() -> None:
    text = "微信支付账单明细\n交易时间,交易对方,收/支,金额(元),交易单号\n2026-03-09 10:00:00,甲,收入,¥12.50,1\n2026-03-09 11:00:00,零钱提现,/,¥12.50,2\n"
    (found,) = read(text.encode(), currency="CNY")
    assert [(line.day, line.amount, line.payer, line.reference) for line in found.entries] == [(date(2026, 3, 9), 1250, "甲", "1")]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><Document>&a;</Document>', "xml_doctype"),
        (b'<?xml version="1.0"?><Document><BkToCstmrStmt>', "xml_broken"),
        (b'<?xml version="1.0"?><Invoice/>', "statement_unknown"),
        (b"<OFX><!DOCTYPE x></OFX>", "xml_doctype"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "xml_doctype"),
        (b"<!-- a comment --><a/>", "statement_unknown"),
        (b"OFXHEADER:100\nno more", "statement_unknown"),
        (b"name,age\nA,3\n", "statement_no_head"),
        (b"\x00\x01\x02\x03", "binary_file"),
        ("交易日期,金额,币种\n2026-03-09,1.00,CNY\n".encode(), "statement_direction"),
        ("交易日期,收入,支出,币种\n2026-03-09,1e3,,CNY\n".encode(), "bad_statement_line"),
        ("交易日期,收入,支出\n2026-03-09,1.00,\n".encode(), "statement_no_currency"),
        ("交易日期,收入,支出,币种\n".encode(), "statement_no_lines"),
        (b"PK\x03\x04 broken", "xlsx_broken"),
        (b"\xd0\xcf\x11\xe0 broken", "xlsx_broken"),
    ],
)
def test_what_is_no_statement_is_refused_with_a_reason(content: bytes, code: str) -> None:
    assert refusal(content) == code


def test_amounts_are_exact_in_every_currency() -> None:
    assert minor_of(Decimal("9999999999999999.99"), "CNY") == 999_999_999_999_999_999
    assert (minor_of(Decimal("2700"), "JPY"), minor_of(Decimal("-1.005"), "KWD")) == (2700, -1005)
    for value, currency, code in (("1.5", "JPY", "too_many_decimals"), ("92233720368547758.08", "CNY", "amount_too_large"), ("1e999999", "CNY", "bad_amount")):
        with pytest.raises(Refusal) as told:
            minor_of(Decimal(value), currency)
        assert told.value.code == code
