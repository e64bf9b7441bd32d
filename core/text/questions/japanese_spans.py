"""Japanese questions whether a date, a day, a time or an age is within what a statement gives from one end to the other.

「営業期間は4月20日から11月10日までです。」 → 「5月3日は営業期間に入りますか。」: the answer recites, then concludes.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from core.lazy_loading import lazy_pattern
from core.text import calendar_sums
from core.text.calendar_sums import DateOfYear, DateSpan
from core.text.normalise import normalise
from core.text.questions.japanese_page import ReadFact
from core.text.questions.japanese_plain import split_plain
from core.text.questions.japanese_questions import name_owner
from core.text.questions.shared_spans import NumberSpan, choose_date, choose_number, choose_other_day, choose_time
from core.text.stated_limits import find_bounds

MAX_REST = 40  # characters of a statement beside its span
_WEEK = "月火水木金土日"
_TO = "から|〜|～|~|-|–|ー|−"
_CLOCK_TEXT = r"(?:午前|午後)?[0-9]{1,2}(?:時半|時(?:[0-9]{1,2}分)?|:[0-9]{2})"
_CLOCKS = lazy_pattern(rf"(?P<first>{_CLOCK_TEXT})(?:{_TO})(?P<last>{_CLOCK_TEXT})(?:まで|の間)?")
_CLOCK = lazy_pattern(
    r"(?P<half>午前|午後)?(?P<hour>[0-9]{1,2})(?:時(?P<thirty>半)?(?:(?P<minute>[0-9]{1,2})分)?|:(?P<colon>[0-9]{2}))"
)
_DAYS = lazy_pattern(
    rf"(?P<first>[{_WEEK}])曜?日?(?:{_TO})(?P<last>[{_WEEK}])曜日?(?:まで|の間)?|(?P<every>毎週|毎)?(?P<list>[{_WEEK}]曜日?(?:[と、・][{_WEEK}]曜日?)*)|(?P<group>平日|土日)"
)
_AGES = lazy_pattern(
    r"(?P<low>[0-9]{1,3})(?P<unit>歳|才)?(?P<from>から|以上|〜|～|~)、?(?P<high>[0-9]{1,3})(?:歳|才)(?P<bound>まで|以下|未満)?"
)
_ONE_AGE = lazy_pattern(
    r"(?P<age>[0-9]{1,3})(?P<unit>歳|才)(?P<bound>以上|以下|未満|まで)の(?P<who>人|方|子ども|子供|お子さん|お子様|市民|生徒|客|選手|会員)(?P<particle>が|は|も|だけが|のみが)、?(?P<rest>[^、。はが]{2,20})$"
)
_PART_OF_MONTH = lazy_pattern("の?(?:末|上旬|中旬|下旬|初|半ば|前半|後半|中頃|中ごろ)")
_MEMBERS = lazy_pattern(r"(?:対象|対象年齢|年齢|参加できるの|申し込めるの|利用できるの|入れるの|乗れるの|使えるの)$")
_PERIOD = lazy_pattern(r"(?:期間|時間|時間帯|会期|シーズン|時期)$")
_ACT = lazy_pattern(r"(?:受付|受け付け|営業|公開|販売|開催|募集|予約|開館|開園|開店|貸し出し|貸出)$")
_DENIED = lazy_pattern(
    r"(?:ません|ない|禁止です|休みです|休業です|休館です|閉まります|閉めます|閉まっています|休みます|お休みです)$"
)
_UNCERTAIN = lazy_pattern(
    r"お願い|ください|^(?:ただし|また|なお|その|それ|この|これ|しかし)|除|以外|場合|(?:れば|たら|なら|と)、|祝日|前後|ごろ|頃|第[0-9一二三四五]|翌|前の"
)


@dataclass(frozen=True, slots=True)
class _Span:
    """A span in a sentence, from the character `start` to `end`, and how a value within and one beyond it are told."""

    start: int
    end: int
    written: str
    inside: str
    outside: str
    is_exact: bool = True  # whether what is outside is denied


def iterate_spans(read: ReadFact, dice: random.Random) -> Iterator[tuple[str, str]]:
    """Yield questions for a value within and one beyond the span of a statement, each with its conclusion."""
    if read.cells:
        return
    for text in split_plain(read.fact.text):
        if _UNCERTAIN.search(text):
            continue
        yield from _ask_one_age(text, dice)
        spans = [*_find_spans(text, dice)]
        if len(spans) == 1:
            yield from _ask(text, spans[0], read.owner, dice)


def _find_spans(text: str, dice: random.Random) -> Iterator[_Span]:
    for dates in calendar_sums.find_spans(text):
        if "と" not in dates.link and text[dates.start : dates.start + 1].isascii():
            if _PART_OF_MONTH.match(text[dates.end :]):
                continue
            end = dates.end + len(re.match("(?:まで|の間)?", text[dates.end :])[0])  # type: ignore[index]
            inside, outside = (_say_date(dates, fits, dice) for fits in (True, False))
            yield _Span(dates.start, end, text[dates.start : end], inside, outside)
    for found in _CLOCKS.finditer(text):
        first, last = (_read_clock(found[end]) for end in ("first", "last"))
        times = [choose_time(first, last, fits, dice) for fits in (True, False)]
        inside, outside = ("" if one is None else _write_clock(one, found[0]) for one in times)
        yield _Span(*found.span(), found[0], inside, outside)
    for found in _AGES.finditer(text):
        if span := _read_ages(found):
            ages = [choose_number(span, fits, dice) for fits in (True, False)]
            inside, outside = ("" if one is None or one > 100 else f"{one:f}{found['unit'] or '歳'}" for one in ages)
            yield _Span(*found.span(), found[0], inside, outside)
    for found in _DAYS.finditer(text):
        days = _read_days(found)
        if days and not found["every"]:
            chosen = [choose_other_day(days, _WEEK, fits, dice) for fits in (True, False)]
            inside, outside = (f"{one}曜日" if one else "" for one in chosen)
            yield _Span(*found.span(), found[0], inside if len(days) > 1 else "", outside, not found["group"])


def _ask(text: str, span: _Span, owner: str, dice: random.Random) -> Iterator[tuple[str, str]]:
    before, after = text[: span.start], text[span.end :]
    if len(before + after) > MAX_REST or re.search("[0-9]", before):
        return
    topic = re.fullmatch(r"(?P<name>[^はがをに、]{1,16})は、?", before)
    is_whole = re.fullmatch(r"(?:です|になります|となっています|となります)", after)
    denies, refuses = _DENIED.search(text) is not None, text.endswith("ません")
    contrast = after.startswith("は")
    for value, fits in ((span.inside, True), (span.outside, False)):
        if not value or (not fits and (denies or contrast or not span.is_exact)):
            continue
        written = span.written.removesuffix("の間")
        reason = (
            f"{value}は{written}に{'入る' if fits else '入らない'}ので、答えは「{'はい' if fits else 'いいえ'}」です。"
        )
        if refuses:  # 「6月2日は…に入る」 would affirm what is denied
            reason = f"{value}については、答えは「いいえ」です。"
        if is_whole and topic:
            yield from ((one, reason) for one in _ask_topic(name_owner(topic["name"], owner), value, dice))
        elif (
            is_whole is None
            and re.search(r"(?:ます|ません|できます|です)$", after)
            and not after.startswith(("から", "以", "だけ", "のみ"))
        ):
            tail = re.sub(r"^(?:の間|に|、|は、?|は)", "", after)
            particle = "" if tail.startswith(("の", "が", "も", "で")) else "は" if contrast else "に"
            yield f"{before}{value}{particle}{_affirm(tail)}か。", reason


def _ask_topic(name: str, value: str, dice: random.Random) -> Iterator[str]:
    if _PERIOD.fullmatch(name):
        return
    if _PERIOD.search(name):
        yield f"{value}は{name}に入{dice.choice(('りますか。', 'っていますか。'))}"
        act = re.sub("の?(?:期間|時間|時間帯)$", "", name)
        if _ACT.search(act):
            yield f"{value}に{act}{'は' if 'の' in act else ''}していますか。"
    elif _ACT.search(name):
        yield f"{value}に{name}はしていますか。"
    elif _MEMBERS.search(name):
        yield f"{value}でも{_act(name)}か。" if name.endswith("の") else f"{value}は{name}に入りますか。"


def _affirm(text: str) -> str:
    """What is denied, as it is asked for: 入れません → 入れます, so that いいえ is plain."""
    return re.sub("ません$", "ます", text)


def _act(name: str) -> str:
    """What one can do, politely: 参加できるの → 参加できます."""
    return re.sub("る$", "ます", name.removesuffix("の"))


def _ask_one_age(text: str, dice: random.Random) -> Iterator[tuple[str, str]]:
    """Yield questions for somebody of an age, of a statement about all from an age on: 12歳以上の人が乗れます."""
    found = _ONE_AGE.search(text)
    if found is None or not re.search(r"(?:ます|ません|です)$", found["rest"]) or len(re.findall("[0-9]+", text)) != 1:
        return
    bounds = [*find_bounds(normalise(f"{found['age']}{found['unit']}{found['bound']}"))]
    if len(bounds) != 1:
        return
    value, has_end = Decimal(int(bounds[0].value)), bounds[0].is_inclusive
    span = NumberSpan(high=value, has_high=has_end) if bounds[0].is_upper else NumberSpan(low=value, has_low=has_end)
    refuses = text.endswith("ません")
    for fits in (True, False):
        age = choose_number(span, fits, dice)
        if age is None or (not fits and "が" not in found["particle"]):
            continue
        limit = f"{found['age']}{found['unit']}{found['bound']}"
        verdict = "いいえ" if refuses or not fits else "はい"
        said = f"{age:f}{found['unit']}は{limit}" + ("なので" if fits else "ではないので")
        yield (
            f"{text[: found.start()]}{age:f}{found['unit']}の{found['who']}は{_affirm(found['rest'])}か。",
            f"{said}、答えは「{verdict}」です。",
        )


def _say_date(span: DateSpan, fits: bool, dice: random.Random) -> str:
    date = choose_date(span, fits, dice)
    if date is None:
        return ""
    if span.first.day or span.last.day:
        return f"{date.month}月{date.day}日"
    month = DateSpan(DateOfYear(date.month), DateOfYear(date.month), 0, 0, "").list_days()
    inside = {*span.list_days()}
    return f"{date.month}月" if all((day in inside) is fits for day in month) else ""


def _read_clock(text: str) -> int:
    found = _CLOCK.fullmatch(text)
    assert found is not None, text
    hour = int(found["hour"]) + (12 if found["half"] == "午後" and int(found["hour"]) < 12 else 0)
    return hour * 60 + (30 if found["thirty"] else int(found["minute"] or found["colon"] or 0))


def _write_clock(minutes: int, like: str) -> str:
    hour, rest = divmod(minutes, 60)
    if ":" in like:
        return f"{hour}:{rest:02}"
    return f"{hour}時" + (f"{rest}分" if rest else "")


def _read_ages(found: re.Match[str]) -> NumberSpan | None:
    low, high = Decimal(found["low"]), Decimal(found["high"])
    if not found["unit"] and found["from"] == "以上":
        return None
    return NumberSpan(low, high, True, found["bound"] != "未満") if low < high else None


def _read_days(found: re.Match[str]) -> list[str]:
    if found["group"]:
        return [*(_WEEK[:5] if found["group"] == "平日" else _WEEK[5:])]
    if found["list"]:
        return re.findall(rf"[{_WEEK}](?=曜)", found["list"])
    first, last = _WEEK.index(found["first"]), _WEEK.index(found["last"])
    return [_WEEK[(first + step) % 7] for step in range((last - first) % 7 + 1)]
