"""Texts: what may stand in one, in which words, and how values are put in."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collect import assets
from collect.domain import texts

LETTERS = sorted((assets.folder("config") / "letters").glob("*/*.toml"))


def codes(text: str, name: str = "") -> list[str]:
    return [refusal.code for refusal in texts.check(text, name)]


@pytest.mark.parametrize("file", [file for file in LETTERS if file.stem != "words"], ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_every_shipped_text_may_be_saved(file: object) -> None:
    read = tomllib.loads(file.read_text(encoding="utf-8"))  # type: ignore[attr-defined]
    assert set(read) == {"subject", "body"}
    assert texts.check_subject(read["subject"], file.stem) == []  # type: ignore[attr-defined]
    assert texts.check(read["body"], file.stem) == []  # type: ignore[attr-defined]
    assert "{amount}" in read["subject"] + read["body"] and "{items}" in read["body"]


def test_both_languages_have_the_same_texts_with_the_same_demands() -> None:
    """Every placeholder of the English text is in the Chinese one and the other way round: neither says less."""
    for file in LETTERS:
        if file.parent.name == "zh":
            continue
        other = file.parent.parent / "zh" / file.name
        ours, theirs = file.read_text(encoding="utf-8"), other.read_text(encoding="utf-8")
        if file.stem == "words":
            assert set(tomllib.loads(ours)) == {key for key in tomllib.loads(theirs) if not key.startswith("money_")}
            continue
        for must in ("{amount}", "{items}", "{deadline}"):
            assert (must in ours) == (must in theirs), (file.name, must)


@pytest.mark.parametrize("inner", ["a.b", "a[0]", "0", "", "a!r", "a:>9", "amount.real", " amount", "Amount", "__class__.__mro__", "amount\n"])
def test_what_looks_like_code_is_refused_and_named(inner: str) -> None:
    found = texts.check("Pay {%s} now." % inner)  # noqa: UP031
    assert [refusal.code for refusal in found] == ["text_code"]
    assert found[0].params["value"] == "{%s}" % inner  # noqa: UP031
    assert "{amount}" in found[0].params["allowed"]


def test_an_unknown_placeholder_is_named_once_with_those_that_are_known() -> None:
    found = texts.check("{custmer} owes {amount}, {custmer}.")
    assert [(refusal.code, refusal.params["value"]) for refusal in found] == [("text_unknown_placeholder", "{custmer}")]


def test_a_placeholder_of_another_occasion_is_unknown_here() -> None:
    assert codes("You promised {promise_amount}.", "broken_promise") == []
    assert codes("You promised {promise_amount}.", "overdue") == ["text_unknown_placeholder"]
    assert codes("You promised {promise_amount}.", "a_text_of_our_own") == ["text_unknown_placeholder"]


@pytest.mark.parametrize("text", ["{amount", "amount}", "{{amount}}", "{a{amount}b}", "}{"])
def test_braces_only_enclose_a_placeholder(text: str) -> None:
    assert "text_unbalanced" in codes(text)


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("We are sorry to bother you.", "text_apologetic", "sorry, bother"),
        ("This is just a gentle reminder.", "text_apologetic", "gentle reminder"),
        ("Please pay as soon as possible.", "text_vague", "as soon as possible"),
        ("Pay ASAP, perhaps this week.", "text_vague", "asap, perhaps"),
        ("Pay or else.", "text_threat", "or else"),
        ("很抱歉打扰贵公司。", "text_apologetic", "抱歉, 打扰"),
        ("如果方便，请安排付款。", "text_apologetic", "如果方便"),
        ("请尽快付款。", "text_vague", "尽快"),
        ("逾期不付，后果自负。", "text_threat", "后果自负"),
    ],
)
def test_wording_is_checked_in_both_languages_and_the_words_are_named(text: str, code: str, words: str) -> None:
    found = texts.check(text)
    assert [(refusal.code, refusal.params["words"]) for refusal in found] == [(code, words)]


@pytest.mark.parametrize("text", ["The soonest date is {deadline}.", "Possible disputes: name them by {deadline}.", "请于 {deadline} 之前付清。"])
def test_words_that_only_look_alike_pass(text: str) -> None:
    assert codes(text) == []


def test_a_subject_is_one_line_without_the_sign_of_an_encoded_word() -> None:
    def refused(subject: str) -> list[str]:
        return [refusal.code for refusal in texts.check_subject(subject)]

    assert refused("{amount} is due") == []
    assert refused("a\nb") == ["text_one_line"]
    assert refused("=?utf-8?q?x=0d=0aBcc:a@b.example?=") == ["text_encoded_word"]
    assert refused("a\rb") == ["control_characters"]
    assert refused(" ") == ["missing_value"]
    assert refused("x" * 201) == ["too_long"]
    assert refused("{items}") == ["text_unknown_placeholder"]


def test_values_are_put_in_once_and_never_read_again() -> None:
    assert texts.fill("{customer} owes {amount}.", {"customer": "{amount} & {0.__class__}", "amount": "{customer}"}) == "{amount} & {0.__class__} owes {customer}."


def test_a_line_without_its_value_is_left_out_and_leaves_no_hole() -> None:
    """Two empty lines around the dropped one become one."""
    text = "Pay.\n\n{consequence}\n\n{sender}\nTelephone: {phone}\nEnd\n"
    assert texts.fill(text, {"consequence": "", "sender": "Li", "phone": ""}) == "Pay.\n\nLi\nEnd"


def test_a_placeholder_nobody_gave_a_value_is_a_fault_of_ours() -> None:
    with pytest.raises(KeyError):
        texts.fill("{amount}", {})


@given(st.text(), st.text(), st.text())
def test_whatever_the_values_hold_they_come_out_as_they_are(before: str, value: str, after: str) -> None:
    """One line around one value: the value stands in it unchanged, unless it is empty or line ends and spaces at the edge fall away."""
    clean = "x" + "".join(sign for sign in value if sign not in "\n\r{}") + "y"
    frame = "".join(sign for sign in before if sign.isalnum()), "".join(sign for sign in after if sign.isalnum())
    assert texts.fill("%s{amount}%s" % frame, {"amount": clean}) == frame[0] + clean + frame[1]  # noqa: UP031
    assert texts.fill("[{amount}]", {"amount": "{" + value + "}"}).startswith("[{" + value[:3].split("\n")[0])


@given(st.text(max_size=200))
def test_checking_never_fails(text: str) -> None:
    for refusal in [*texts.check(text), *texts.check_subject(text)]:
        assert refusal.code in {
            "text_unknown_placeholder", "text_code", "text_unbalanced", "text_apologetic", "text_vague", "text_threat",
            "text_one_line", "text_encoded_word", "control_characters", "missing_value", "too_long",
        }  # fmt: skip
