"""Bank files that are made to hurt or that only look harmless: bounded time and memory, no line lost, none counted twice."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

import pytest

from collect.domain.errors import Refusal
from collect.exchange.bank import reading
from collect.exchange.bank.shape import Statement
from collect.exchange.bank.texts import decoded
from collect.exchange.cells import Limits

LIMITS = Limits(100 << 20, 1_000_000, 200, 32_768, 400 << 20, 200)
CAMT = (
    '<?xml version="1.0"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt><Acct><Id><IBAN>DE1</IBAN></Id>'
    "<Ccy>%s</Ccy></Acct>%s</Stmt></BkToCstmrStmt></Document>"
)
MT940 = ":20:A\n:25:12345\n:28C:1/1\n:60F:C260309%s\n%s:62F:C260309%s\n-\n"


def read(content: bytes | str) -> list[Statement]:
    return reading.read(content.encode() if isinstance(content, str) else content, "file", LIMITS)[0]


HEAD = "交易日期,收入,支出,币种,对方户名,摘要\n"
HOSTILE: dict[str, tuple[bytes, str]] = {
    "end tags that match nothing under tags that never end": (b"OFXHEADER:100\n<OFX>" + b"<A>" * 200_000 + b"</B>" * 200_000, "statement_unknown"),
    "more tags than any OFX": (b"OFXHEADER:100\n<OFX>" + b"<A>x" * 1_000_002, "statement_too_long"),
    "more tags than any camt": ((CAMT % ("EUR", "<a/>" * 4_000_001)).encode(), "statement_too_long"),
    "statements without end (camt)": (b"<Document><BkToCstmrStmt>" + b"<Stmt/>" * 5_002 + b"</BkToCstmrStmt></Document>", "statement_too_many"),
    "statements without end (MT940)": ((MT940 % ("EUR0,00", "", "EUR0,00")).encode() * 5_002, "statement_too_many"),
    "an amount of a million blanks": (HEAD.encode() + b"2026-03-09,1" + b" " * 100_000 + b"1,,CNY,a,b\n", "bad_statement_line"),
    "a cell without end": (HEAD.encode() + b"2026-03-09,1.00,,CNY,a," + b"x" * 200_000 + b"\n", "cell_too_long"),
    "zero bytes": (HEAD.encode() + b"2026-03-09,1.00,,CNY,a\x00,b\n", "binary_file"),
    "half a character at the end": (HEAD.encode() + "2026-03-09,1.00,,CNY,甲".encode()[:-1], "table_cut"),
    "a quote left open to the end": (HEAD.encode() + b'2026-03-09,1.00,,CNY,"a,b\n' + b"2026-03-09,2.00,,CNY,a,b\n", "unclosed_quote"),
    "a quote that a later one closes": (HEAD.encode() + b'2026-03-09,1.00,,CNY,"a,b\n2026-03-09,2.00,,CNY,a,b\n2026-03-09,3.00,,CNY,"a",b\n', "unclosed_quote"),
    "a DOCTYPE in UTF-16": ('<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY b "c">]><Document>&b;</Document>'.encode("utf-16"), "xml_doctype"),
    "tags within tags": ((CAMT % ("EUR", "<a>" * 5_000)).encode(), "xml_broken"),
    "one row without end": (HEAD.encode() + b"," * 5_000_000, "line_too_long"),
    "a row of many columns": (HEAD.encode() + b"," * 300, "too_many_columns"),
    "rows without end": (b"\n" * 300_000 + b"x", "statement_too_long"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused_at_once(case: str) -> None:
    """Each cost minutes or gigabytes when it was read to its end; ten seconds leave room for a slow machine."""
    content, code = HOSTILE[case]
    before = time.process_time()
    with pytest.raises(Refusal) as told:
        read(content)
    assert (told.value.code, time.process_time() - before < 10) == (code, True)


def test_many_entries_of_a_camt_cost_their_number_and_not_its_square() -> None:
    """20,000 entries of 0.01 in a statement without the time it was made: 200.00, within seconds."""
    entry = '<Ntry><Amt Ccy="EUR">0.01</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-03-09</Dt></BookgDt></Ntry>'
    before = time.process_time()
    (found,) = read(CAMT % ("EUR", entry * 20_000))
    assert (sum(line.amount for line in found.entries), time.process_time() - before < 4) == (20_000, True)


@pytest.mark.parametrize(
    ("opening", "line", "at"),
    [
        ("CNY9999999999999999,99", "", 4),
        ("CNY0,00", ":61:2603090309C99999999999999,999NTRFNONREF\n", 5),
    ],
)
def test_an_mt940_amount_beyond_its_15_signs_is_refused_and_not_cut(opening: str, line: str, at: int) -> None:
    """The library keeps the first signs of such an amount: 9,999,999,999,999,999.99 would lose its cents."""
    with pytest.raises(Refusal) as told:
        read(MT940 % (opening, line, opening))
    assert (told.value.code, told.value.params["line"]) == ("bad_statement_line", at)


def test_amounts_of_every_size_and_currency_are_exact() -> None:
    """9,999,999,999,999,999.99 CNY has 18 digits of fen; KWD has three decimals, JPY none; 2^63 fen are one too many."""
    entry = '<Ntry><Amt Ccy="%s">%s</Amt><CdtDbtInd>CRDT</CdtDbtInd><BookgDt><Dt>2026-03-09</Dt></BookgDt></Ntry>'
    for currency, amount, minor in (("CNY", "9999999999999999.99", 999_999_999_999_999_999), ("KWD", "1.005", 1005), ("JPY", "2700", 2700)):
        assert [line.amount for line in read(CAMT % (currency, entry % (currency, amount)))[0].entries] == [minor]
    for currency, amount, code in (("CNY", "92233720368547758.08", "amount_too_large"), ("JPY", "0.5", "too_many_decimals"), ("CNY", "NaN", "bad_amount")):
        with pytest.raises(Refusal) as told:
            read(CAMT % (currency, entry % (currency, amount)))
        assert told.value.code == code


def test_a_bundle_of_many_payments_costs_their_number_and_not_its_square() -> None:
    """100,000 references that all differ: what is kept of them are those of the first 200 payments."""
    parts = "".join(f"<TxDtls><RmtInf><Strd><CdtrRefInf><Ref>R{n}</Ref></CdtrRefInf></Strd></RmtInf></TxDtls>" for n in range(100_000))
    entry = f'<Ntry><Amt Ccy="EUR">30.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><BookgDt><Dt>2026-03-09</Dt></BookgDt><NtryDtls>{parts}</NtryDtls></Ntry>'
    before = time.process_time()
    (line,) = read(CAMT % ("EUR", entry))[0].entries
    assert (line.amount, line.reference[:8], time.process_time() - before < 8) == (3000, "R0 R1 R2", True)


@pytest.mark.parametrize(
    ("amount", "code"),
    [("-5.00", "bad_amount"), ("1_000", "bad_amount"), ("1e3", "bad_amount"), ("\u0661\u0662", "bad_amount"), ("1.000000000000000000000000000001", "too_many_decimals")],
)
def test_a_bank_writes_amounts_in_plain_digits_and_says_apart_which_way_they_went(amount: str, code: str) -> None:
    """-5.00 that is marked as a credit could be either; the last one is a thirtieth of a digit beyond 1.00."""
    entry = '<Ntry><Amt Ccy="EUR">%s</Amt><CdtDbtInd>CRDT</CdtDbtInd><BookgDt><Dt>2026-03-09</Dt></BookgDt></Ntry>'
    with pytest.raises(Refusal) as told:
        read(CAMT % ("EUR", entry % amount))
    assert told.value.code == code


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le"])
def test_a_table_in_utf_16_is_read(codec: str) -> None:
    (found,) = read((HEAD + "2026-03-09,1.00,,CNY,甲公司,货款\n").encode(codec))
    assert [(line.amount, line.payer) for line in found.entries] == [(100, "甲公司")]


def test_a_camt_in_utf_16_is_read() -> None:
    entry = '<Ntry><Amt Ccy="EUR">5.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><BookgDt><Dt>2026-03-09</Dt></BookgDt></Ntry>'
    (found,) = read((CAMT % ("EUR", entry)).replace('"1.0"', '"1.0" encoding="UTF-16"').encode("utf-16"))
    assert [line.amount for line in found.entries] == [500]


def test_a_text_over_several_lines_is_no_open_quote() -> None:
    """Prose has a space behind its commas; a text of three lines is one cell."""
    (found,) = read(HEAD + '2026-03-09,1.00,,CNY,a,"INV 1, 2, 3, 4\nINV 5, 6, 7, 8\nthanks"\n2026-03-10,2.00,,CNY,b,c\n')
    assert [line.amount for line in found.entries] == [100, 200] and found.entries[0].narrative == "INV 1, 2, 3, 4 INV 5, 6, 7, 8 thanks"


def test_a_line_that_cannot_be_read_is_told_to_nobody_else(capfd: pytest.CaptureFixture[str], shared: Path) -> None:
    """The library would write the line, a payer's name in it, to standard error."""
    read((shared / "bank" / "mt940" / "ASNB__0708271685_09022020_164516.940.txt").read_bytes())
    assert capfd.readouterr() == ("", "")


def test_a_day_without_a_movement_is_covered_by_its_closing_balance() -> None:
    balance = '<Bal><Tp><CdOrPrtry><Cd>%s</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">5.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>%s</Dt></Dt></Bal>'
    (found,) = read(CAMT % ("EUR", balance % ("OPBD", "2026-03-08") + balance % ("CLBD", "2026-03-09")))
    assert (found.entries, found.opening, found.closing, found.through) == ((), 500, 500, date(2026, 3, 9))


def test_the_opening_balance_goes_before_the_one_of_the_statement_before() -> None:
    """Wherever PRCD stands, OPBD is what the lines are held against: 5.00 + 0 = 5.00."""
    balance = '<Bal><Tp><CdOrPrtry><Cd>%s</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">%s</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-03-09</Dt></Dt></Bal>'
    (found,) = read(CAMT % ("EUR", balance % ("PRCD", "4.00") + balance % ("OPBD", "5.00") + balance % ("CLBD", "5.00")))
    assert (found.opening, found.closing) == (500, 500)


def test_a_bundle_that_stays_one_line_keeps_the_texts_of_all_its_payments() -> None:
    """One payment tells no amount, so 30.00 cannot be split."""
    parts = "".join(f"<TxDtls><RmtInf><Ustrd>INV {n}</Ustrd></RmtInf></TxDtls>" for n in (1, 2))
    entry = f'<Ntry><Amt Ccy="EUR">30.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><BookgDt><Dt>2026-03-09</Dt></BookgDt><NtryDtls>{parts}</NtryDtls></Ntry>'
    assert [(line.amount, line.narrative) for line in read(CAMT % ("EUR", entry))[0].entries] == [(3000, "INV 1 INV 2")]


def test_chinese_is_read_whatever_the_label_says_and_accents_are_not_taken_for_it() -> None:
    """`élémentaire créée à Dürén` holds byte pairs that are Chinese in GB18030, but never four high ones in a row."""
    assert decoded("甲公司货款".encode("gb18030")) == "甲公司货款"
    assert decoded("élémentaire créée à Dürén".encode("cp1252")) == "élémentaire créée à Dürén"
    ofx = (
        "OFXHEADER:100\nENCODING:USASCII\nCHARSET:1252\n<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>CNY<BANKACCTFROM><ACCTID>6222</BANKACCTFROM><BANKTRANLIST>"
        "<STMTTRN><DTPOSTED>20260309<TRNAMT>12.50<FITID>1<NAME>同仁大药房<MEMO>货款 A1</STMTTRN></BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"
    )
    (line,) = read(ofx.encode("gb18030"))[0].entries
    assert (line.amount, line.payer, line.narrative) == (1250, "同仁大药房", "货款 A1")
    mt940 = MT940 % ("CNY0,00", ":61:2603090309C12,50NTRFNONREF\n:86:同仁大药房 货款 A1\n", "CNY12,50")
    assert read(mt940.encode("gb18030"))[0].entries[0].narrative == "同仁大药房 货款 A1"


def test_the_row_number_of_a_file_is_no_part_of_a_line() -> None:
    """Exported again with a day before it, the same line is number 3 and not 1: it is the same line all the same (S16)."""
    head, line = "顺序号,交易日期,存入金额,取出金额,币种,交易对手名称\n", "{},2026-03-09,100.00,,CNY,甲公司\n"
    (alone,) = read(head + line.format(1))[0].entries
    early, twin, again = read(head + "1,2026-03-08,5.00,,CNY,乙\n2,2026-03-08,5.00,,CNY,乙\n" + line.format(3))[0].entries
    assert alone.fingerprint() == again.fingerprint() and early.fingerprint() == twin.fingerprint() != again.fingerprint()


def test_name_and_account_in_one_column_are_told_apart(shared: Path) -> None:
    """China Merchants Bank writes both under 对手信息; the value day of the Bank of China stands in a column of its own."""
    (found,) = read((shared / "bank" / "cn_csv" / "cmb__debit__example-cmb-records.csv").read_bytes())
    assert [(line.payer, line.payer_account) for line in found.entries[:3]] == [
        ("北京住房公积金管理中心", "1111111111"),
        ("张三", "66666666666666"),
        ("国网电力有限公司", "99999999999999"),
    ]
    boc = read((shared / "bank" / "cn_csv" / "boc__credit__example-boc-records.csv").read_bytes())[0]
    assert (boc.entries[0].day, boc.entries[0].value_day) == (date(2024, 12, 13), date(2024, 12, 14))


def test_hungarian_fields_and_purposes_without_a_purpose_word_are_kept(shared: Path) -> None:
    """`:NS:` 15 and 16 are the name (27 signs, so it goes on), 33 and 34 the account; an EREF+ alone must not swallow the rest."""
    folder = shared / "bank" / "mt940"
    line = read((folder / "sberbank__171011_01234945.sta").read_bytes())[0].entries[0]
    assert (line.payer, line.payer_account, "G200000137791678" in line.narrative) == ("ERGO Versicherung AG Fioktelep", "109180010000004279070017", True)
    line = read((folder / "self-provided__wrapped_timestamp.sta").read_bytes())[0].entries[0]
    assert (line.reference, "12-09-2014T16:26:37" in line.narrative) == ("VZ0000000000000000", True)
    line = read((folder / "jejik__rabobank-iban.sta").read_bytes())[0].entries[0]
    assert (line.payer, line.reference) == ("CONTRA ACCOUNT HOLDER", "01-01-2013 12:00 0030000987654321")


@pytest.mark.parametrize(("sample", "size"), [("ofxparse__checking.ofx", 900), ("ofxparse__bank_medium.ofx", 700)])
def test_a_piece_of_an_ofx_is_refused(shared: Path, sample: str, size: int) -> None:
    """Cut within its first transaction: a line could be read, and its end date would count as covered."""
    whole = next((shared / "bank").rglob(sample)).read_bytes()
    assert read(whole)[0].entries
    with pytest.raises(Refusal, match="ofx_cut"):
        read(whole[:size])
    with pytest.raises(Refusal, match="ofx_cut"):
        read(whole[: whole.rindex(b"</OFX>")])
