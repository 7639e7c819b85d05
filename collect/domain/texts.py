"""Letter texts without logic: which {placeholders} and words may stand in one, and putting values in their places (P8, P11; `reliability` fact 7)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from collect.domain.errors import Refusal

COMMON = (
    "customer",
    "customer_no",
    "company",
    "contact",
    "amount",
    "items",
    "oldest_days",
    "oldest_age",
    "oldest_due",
    "deadline",
    "today",
    "consequence",
    "sender",
    "phone",
)
"""What every text may name. Amounts carry their currency; `items` is the ready list, one line an item."""

_PROMISE = ("promise_date", "promise_amount")
_STOP = ("basis", "conditions")
OWN: Mapping[str, tuple[str, ...]] = {"broken_promise": _PROMISE, "stop_credit": _STOP, "stop_supply": _STOP}
"""What only the text of that name may name besides: no other occasion has a value for it."""

_LINES = ("items", "consequence")
LONGEST_SUBJECT = 200
LONGEST_BODY = 20_000

_APOLOGETIC_EN = (
    r"sorry|apologi[sz]\w*|apolog(?:y|ies)|regret\w*|(?:we are|we're|i am|i'm) afraid|excuse us|pardon|forgive|hate to|bother\w*|trouble you|inconvenience\w*|"
    r"gentle reminder|friendly reminder|just a reminder|just wanted|just checking|hope this (?:e-?mail |message |letter )?finds|would you mind|if (?:it is |it's )?convenient|"
    r"when(?:ever)? convenient|if (?:it is |it's )?possible|if you can|when you can|at your (?:earliest )?convenience|when you (?:get|have) (?:a )?(?:chance|time|moment)"
)
_APOLOGETIC_ZH = (
    "抱歉|道歉|对不起|不好意思|打扰|叨扰|冒昧|麻烦您|麻烦贵|劳驾|请见谅|请谅解|敬请谅解|不情之请|难为情|拜托|"
    "如果方便|如方便|若方便|方便的话|方便时|方便的时候|可能的话|如有可能|如果可能|有空|抽空|能否考虑"
)
_VAGUE_EN = (
    r"as soon as possible|asap|soon|shortly|promptly|at some point|sometime|some time|in due course|in the near future|in the coming (?:days|weeks)|"
    r"maybe|perhaps|possibly|more or less|roughly|approximately|a round (?:sum|figure|amount)"
)
_VAGUE_ZH = "尽快|尽早|早日|近期|近日|适时|适当|酌情|差不多|大概|大约|左右|也许|或许|可能会|改天|过几天|这几天|月底左右|凑个整|取整|整数就行"
_THREAT_EN = r"or else|you will regret|face the consequences|bear the consequences|ruin\w*|expos(?:e|ing) you|blacklist\w*|public(?:ly)? nam\w+"
_THREAT_ZH = "后果自负|一切后果|走着瞧|不客气|曝光|黑名单|老赖|无赖|不要脸"

_WORDS = (
    ("text_apologetic", re.compile(rf"\b(?:{_APOLOGETIC_EN})\b|{_APOLOGETIC_ZH}", re.IGNORECASE)),
    ("text_vague", re.compile(rf"\b(?:{_VAGUE_EN})\b|{_VAGUE_ZH}", re.IGNORECASE)),
    ("text_threat", re.compile(rf"\b(?:{_THREAT_EN})\b|{_THREAT_ZH}", re.IGNORECASE)),
)
_NAME = re.compile(r"[a-z_]+")
_PIECE = re.compile(r"\{([^{}]*)\}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0d\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def allowed(name: str = "") -> tuple[str, ...]:
    """The placeholders that the text of that name may hold; a name we do not ship has the common ones."""
    return COMMON + OWN.get(name, ())


def check(text: str, name: str = "", field: str | None = None) -> list[Refusal]:
    """What is wrong with a text that is to be saved; empty when it may be.

    `text_unknown_placeholder` and `text_code` name the placeholder and those allowed for the text `name`; also
    `text_unbalanced` braces, `control_characters`, `too_long`, and the words of `text_apologetic`, `text_vague` (P8)
    and `text_threat` (P11). Nothing that looks like code ({a.b}, {a[0]}, {0}, {a!r}, {a:>9}) is a placeholder.
    """
    return _check(text, allowed(name), field)


def _check(text: str, known: tuple[str, ...], field: str | None) -> list[Refusal]:
    found: list[Refusal] = []
    if len(text) > LONGEST_BODY:
        return [Refusal("too_long", field, value=text, longest=LONGEST_BODY)]
    if _CONTROL.search(text):
        found.append(Refusal("control_characters", field, value=_CONTROL.sub("�", text)))
    listed = tuple(_braced(one) for one in known)
    seen: set[str] = set()
    for inner in _PIECE.findall(text):
        if inner in seen or inner in known:
            continue
        seen.add(inner)
        code = "text_unknown_placeholder" if _NAME.fullmatch(inner) else "text_code"
        found.append(Refusal(code, field, value=_braced(inner), allowed=listed))
    rest = _PIECE.sub("", text)
    if "{" in rest or "}" in rest:
        found.append(Refusal("text_unbalanced", field))
    for code, pattern in _WORDS:
        words = list(dict.fromkeys(match.group().lower() for match in pattern.finditer(_PIECE.sub(" ", text))))
        if words:
            found.append(Refusal(code, field, words=", ".join(words)))
    return found


def _braced(name: str) -> str:
    return "{" + name + "}"


def check_subject(text: str, name: str = "", field: str | None = None) -> list[Refusal]:
    """As `check`, for a subject: one line, not empty, at most 200 characters, without the mark of an encoded word `=?` (fact 6)."""
    found = _check(text, tuple(one for one in allowed(name) if one not in _LINES), field)
    if not text.strip():
        found.append(Refusal("missing_value", field))
    if len(text) > LONGEST_SUBJECT:
        found.append(Refusal("too_long", field, value=text, longest=LONGEST_SUBJECT))
    if "\n" in text or "\t" in text:
        found.append(Refusal("text_one_line", field))
    if "=?" in text:
        found.append(Refusal("text_encoded_word", field))
    return found


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its values: each is put in once and never read again, whatever braces it holds.

    A line that names a placeholder whose value is empty is left out (a letter without a telephone number has no line
    for one), and at most one empty line stays between two lines. KeyError for a placeholder nobody gave a value.
    """
    lines = []
    for line in text.split("\n"):
        names = _PIECE.findall(line)
        if all(values[name] for name in names):
            lines.append(_PIECE.sub(lambda match: values[match.group(1)], line).rstrip())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
