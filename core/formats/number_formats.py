"""Writes numbers and dates of a spreadsheet as the sheet shows them, by the format codes of Excel."""

import datetime
import re
from decimal import ROUND_HALF_UP, Decimal

from core.text.english_calendar import MONTHS, WEEKDAYS

GENERAL = "General"
# Codes that a file names by number alone. 14 follows the settings of the reader's system: it is written as ISO.
BUILT_IN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm",
    17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 37: "#,##0;-#,##0",
    38: "#,##0;-#,##0", 39: "#,##0.00;-#,##0.00", 40: "#,##0.00;-#,##0.00", 45: "mm:ss", 46: "[h]:mm:ss",
}  # fmt: skip
MAX_PLACES = 15  # digits that a spreadsheet keeps

Cell = int | float | str | bool | datetime.date | datetime.time | datetime.timedelta

_TOKEN = re.compile(
    r'"([^"]*)"|\\(.)|_.|\*.|\[\$([^\]\-]*)(?:-[^\]]*)?\]|(\[(?:h+|m+|s+)\])|(\[[^\]]*\])|(AM/PM|A/P)|'
    r"([yY]+|[mM]+|[dD]+|[hH]+|[sS]+|\.0+(?=[^0#?,]|$))|([0#?,.]+)|(.)",
    re.DOTALL,
)
_DIGITS = re.compile(r"([#0?,]*)(?:\.([0#?]*))?")
_FOREIGN = re.compile(r"\[\$[^\]]*-(?!0?[48]09\])")
_NAME = re.compile("m{3}|d{3}", re.IGNORECASE)
_UNKNOWN = re.compile(r"[eEgGbB]|aaa|/")  # exponents, fractions, eras


def show(value: Cell, code: str = GENERAL) -> str:
    """`value` as a sheet shows it; where `code` has what is not known here, plainly: 1.5, 2024-05-01."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    plain = _show_plainly(value)
    if code in ("", "@") or code.lower() == "general":
        return plain
    shown = _show_number(value, code) if isinstance(value, int | float) else _show_moment(value, code)
    return plain if shown is None else shown


def _show_plainly(value: Cell) -> str:
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 10**MAX_PLACES else f"{value:.{MAX_PLACES}g}"
    if isinstance(value, datetime.datetime):
        at = value.time()
        return value.date().isoformat() if at == datetime.time() else value.isoformat(" ", "seconds")
    if isinstance(value, datetime.time):
        return value.isoformat("seconds")
    return str(value)


def _split_sections(code: str) -> list[str]:
    return re.split(r';(?=(?:[^"]*"[^"]*")*[^"]*$)', code)


def _show_number(value: float, code: str) -> str | None:
    sections = _split_sections(code)
    is_second = value < 0 and len(sections) > 1
    section = sections[1] if is_second else sections[2] if value == 0 and len(sections) > 2 else sections[0]
    parts: list[str] = []
    pattern = ""
    for match in _TOKEN.finditer(section):
        quoted, escaped, currency, elapsed, bracket, half_day, moment, digits, other = match.groups()
        if elapsed or half_day or (moment and not moment.startswith(".")) or (bracket and bracket[1] in "<>="):
            return None
        text = "\0"
        if (digits or moment) and not pattern:
            pattern = digits or moment or ""
        elif digits or moment or (other and _UNKNOWN.match(other)):
            return None
        else:
            text = quoted or escaped or currency or other or (" " if match[0].startswith("_") else "")
        parts.append(text)
    if not pattern:
        return "".join(parts).strip() or None
    shown = _show_digits(abs(value) if is_second else value, pattern, "".join(parts).count("%"))
    return None if shown is None else "".join(parts).replace("\0", shown).strip()


def _show_digits(value: float, pattern: str, percents: int) -> str | None:
    match = _DIGITS.fullmatch(pattern)
    if match is None:
        return None
    whole, places = match[1], match[2] or ""
    number = Decimal(repr(value)) * 100**percents
    while whole.endswith(","):  # each one means: in thousands
        whole, number = whole[:-1], number / 1000
    rounded = number.quantize(Decimal(1).scaleb(-len(places)), ROUND_HALF_UP)
    text = f"{rounded:,f}" if "," in whole else f"{rounded:f}"
    optional = len(places) - len(places.rstrip("#"))
    for _place in range(optional):
        text = text.removesuffix("0")
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    before, point, after = digits.partition(".")
    before = before.rjust(whole.count("0"), "0") if "," not in whole else before
    before = "" if before == "0" and "0" not in whole and after else before
    return f"{sign}{before}{point if after else ''}{after}"


def _show_moment(value: datetime.date | datetime.time | datetime.timedelta, code: str) -> str | None:
    if _FOREIGN.search(code) and _NAME.search(code):  # the names of months and days in other languages
        return None
    tokens = list(_TOKEN.finditer(_split_sections(code)[0]))
    is_twelve = any(token[6] for token in tokens)
    parts: list[str] = []
    before = ""
    for place, token in enumerate(tokens):
        quoted, escaped, _currency, elapsed, _bracket, half_day, moment, _digits, other = token.groups()
        if other and _UNKNOWN.match(other) and other != "/":
            return None
        text: str | None = quoted or escaped or other or token[8] or ""
        if elapsed or moment or half_day:
            after = next((one[7] for one in tokens[place + 1 :] if one[7]), "") or ""
            is_minute = before.lower().strip("[").startswith("h") or after.lower().startswith("s")
            text = _show_token(value, elapsed or moment or half_day, is_minute, is_twelve)
            before = elapsed or moment or before
        if text is None:
            return None
        parts.append(text)
    return "".join(parts).strip() or None


def _show_token(
    value: datetime.date | datetime.time | datetime.timedelta, token: str, is_minute: bool, is_twelve: bool
) -> str | None:
    if isinstance(value, datetime.timedelta):
        return _show_duration(value, token)
    letter, width = token[0].lower(), len(token)
    if letter in "yd" or (letter == "m" and not is_minute):
        return _show_day(value, letter, width) if isinstance(value, datetime.date) else None
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = datetime.datetime.combine(value, datetime.time())
    assert not isinstance(value, datetime.date) or isinstance(value, datetime.datetime)
    if letter == "a":
        return ("AM", "PM")[value.hour >= 12]
    if letter in "[.":
        return None
    hour = (value.hour % 12 or 12) if is_twelve else value.hour
    return f"{ {'h': hour, 'm': value.minute, 's': value.second}[letter]:0{min(width, 2)}d}"


def _show_day(value: datetime.date, letter: str, width: int) -> str | None:
    if letter == "y":
        return f"{value.year:04d}" if width > 2 else f"{value.year % 100:02d}"
    names, number = (MONTHS, value.month - 1) if letter == "m" else (WEEKDAYS, value.weekday())
    if width >= 3:
        return names[number][: 1 if width == 5 else None if width == 4 else 3]
    return f"{value.month if letter == 'm' else value.day:0{width}d}"


def _show_duration(value: datetime.timedelta, token: str) -> str | None:
    seconds = round(value.total_seconds())
    letter, width = token.strip("[]")[:1].lower(), len(token.strip("[]"))
    if token.startswith("["):
        return f"{seconds // {'h': 3600, 'm': 60, 's': 1}[letter]:0{width}d}"
    if letter not in "ms":
        return None
    return f"{seconds // 60 % 60 if letter == 'm' else seconds % 60:0{width}d}"
