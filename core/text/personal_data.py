"""Finds personal data and secret keys in a text, which must not be trained on or exported by mistake."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from core.lazy_loading import lazy_pattern

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

RULES = ("personal-email", "personal-phone", "personal-card", "secret-key")

_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    0x2010: 0x2D,
    0x2011: 0x2D,
    0x2212: 0x2D,
    0x3000: 0x20,
}
_IS_WIDE = lazy_pattern(r"[\uff10-\uff19\uff20\uff21-\uff3a\uff41-\uff5a]|[0-9][\u2010\u2011\u2212]")

# Every pattern begins at the edge of a word and is bounded or possessive: time is linear in the text's length.
_LOCAL = lazy_pattern(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}\Z")
_DOMAIN = lazy_pattern(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])")
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
# Candidates only: `phonenumbers` decides which of them are numbers of one of the regions.
_PHONE = lazy_pattern(
    rf"{_EDGE}(?:"
    rf"(?P<international>\+[1-9](?:{_GAP}?[0-9]){{7,14}})"
    rf"|(?P<trunk>\(?0[1-9](?:(?:{_GAP}|/)?[0-9]){{7,10}})"
    r"|(?P<american>(?:1[-. ])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[-. ])[2-9][0-9]{2}[-. ][0-9]{4})"
    r"|(?P<brazilian>\([1-9][0-9]\) ?9?[0-9]{4}-[0-9]{4})"
    rf"){_END}"
)
# Where the numbers of each kind of candidate are searched; written with the country code, those of all regions are found.
_REGIONS = {
    "trunk": ("JP", "GB", "DE", "FR", "IN", "KR", "AU"),
    "american": ("US",),
    "brazilian": ("BR",),
}
_MOBILE_DIGITS = lazy_pattern(r"0[5789]0[0-9]{8}")  # other national numbers need a separator: ten digits may be any id
_DOCUMENT_NUMBER = lazy_pattern(r"[0-9]{4}[- ][0-9]{4}[- ][0-9]{4}")
MIN_PHONE_DIGITS = 10  # of a national number; many ids have nine

_CARD = lazy_pattern(
    rf"{_EDGE}(?:[0-9]{{13,19}}|[0-9]{{4}}([ -])(?:[0-9]{{4}}\1[0-9]{{4}}\1[0-9]{{4}}|[0-9]{{6}}\1[0-9]{{4,5}})){_END}"
)
# Visa, Mastercard, American Express, Diners, JCB, Discover, UnionPay: how they begin, and how long they are.
_ISSUER = lazy_pattern(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})|5[1-5][0-9]{14}|2[2-7][0-9]{14}|3[47][0-9]{13}|3[068][0-9]{12}"
    r"|35[0-9]{14}|6[0245][0-9]{14,17}"
)

_KEY = lazy_pattern(
    r"(?<![A-Za-z0-9_-])(?:"
    r"sk-[A-Za-z0-9_-]{20,300}+|(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36,255}+|github_pat_[A-Za-z0-9_]{22,255}+"
    r"|glpat-[A-Za-z0-9_-]{20,100}+|xox[abeoprs]-[A-Za-z0-9-]{10,255}+|AIza[0-9A-Za-z_-]{35}|hf_[A-Za-z0-9]{30,100}+"
    r"|npm_[A-Za-z0-9]{36}|[rs]k_(?:live|test)_[0-9A-Za-z]{16,255}+"
    r"|eyJ[A-Za-z0-9_-]{8,8000}+\.eyJ[A-Za-z0-9_-]{8,8000}+\.[A-Za-z0-9_-]{10,2000}+"
    r")(?![A-Za-z0-9_-])"
    r"|-----BEGIN (?:[A-Z]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
)
_DIGITS = lazy_pattern(r"[0-9](?:[^0-9A-Za-z]{0,2}[0-9]){7}")
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
        written = match[0]
        # A digit after a number and a blank, as in "090 1234 5678 2 times", may be in the match.
        while written and not _is_personal_phone(written, match.lastgroup or ""):
            written = written.rpartition(" ")[0]
        if written:
            yield PersonalData("personal-phone", match.start(), match.start() + len(written))


def _is_personal_phone(written: str, kind: str) -> bool:
    """Whether a candidate is a number of a region of `kind`, and neither free of charge nor reserved for fiction."""
    import phonenumbers  # takes 50 ms; most texts have no candidate

    types = phonenumbers.PhoneNumberType
    number = _parse_international(written) if kind == "international" else _parse_national(written, _REGIONS[kind])
    if number is None:
        return False
    is_fiction = number.country_code == 1 and str(number.national_number)[-7:-2] == "55501"
    is_service = phonenumbers.number_type(number) in (
        types.TOLL_FREE,
        types.SHARED_COST,
        types.PREMIUM_RATE,
        types.UAN,
    )
    return not is_fiction and not is_service


def _parse_international(written: str) -> "PhoneNumber | None":
    import phonenumbers

    try:
        number = phonenumbers.parse(written)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_possible_number(number) else None


def _parse_national(written: str, regions: Sequence[str]) -> "PhoneNumber | None":
    """The number in the first of `regions` where it is valid, and its digits are grouped as people do there."""
    import phonenumbers

    digits = re.sub("[^0-9]", "", written)
    is_bare_id = digits == written and not _MOBILE_DIGITS.fullmatch(digits)
    if len(digits) < MIN_PHONE_DIGITS or is_bare_id or _DOCUMENT_NUMBER.fullmatch(written):
        return None
    for region in regions:
        try:
            number = phonenumbers.parse(written, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number) and any(
            match.start <= 1 and match.end == len(written)
            for match in phonenumbers.PhoneNumberMatcher(written, region, phonenumbers.Leniency.STRICT_GROUPING)
        ):
            return number
    return None


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
