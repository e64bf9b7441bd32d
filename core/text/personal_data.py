"""Finds personal data and secret keys in a text, which must not be trained on or exported by mistake."""

import re
from collections.abc import Iterator
from typing import NamedTuple

RULES = ("personal-email", "personal-phone", "personal-card", "secret-key")

_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    0x2010: 0x2D,
    0x2011: 0x2D,
    0x2212: 0x2D,
    0x3000: 0x20,
}
_IS_WIDE = re.compile(r"[\uff10-\uff19\uff20\uff21-\uff3a\uff41-\uff5a]|[0-9][\u2010\u2011\u2212]")

# Every pattern begins at the edge of a word and is bounded or possessive: time is linear in the text's length.
_LOCAL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}\Z")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])")
_NO_EMAIL_DOMAINS = (
    "png",
    "jpg",
    "jpeg",
    "gif",
    "svg",
    "webp",
    "js",
    "css",
    "py",
    "json",
    "local",
    "test",
    "invalid",
    "example",
)
_EXAMPLE_DOMAINS = ("example.com", "example.org", "example.net", "example.jp", "example.co.jp")

_EDGE = r"(?<![0-9A-Za-z+./_-])(?<![0-9]\()"
_END = r"(?![0-9A-Za-z_]|[-./][0-9A-Za-z])"
_GAP = r"(?:[ .-]|\) ?| ?\()"
_PHONE = re.compile(
    rf"{_EDGE}(?:"
    r"(?P<mobile>0[5789]0[- ]?[0-9]{4}[- ]?[0-9]{4})"
    r"|(?P<fixed>\(?0[1-9][0-9]{0,3}(?:-|\) ?|\()[0-9]{1,4}[-)][0-9]{3,4})"
    r"|(?P<american>(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[-.])[2-9][0-9]{2}[-.][0-9]{4})"
    rf"|(?P<international>\+[1-9](?:{_GAP}?[0-9]){{7,14}})"
    rf"){_END}"
)
_TOLL_FREE_PREFIXES = ("0120", "0570", "0800", "0990")

_CARD = re.compile(
    rf"{_EDGE}(?:[0-9]{{13,19}}|[0-9]{{4}}([ -])(?:[0-9]{{4}}\1[0-9]{{4}}\1[0-9]{{4}}|[0-9]{{6}}\1[0-9]{{4,5}})){_END}"
)
# Visa, Mastercard, American Express, Diners, JCB, Discover, UnionPay: how they begin, and how long they are.
_ISSUER = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})|5[1-5][0-9]{14}|2[2-7][0-9]{14}|3[47][0-9]{13}|3[068][0-9]{12}"
    r"|35[0-9]{14}|6[0245][0-9]{14,17}"
)

_KEY = re.compile(
    r"(?<![A-Za-z0-9_-])(?:"
    r"sk-[A-Za-z0-9_-]{20,300}+|(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36,255}+|github_pat_[A-Za-z0-9_]{22,255}+"
    r"|glpat-[A-Za-z0-9_-]{20,100}+|xox[abeoprs]-[A-Za-z0-9-]{10,255}+|AIza[0-9A-Za-z_-]{35}|hf_[A-Za-z0-9]{30,100}+"
    r"|npm_[A-Za-z0-9]{36}|[rs]k_(?:live|test)_[0-9A-Za-z]{16,255}+"
    r"|eyJ[A-Za-z0-9_-]{8,8000}+\.eyJ[A-Za-z0-9_-]{8,8000}+\.[A-Za-z0-9_-]{10,2000}+"
    r")(?![A-Za-z0-9_-])"
    r"|-----BEGIN (?:[A-Z]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
)
_DIGITS = re.compile(r"[0-9](?:[^0-9A-Za-z]{0,2}[0-9]){7}")
_BEGINNINGS = ("sk-", "AKIA", "ASIA", "gh", "glpat", "xox", "AIza", "hf_", "npm_", "k_", "eyJ", "PRIVATE KEY")


class PersonalData(NamedTuple):
    """A match of `rule` (one of `RULES`) at `text[start:end]`."""

    rule: str
    start: int
    end: int


def find_personal_data(text: str) -> list[PersonalData]:
    """The e-mail addresses, phone numbers, card numbers and secret keys in `text`, in order.

    Full-width characters count as plain ones. Addresses of example domains and toll-free numbers are not personal.
    """
    plain = text.translate(_WIDE) if not text.isascii() and _IS_WIDE.search(text) else text
    found = list(_iterate_emails(plain)) if "@" in plain else []
    if _DIGITS.search(plain):
        cards = list(_iterate_cards(plain))
        found += cards
        found += (phone for phone in _iterate_phones(plain) if not any(_overlap(phone, card) for card in cards))
    if any(beginning in plain for beginning in _BEGINNINGS):
        found += _iterate_keys(plain)
    return sorted(found, key=lambda one: one.start)


def mask(text: str) -> str:
    """A match shortened to its first and last two characters, to recognise it without showing it."""
    return f"{text[:2]}…{text[-2:]}"


def _iterate_emails(text: str) -> Iterator[PersonalData]:
    at = text.find("@")
    while at >= 0:
        local = _LOCAL.search(text, max(0, at - 64), at)
        domain = _DOMAIN.match(text, at + 1, at + 256)
        if local and domain and _is_email(local[0], domain[0].lower(), text[domain.end() : domain.end() + 1]):
            yield PersonalData("personal-email", local.start() + _count_leading_marks(local[0]), domain.end())
        at = text.find("@", at + 1)


def _count_leading_marks(local: str) -> int:
    return len(local) - len(local.lstrip("'`*_.{|/"))


def _is_email(local: str, domain: str, after: str) -> bool:
    host = domain.rsplit(".", 1)[-1]
    is_address = (
        local != "git"
        and not local.endswith(".")
        and len(local) > _count_leading_marks(local)
        and not (after == ":" and "/" in local)
    )
    return (
        is_address
        and host not in _NO_EMAIL_DOMAINS
        and not any(f".{domain}".endswith(f".{name}") for name in _EXAMPLE_DOMAINS)
    )


def _iterate_phones(text: str) -> Iterator[PersonalData]:
    for match in _PHONE.finditer(text):
        digits = re.sub(r"[^0-9]", "", match[0])
        kind = match.lastgroup
        if kind == "fixed" and (len(digits) != 10 or digits.startswith(_TOLL_FREE_PREFIXES)):
            continue
        if kind == "international" and not 8 <= len(digits) <= 15:
            continue
        if digits[-7:-2] == "55501":  # kept free for films and books
            continue
        yield PersonalData("personal-phone", match.start(), match.end())


def _iterate_cards(text: str) -> Iterator[PersonalData]:
    for match in _CARD.finditer(text):
        digits = re.sub(r"[ -]", "", match[0])
        if _ISSUER.fullmatch(digits) and _passes_luhn(digits) and len(set(digits)) > 1:
            yield PersonalData("personal-card", match.start(), match.end())


def _passes_luhn(digits: str) -> bool:
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (doubled + sum(map(int, digits[::-2]))) % 10 == 0


def _iterate_keys(text: str) -> Iterator[PersonalData]:
    for match in _KEY.finditer(text):
        key = match[0]
        # A slug (sk-a-page-about-something) has no capitals or digits, a placeholder the same few characters.
        is_slug = key.startswith("sk-") and not (re.search("[A-Z]", key) and re.search("[0-9]", key))
        if not is_slug and len(set(key)) > 9:
            yield PersonalData("secret-key", match.start(), match.end())


def _overlap(one: PersonalData, other: PersonalData) -> bool:
    return one.start < other.end and other.start < one.end
