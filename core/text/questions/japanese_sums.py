"""Japanese questions whose answer is worked out from the figures of a fact: an amount for several, a time, a half."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from decimal import Decimal

from core.lazy_loading import lazy_pattern
from core.text.questions import japanese_nouns as nouns
from core.text.questions.japanese_page import ReadFact
from core.text.questions.japanese_plain import find_plain_topic
from core.text.questions.japanese_quantities import Figure, find_figures
from core.text.questions.japanese_questions import find_topic, is_act, topic_of
from core.text.questions.japanese_sentences import Clause, Phrase, Sentence
from core.text.questions.shared_arithmetic import choose_clock, choose_count, format_number

_RATE = lazy_pattern(
    r"(?:1|１|一|ひと)(?P<unit>人|名|回|日|時間|泊|枚|個|本|冊|台|匹|頭|杯|か月|ヶ月|週間|週|年|組|箱|袋|つ|点|キロ|メートル|リットル)"
    r"(?:間)?(?:につき|あたり|当たり|ごとに|で|の料金は|は|、)?(?:[^0-9]{0,4})(?P<rate>[0-9][0-9,.]*)(?P<what>円|点|ドル|ユーロ|ポイント|グラム|分|本|枚|個|ミリリットル)"
)
# What one pays is another sum, or what is told is none that one pays.
_NO_WHOLE_PRICE = lazy_pattern(
    "全[0-9]|最大|最低|最長|まで|追加|割り?引|引き|返|戻|還元|増し|加算|[0-9一二三]+[^0-9、。]{1,3}目|最初|以降|もらえ|節約|得"
)
_AMOUNT = lazy_pattern("[0-9](?:円|点|ドル|ユーロ|ポイント)")
_RATE_HEADER = lazy_pattern(
    "(?:1|１|一)(?P<unit>人|名|回|日|時間|泊|枚|個|本|冊|台|匹|杯|か月|週間|年|組|箱|袋|つ|キロ|メートル)"
)
_PER_EACH = lazy_pattern(r"(?P<rate>[0-9][0-9,.]*)(?P<what>円|点|ドル|ユーロ|ポイント)")
_PERSONS = lazy_pattern(
    "大人|子ども|子供|小人|一般|学生|生徒|中学生|高校生|大学生|小学生|会員|高齢者|シニア|幼児|おとな|こども"
)


def iterate_sums(read: ReadFact, dice: random.Random) -> Iterator[tuple[str, str]]:
    """Yield questions, each with the conclusion that follows the fact."""
    text = read.fact.text
    if read.cells:
        yield from _multiply_rates(read, dice)
    elif (found := _RATE.search(text)) and not _NO_WHOLE_PRICE.search(text) and len(_AMOUNT.findall(text)) == 1:
        yield from _multiply(read, found, dice)
    if read.cells:
        yield from _multiply_cells(read, dice)
    for sentence in read.sentences:
        for clause in sentence.clauses if sentence else ():
            assert sentence is not None
            yield from _add_to_clock(sentence, clause, dice)
            yield from _scale(sentence, clause)


def _number(text: str) -> Decimal:
    return Decimal(text.replace(",", "").rstrip("."))


def _multiply(read: ReadFact, found: re.Match[str], dice: random.Random) -> Iterator[tuple[str, str]]:
    """一人500円 → 3人で1500円."""
    count, rate = choose_count(dice, most=12), _number(found["rate"])
    unit, what = found["unit"], found["what"]
    first = next((one for one in read.sentences if one), None)
    topic = find_topic(first, first.clauses[0])[0] if first else find_plain_topic(read.fact.text)
    lead = f"{topic}は" if topic and found[0][:2] not in topic and not find_figures(topic) else ""
    asked = "いくら" if what in ("円", "ドル", "ユーロ") else f"何{what}"
    total = format_number(rate * count, "," in found["rate"])
    conclusion = _times(count, f"{found['rate']}{what}", f"{total}{what}")
    yield f"{lead}{count}{unit}だと{asked}ですか。", conclusion
    yield f"{lead}{count}{unit}で全部で{asked}になりますか。", conclusion
    if what in ("円", "ドル", "ユーロ"):
        yield _divide(lead, unit, f"{found['rate']}{what}", f"{total}{what}", count, dice)


def _times(count: int, rate: str, total: str) -> str:
    """The conclusion that multiplies: 500円×3＝1500円です."""
    return f"{rate}×{count}＝{total}です。"


def _divide(lead: str, unit: str, rate: str, total: str, count: int, dice: random.Random) -> tuple[str, str]:
    """The other direction: for how many units an amount is, and how that is worked out."""
    how_many = "いくつ" if unit == "つ" else f"何{unit}"
    ends = (
        f"{total}払うと{how_many}分ですか。",
        f"{total}で{how_many}分になりますか。",
        f"{total}だと{how_many}分ですか。",
    )
    return lead + dice.choice(ends), f"{total}÷{rate}＝{count}なので、{count}{unit}分です。"


def _multiply_rates(read: ReadFact, dice: random.Random) -> Iterator[tuple[str, str]]:
    """A header that says for what a price is: 1時間の料金：300円."""
    key = read.cells[0][1]
    for name, cell in read.cells[1:]:
        header, found = _RATE_HEADER.search(name), _PER_EACH.fullmatch(cell.strip())
        if header is None or found is None or len(key) > 20:
            continue
        count, rate = choose_count(dice, most=12), _number(found["rate"])
        total = f"{format_number(rate * count, ',' in found['rate'])}{found['what']}"
        unit = header["unit"]
        conclusion = _times(count, cell.strip(), total)
        yield f"{key}は{count}{unit}だといくらですか。", conclusion
        yield (
            f"{key}を{count}{unit}使うと、いくらになりますか。"
            if unit in ("時間", "日", "回", "泊")
            else f"{key}{count}{unit}でいくら?",
            conclusion,
        )
        yield _divide(f"{key}は、", unit, cell.strip(), total, count, dice)


def _multiply_cells(read: ReadFact, dice: random.Random) -> Iterator[tuple[str, str]]:
    key = read.cells[0][1]
    for name, cell in read.cells[1:]:
        found = _PER_EACH.fullmatch(cell.strip())
        if found is None or len(key) > 20:
            continue
        count, rate, what = choose_count(dice, most=12), _number(found["rate"]), found["what"]
        total = format_number(rate * count, "," in found["rate"])
        if what in ("点", "ポイント"):
            yield (
                f"「{key}」が{count}回なら、合わせて何{what}ですか。",
                _times(count, f"{rate}{what}", f"{total}{what}"),
            )
        elif _PERSONS.search(key):
            conclusion = _times(count, cell.strip(), f"{total}{what}")
            yield f"{key}{count}人だと{name}はいくらですか。", conclusion
            yield f"{key}が{count}人で行くと全部でいくらになる?", conclusion


def _add_to_clock(sentence: Sentence, clause: Clause, dice: random.Random) -> Iterator[tuple[str, str]]:
    """45分漬ける → 10時から漬けると10時45分まで."""
    if not is_act_with_topic(sentence, clause) or clause.link in ("if", "even", "because", "until"):
        return
    for phrase in clause.phrases:
        figures = find_figures(sentence.cut(phrase.start, phrase.end))
        if (
            phrase.particle
            or phrase.relative is not None
            or len(figures) != 1
            or phrase.words[-1].text in ("以上", "以内", "未満", "以下", "ごと")
        ):
            continue
        minutes = _minutes(figures[0])
        if minutes is None:
            continue
        start = choose_clock(dice)
        others = [one for one in clause.phrases if one is not phrase and not one.is_adverb]
        body = "".join(
            sentence.cut(one.start, one.end) + ("、" if one.particle.endswith("は") else "") for one in others
        )
        topic, particle = find_topic(sentence, clause)
        lead = f"{topic}{particle}" if topic and topic_of(sentence, clause) not in others else ""
        end = start + minutes
        said = f"{_clock(start)}から{figures[0].text}なので、{_clock(end)}までです。"
        yield f"{_clock(start)}から{lead}{body}{clause.predicate.plain()}と、何時までですか。", said


def is_act_with_topic(sentence: Sentence, clause: Clause) -> bool:
    """Whether a clause is an act whose object may be its topic: 糸は45分漬ける."""
    predicate = clause.predicate
    if predicate.kind != "verb" or predicate.negative or predicate.past or predicate.rule in ("ban", "permit"):
        return False
    if predicate.is_potential:
        return False
    topic = topic_of(sentence, clause)
    has_topic = topic is not None and topic.relative is None and not nouns.is_person(topic)
    has_topic = has_topic and not any(one.particle == "が" for one in clause.phrases)
    is_change = predicate.base in ("かかる", "なる", "ある", "いる", "できる", "続く", "過ぎる", "たつ", "経つ")
    return not is_change and (is_act(clause) or has_topic)


def _minutes(figure: Figure) -> int | None:
    factor = {"分": 1, "分間": 1, "時間": 60}.get(figure.unit)
    value = figure.value
    if factor is None or value is None or value * factor != int(value * factor) or value * factor > 600:
        return None
    return int(value * factor)


def _clock(minutes: int) -> str:
    hour, rest = divmod(minutes % (24 * 60), 60)
    return f"{hour}時" + (f"{rest}分" if rest else "")


def _scale(sentence: Sentence, clause: Clause) -> Iterator[tuple[str, str]]:
    """水20リットルに原液150ミリリットル → 水10リットルなら75ミリリットル."""
    pairs = [found for phrase in clause.phrases if (found := _find_amount(sentence, phrase))]
    if len(pairs) != 2 or clause.predicate.kind != "verb" or not any(one.particle == "を" for one in clause.phrases):
        return
    (first, one), (second, other) = pairs
    if one.value is None or other.value is None or first == second:
        return
    for factor, word in ((Decimal("0.5"), "半分"), (Decimal(2), "2倍")):
        size, result = one.value * factor, other.value * factor
        new, made = f"{format_number(size)}{one.unit}", f"{format_number(result)}{other.unit}"
        yield (
            f"{first}が{new}だと、{second}はどのくらいですか。",
            f"{first}が{word}の{new}なら、{second}も{word}の{made}です。",
        )


def _find_amount(sentence: Sentence, phrase: Phrase) -> tuple[str, Figure] | None:
    text = sentence.cut(phrase.start, phrase.noun_end)
    figures = find_figures(text)
    if len(figures) != 1 or phrase.relative is not None or phrase.particle not in ("に", "を", "で", "と"):
        return None
    name = text[: figures[0].start]
    is_amount = figures[0].unit.endswith(("グラム", "リットル", "ml", "g", "kg", "L", "杯", "個", "枚", "本", "カップ"))
    return (name, figures[0]) if 0 < len(name) <= 10 and "の" not in name and is_amount else None
