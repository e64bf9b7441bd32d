"""Questions that apply a statement to a case of one's own: the answer recites the statement, then concludes."""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from core.lazy_loading import lazy_pattern
from core.text.questions.english_asking import Ask
from core.text.questions.english_clauses import Clause
from core.text.questions.english_context import Told
from core.text.questions.english_forms import list_days, name_thing, place_column
from core.text.questions.english_wh import Speaker
from core.text.questions.english_words import CLOCK, NUMBER_VALUES, NUMBER_WORD
from core.text.questions.shared_arithmetic import (
    choose_beyond,
    choose_clock,
    choose_count,
    format_clock,
    format_number,
    parse_clock,
    parse_number,
    percent_of,
)

_N = rf"(?:\d[\d,]*(?:\.\d+)?|{NUMBER_WORD})"
_UNITS = "day|night|hour|week|month|year|person|head|piece|item|kilo|litre|metre|page|child|adult|bag|car|room|lesson|visit|game|guest|visitor|family|team|trip|bottle|box|tree|plate|cup|kilometre|mile|minute|session|class"
_MONEY = r"(?:(?P<sign>[€$£¥])(?P<amount>\d[\d,]*(?:\.\d+)?)|(?P<plain>\d[\d,]*(?:\.\d+)?) (?P<coin>euros?|dollars?|pounds?|pence|cents?|crowns?|francs?))"
_RATE = lazy_pattern(
    rf"{_MONEY} (?:(?:a|an|each|for each|for an?|for every) (?P<unit>{_UNITS})\b|per (?P<per>[a-z]+)\b|(?P<each>each|apiece)\b)"
)
_PER_COLUMN = lazy_pattern(r"\b(?:per|an?|each) (?P<unit>[a-z]+)$", re.IGNORECASE)
_AS_A_WHOLE = lazy_pattern(
    r"\b(?:first|then|plus|extra|more|additional|after that|up to|minimum|maximum|at most|from|at least|discount|off|reduced|cheaper|less|deposit"
    r"|saves?|refund(?:s|ed)?|earns?|gets?|receives?|returns?|back|bonus|rewards?|credits?)\b"
)
_FOR_EVERY = lazy_pattern(
    rf"(?P<number>one|an?|{_N}) (?P<what>[a-z]+) (?:for|to) every (?P<step>{_N})(?: (?P<of>[a-z]+))?"
)
_LEAST = lazy_pattern(
    rf"\b(?:at least|a minimum of|no less than|no fewer than) (?P<value>{_N}) (?P<unit>[a-z]+)(?P<old> old| tall| ahead| long| high)?"
)
_MOST = lazy_pattern(
    rf"\b(?:at most|up to|no more than|not more than|a maximum of|for more than|longer than|more than) (?P<value>{_N}) (?P<unit>[a-z]+)(?P<old> old| tall| ahead| long| high)?"
)
_COUNT_MOST = lazy_pattern(rf"(?P<value>{_N}) (?P<unit>[a-z]+) at (?:the )?most\b")
_GROUP = lazy_pattern(
    r"^(?P<who>children|kids|people|persons|guests|visitors|members|adults|boys|girls|players|anyone|everyone) (?:aged )?(?P<word>under|over|from|below|above|up to) (?P<low>\d+)(?: (?:to|and|until) (?P<high>\d+))?(?: years(?: old)?)?$",
    re.I,
)
_AGES = lazy_pattern(
    r"\((?P<low>\d+) ?(?:to|-|–) ?(?P<high>\d+)(?: years)?\)|\((?P<from>\d+) (?:and|or) (?:over|older|above)\)|\((?:under|below) (?P<under>\d+)\)"
)
_UNTIL = lazy_pattern(rf"\b(?P<word>until|by|before|from|after) (?P<clock>{CLOCK})")
_TIMES = r"(?:second|minute|hour|day|night|week|month|year)s?$"
_LASTS = lazy_pattern(rf"^(?P<value>{_N}|half an|an) (?P<unit>minute|hour)s?$")
_PERCENT = lazy_pattern(rf"(?P<value>{_N}) ?(?:per cent|percent|%) (?:off|less|cheaper|discount)")


def apply(told: Told, asks: Sequence[Ask], dice: random.Random) -> Iterator[tuple[str, str, str]]:
    """Yield questions, each with its conclusion and the form of sum, for each figure of a statement that can be worked with."""
    yield from _rates(told, dice)
    yield from _cells(told, dice)
    for clause in told.clauses:
        yield from _durations(clause, dice)
        yield from _groups(clause, dice)
    if not told.cells:
        yield from _limits(told, asks, dice)
        yield from _clocks(told, asks, dice)


def _number(text: str) -> Decimal:
    low = text.lower()
    if low in ("a", "an", "one"):
        return Decimal(1)
    if low in NUMBER_VALUES:
        return Decimal(NUMBER_VALUES[low])
    parts = re.split("[ -]", low)
    if all(part in NUMBER_VALUES for part in parts):
        return Decimal(sum(NUMBER_VALUES[part] for part in parts))
    return parse_number(text) or Decimal(0)


def _plural(word: str, count: Decimal) -> str:
    if word in ("children", "people"):
        return {"children": "child", "people": "person"}[word] if count == 1 else word
    if count == 1:
        return word.removesuffix("s")
    irregular = {"child": "children", "person": "people", "man": "men", "woman": "women"}
    return irregular.get(word, word if word.endswith("s") else f"{word}s")


def _topic(told: Told) -> str:
    subject = next(
        (
            c.subject
            for c in told.clauses
            if c.is_main and c.subject and c.subject.lower() not in ("it", "they", "we", "you", "i")
        ),
        "",
    )
    return name_thing(told.label, ()) if told.label else subject if len(subject.split()) <= 9 else ""


def _rates(told: Told, dice: random.Random) -> Iterator[tuple[str, str, str]]:
    text, topic = told.answer, _topic(told)
    rates = [*_RATE.finditer(text)]
    if len(rates) == 1 and not told.cells and not _AS_A_WHOLE.search(text):
        yield from _multiply(rates[0], topic, dice)
    if every := _FOR_EVERY.search(text):
        step, each = _number(every["step"]), _number(every["number"])
        of = every["of"] if every["of"] and every["of"] not in ("of",) else ""
        if not of:
            counted = re.search(rf"{_N} ([a-z]+s|children|people)\b", text[: every.start()])
            of = counted[1] if counted else ""
        if of and step > 1:
            times = dice.randint(2, 6)
            total, result = step * times, each * times
            what = _plural(every["what"], result)
            many = (
                "How much"
                if every["what"] in ("euro", "dollar", "pound", "shilling", "crown", "cent")
                else f"How many {_plural(every['what'], Decimal(2))}"
            )
            question = dice.choice((f"There are {total} {of}. {many} is that?", f"{many} for {total} {of}?"))
            yield (
                question,
                f"{total} divided by {step} is {times}, so it is {format_number(result)} {what}.",
                "for_every",
            )
    if off := _PERCENT.search(text):
        value, whole = _number(off["value"]), Decimal(dice.choice((100, 200, 300, 400)))
        saved = percent_of(whole, value)
        yield (
            f"The bill is {whole}. How much do {_topic(told) or 'we'} save?",
            f"{format_number(value)} per cent of {whole} is {format_number(saved)}.",
            "percent",
        )


def _multiply(rate: re.Match[str], topic: str, dice: random.Random) -> Iterator[tuple[str, str, str]]:
    """Yield what several units cost, and how many units an amount is for."""
    amount = parse_number(rate["amount"] or rate["plain"]) or Decimal(0)
    one, unit = _price(rate, amount), rate["unit"] or rate["per"]
    if (
        unit
        and re.match(_TIMES, unit)
        and re.fullmatch(r"(?:[A-Za-z-]+ )?[A-Za-z-]+[^s]s", topic)
        and topic[:4] != "the "
    ):
        topic = _name_one(topic)
    are = "are" if topic and _is_plural(topic) else "is"
    if re.search(r"\b(?:late|lost|broken|missing|damaged|fine|penalty|deposit)\b", topic):
        return
    if rate[0] in topic:
        return
    if not unit and not (are == "are" and re.fullmatch(r"(?:[a-z-]+ ){0,2}[a-z-]+s", topic.lower())):
        return
    plural = _plural(unit, Decimal(2)) if unit else topic[0].lower() + topic[1:]
    counts = dice.sample([one for one in range(2, 13) if one != amount], 3)  # “8 × €8” is hard to check by its figures
    for count in counts:
        about = f"{topic} for {count} {plural}" if unit and topic else f"{count} {plural}"
        if unit in ("kilo", "litre", "metre") and topic:
            about = f"{count} {plural} of {re.sub('^(?:the|a|an) ', '', topic)}"
            are = "are"
        question = dice.choice(
            (f"How much {are} {about}?", f"What do I pay for {about}?", f"I need {about}. What does it come to?")
        )
        yield question, f"{count} × {one} = {_price(rate, amount * count)}.", "times"
    total = _price(rate, amount * counts[0])
    enough = f"For how many {plural} is {total} enough?" if unit else f"How many {plural} do I get for {total}?"
    question = (
        dice.choice((f"I paid {total} for {topic}. How many {plural} was that for?", enough))
        if unit and topic
        else enough
    )
    if topic and question == enough and unit:
        question = f"{topic[0].upper()}{topic[1:]}: {enough[0].lower()}{enough[1:]}"
    yield question, f"{total} ÷ {one} = {counts[0]}, so it is {counts[0]} {plural}.", "units"


def _name_one(plural: str) -> str:
    """One of some things: “Wheelbarrows” → “a wheelbarrow”."""
    small = plural[0].lower() + plural[1:]
    one = re.sub("ies$", "y", small) if small.endswith("ies") else re.sub("(?<=ch|sh|xe)es$|s$", "", small)
    return f"{'an' if one[0] in 'aeiou' else 'a'} {one}"


def _price(rate: re.Match[str], amount: Decimal) -> str:
    """An amount as the rate writes it: “€18”, “4 euros”."""
    number = format_number(amount, "," in (rate["amount"] or rate["plain"]) or amount >= 10000)
    return f"{rate['sign']}{number}" if rate["sign"] else f"{number} {rate['coin']}"


def _is_plural(topic: str) -> bool:
    first = topic.split()[0].lower()
    if first in ("a", "an", "each", "every", "one"):
        return False
    return topic.split(" of ")[0].rstrip().endswith("s") and not topic.endswith("ss")


def _cells(told: Told, dice: random.Random) -> Iterator[tuple[str, str, str]]:
    """Yield the sums of a table's row: some of a thing that has a price, and the age that a row is for."""
    if not told.cells:
        return
    (header, entry), *cells = told.cells
    entity = (
        re.sub(r"\s*\([^)]*\)", "", entry).lower()
        if not re.search("[A-Z]", entry[1:].split("(")[0])
        else entry.split(" (")[0]
    )
    prices = [(name, m) for name, value in cells if (m := re.fullmatch(r"([€$£¥])(\d[\d,]*(?:\.\d+)?)", value))]
    head = (
        header.lower()
        if re.fullmatch("[A-Za-z]+", header) and header.lower() not in ("item", "name", "what", "type")
        else ""
    )
    for name, price in prices[:2]:
        count = choose_count(dice, most=4)
        total = (parse_number(price[2]) or Decimal(0)) * count
        end = f"{count} × {price[0]} = {price[1]}{format_number(total)}."
        if per := _PER_COLUMN.search(name):
            thing = entity if re.search("[A-Z]", entity[1:]) else f"the {entity} {head}".strip()
            yield f"How much is {thing} for {count} {_plural(per['unit'], Decimal(count))}?", end, "times"
            continue
        things = _plural(f"{entity} {head}".strip(), Decimal(2))
        where = "" if len(prices) == 1 else f" {place_column(name)}"
        yield (
            f"How much do {count} {things} cost{where}?",
            end,
            "times",
        )
    if ages := _AGES.search(entry):
        for name, price in prices:
            yield _age(ages, name, price[0], head or "entry", dice)


def _age(ages: re.Match[str], name: str, price: str, head: str, dice: random.Random) -> tuple[str, str, str]:
    """A question of somebody of an age that a row is for, from the column `name`."""
    low = int(ages["low"] or ages["from"] or 0)
    high = int(ages["high"] or (int(ages["under"]) - 1 if ages["under"] else low + 20))
    age = dice.randint(low, high)
    between = (
        f"between {low} and {high}" if ages["high"] else f"at least {low}" if ages["from"] else f"under {ages['under']}"
    )
    days = list_days(name)
    when = f"on {dice.choice(('', 'a '))}{dice.choice(days)}" if days and dice.random() < 0.7 else place_column(name)
    who = f"My child is {age}." if age < 16 else dice.choice((f"I am {age} years old.", f"A friend of mine is {age}."))
    question = dice.choice((f"{who} What does the {head} cost {when}?", f"How much is it for a {age}-year-old {when}?"))
    return question, f"{age} is {between}, so it is {price}.", "age"


def _durations(clause: Clause, dice: random.Random) -> Iterator[tuple[str, str, str]]:
    length = next((m for part in clause.parts if (m := _LASTS.match(part.text))), None)
    if clause.lemma not in ("last", "take") or length is None or not clause.subject or clause.is_negative:
        return
    value = Decimal("0.5") if length["value"] == "half an" else _number(length["value"])
    minutes = int(value * (60 if length["unit"] == "hour" else 1))
    start = choose_clock(dice)
    starts, ends, it = ("start", "do", "they") if clause.is_plural else ("starts", "does", "it")
    yield (
        f"If {clause.subject} {starts} at {format_clock(start)}, when {ends} {it} end?",
        f"{format_clock(start)} plus {length[0]} is {format_clock(start + minutes)}.",
        "end_time",
    )


def _groups(clause: Clause, dice: random.Random) -> Iterator[tuple[str, str, str]]:
    """Yield a question about one person of an age, from a statement about all of an age."""
    group = _GROUP.match(clause.subject)
    if not group or (clause.is_negative and not any(p.text.startswith("no ") for p in clause.parts)):
        return
    low, high = int(group["low"]), int(group["high"] or 0)
    word = group["word"].lower()
    age = (
        dice.randint(low, high)
        if high
        else max(1, low - dice.randint(1, 3))
        if word in ("under", "below", "up to")
        else low + dice.randint(1, 5)
    )
    parts = tuple(replace(p, text=re.sub("^no ", "a ", p.text)) for p in clause.parts)
    who = f"my {age}-year-old" if age < 16 else f"a person of {age}"
    asked = Speaker(replace(clause, subject=who, is_plural=False, verb=clause.lemma, parts=parts)).order(
        "", [*Speaker(replace(clause, parts=parts)).parts][:4], "yes_no"
    )
    between = (
        f"between {low} and {high}"
        if high
        else f"{'under' if word in ('under', 'below') else 'up to' if word == 'up to' else 'over'} {low}"
    )
    yield asked.direct, f"{age} is {between}.", "age"


def _limits(told: Told, asks: Sequence[Ask], dice: random.Random) -> Iterator[tuple[str, str, str]]:
    base = next(
        (a.direct for a in asks if a.form in ("how_long", "how_many", "how_much") and len(a.direct.split()) <= 14), ""
    )
    found = [(m, True) for m in _LEAST.finditer(told.answer)] + [
        (m, False) for p in (_MOST, _COUNT_MOST) for m in p.finditer(told.answer)
    ]
    group = next((c.subject for c in told.clauses if found and found[0][0][0] in c.subject), "")
    if not (base or group) or len(found) != 1:
        return
    match, is_least = found[0]
    value, old = _number(match["value"]), (match.groupdict().get("old") or "")
    if value <= 1:
        return
    for fits in (False, True):
        own = choose_beyond(value, is_least == fits, dice)
        if own <= 0 or own == value:
            continue
        if group and not fits:
            said = f"{format_number(own)} {match['unit']}"
            case = group.replace(match[0], f"for {said}" if match[0].startswith("for") else said)
            yield (
                f"What happens to {case}?",
                f"{said} is {'less' if is_least else 'more'} than {match['value']}.",
                "limit",
            )
        if group or not base:
            continue
        said = f"{format_number(own)} {_plural(match['unit'], own)}{old}"
        too = (
            "too many"
            if (match["unit"].endswith("s") and not old and not re.match(_TIMES, match["unit"]))
            or match["unit"] in ("children", "people")
            else "too much"
        )
        compare = "more" if own > value else "less" if match["unit"] not in ("children", "people") else "fewer"
        if old.strip() in ("old", "tall", "long", "high"):
            end = f"{said} is {compare} than {match['value']} {match['unit']}, so it is {'all right' if fits else 'not enough' if is_least else too}."
        else:
            end = f"{said} is {compare} than {match['value']}, so it is {'all right' if fits else 'not enough' if is_least else too}."
        yield f"{base} Would {said} be all right?", end, "limit"


def _clocks(told: Told, asks: Sequence[Ask], dice: random.Random) -> Iterator[tuple[str, str, str]]:
    base = next((a.direct for a in asks if a.form == "when" and len(a.direct.split()) <= 14), "")
    found = list(_UNTIL.finditer(told.answer))
    if not base or len(found) != 1 or len(re.findall(CLOCK, told.answer)) != 1:
        return
    minutes = parse_clock(found[0]["clock"])
    if minutes is None:
        return
    for later in (True, False):
        own = minutes + (1 if later else -1) * dice.choice((15, 30, 45, 60))
        starts = found[0]["word"].lower() in ("from", "after")
        verdict = "so it is in time" if later == starts else "so it is too early" if starts else "so it is too late"
        yield (
            f"{base} Is {format_clock(own)} all right?",
            f"{format_clock(own)} is {'after' if later else 'before'} {found[0]['clock']}, {verdict}.",
            "clock",
        )
