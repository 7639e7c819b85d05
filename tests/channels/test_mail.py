"""The bytes of a mail: what is written is what is read back, and nothing can be smuggled into its headers."""

from __future__ import annotations

from datetime import UTC, datetime
from email import policy
from email.parser import BytesParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collect.channels.mail import Mail, address, sender_of, serialise
from collect.domain.errors import Refusal

WHEN = datetime(2026, 3, 10, 1, 0, tzinfo=UTC)


def mail(subject: str = "Due", body: str = "Pay.\n", recipient: str = "ap@buyer.example", sender: str = "collect@seller.example") -> Mail:
    return Mail("<7.ab@seller.example>", sender, recipient, subject, body, WHEN)


def test_a_chinese_mail_comes_out_as_it_went_in() -> None:
    told = mail("货款 CNY 12,000.00 将于 2026-03-13 到期——华北医疗器械有限公司" * 2, "王经理：\n\n应付 CNY 12,000.00。\n", sender="华北医疗 <ar@seller.example>")
    data = serialise(told)
    assert data.isascii() and b"\r\n" in data and b"\n" not in data.replace(b"\r\n", b"")
    read = BytesParser(policy=policy.default).parsebytes(data)
    assert read["Subject"] == told.subject
    assert read["From"].addresses[0].display_name == "华北医疗"
    assert (read["To"], read["Message-ID"], read["Auto-Submitted"]) == ("ap@buyer.example", "<7.ab@seller.example>", "auto-generated")
    assert read.get_content().replace("\r\n", "\n") == told.body
    assert read["Date"].datetime == WHEN


@pytest.mark.parametrize("subject", ["=?utf-8?q?Due=0d=0aBcc:_spy@evil.example?=", "Due =?utf-8?b?DQpCY2M6IGE=?= now", "=?"])
def test_an_encoded_word_in_a_subject_is_refused(subject: str) -> None:
    with pytest.raises(Refusal) as refusal:
        serialise(mail(subject))
    assert refusal.value.code == "text_encoded_word"


def test_line_ends_and_controls_in_a_subject_become_spaces() -> None:
    """A customer named with a line end cannot begin a header of his own."""
    read = BytesParser(policy=policy.default).parsebytes(serialise(mail("Due\r\nBcc: spy@evil.example\x00\u2028now\u202e!")))
    assert read["Subject"] == "Due Bcc: spy@evil.example now !"
    assert read["Bcc"] is None


def test_a_body_that_looks_like_headers_stays_body() -> None:
    read = BytesParser(policy=policy.default).parsebytes(serialise(mail(body="Bcc: spy@evil.example\n.\nDATA\n")))
    assert read["Bcc"] is None and read.get_content().replace("\r\n", "\n") == "Bcc: spy@evil.example\n.\nDATA\n"


@pytest.mark.parametrize(
    "text",
    ["", "ap", "@buyer.example", "ap@", "ap@buyer", "a b@buyer.example", "ap@buyer.example,spy@evil.example", "<ap@buyer.example>", "Ap <ap@buyer.example>",
     "ap@buyer.example\r\nRCPT TO:<x@y.example>",
     "ap@-buyer.example", "ap@buyer..example", "a..p@buyer.example", "\"a p\"@buyer.example", "ap@buyer.example>", 
     "x" * 65 + "@buyer.example", "ap@" + "x." * 130 + "example", "王@buyer.example"],
)  # fmt: skip
def test_only_one_plain_address_is_a_recipient(text: str) -> None:
    with pytest.raises(Refusal) as refusal:
        address(text)
    assert refusal.value.code == "bad_recipient"


def test_an_international_domain_is_sent_to_in_ascii() -> None:
    """bücher.example is xn--bcher-kva.example (RFC 3492's own example word)."""
    assert address("ap@bücher.example") == "ap@xn--bcher-kva.example"


@pytest.mark.parametrize("text", ["", "nobody", "a@b.example\r\nBcc: x@y.example", "=?utf-8?q?x?= <a@b.example>", "A <nobody>"])
def test_a_sender_is_one_address_with_a_plain_name(text: str) -> None:
    with pytest.raises(Refusal) as refusal:
        sender_of(text)
    assert refusal.value.code == "bad_sender"


def test_a_strange_message_id_is_refused() -> None:
    with pytest.raises(Refusal):
        serialise(Mail("<a\r\nBcc: x@y.example>", "a@b.example", "c@d.example", "s", "b", WHEN))


@given(st.text(max_size=300), st.text(max_size=500))
def test_whatever_the_text_the_headers_are_ours_or_it_is_refused(subject: str, body: str) -> None:
    try:
        data = serialise(mail(subject, body))
    except Refusal as refusal:
        assert refusal.code in ("text_encoded_word", "mail_header_refused")
        return
    read = BytesParser(policy=policy.default).parsebytes(data)
    assert sorted(name.lower() for name in read) == ["auto-submitted", "content-transfer-encoding", "content-type", "date", "from", "message-id", "mime-version", "subject", "to"]
