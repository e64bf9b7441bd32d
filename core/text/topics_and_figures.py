"""Finds the topic and the figures of a sentence, so that two sentences about the same thing can be compared."""

import re
from dataclasses import dataclass
from fractions import Fraction

from core.lazy_loading import lazy_pattern
from core.text.normalise import normalise

MAX_READ_CHARACTERS = 2000  # of a sentence that are read
MAX_HIRAGANA_RUN = 30  # a longer run of hiragana is not searched

# The dimension of a unit, and its size in the first unit.
_UNITS = {
    "millimetre|ミリ(?!メ)": ("length", "0.001"),
    "centimetre": ("length", "0.01"),
    "metre": ("length", "1"),
    "kilometre": ("length", "1000"),
    "inch(?:es)?|インチ": ("length", "0.0254"),
    "feet|foot|ft|フィート": ("length", "0.3048"),
    "yards?|yd|ヤード": ("length", "0.9144"),
    "miles?|マイル": ("length", "1609.344"),
    "second": ("time", "1"),
    "minute": ("time", "60"),
    "hour": ("time", "3600"),
    "days?|日間": ("time", "86400"),
    "weeks?|週間": ("time", "604800"),
    "milligrams?|mg|ミリグラム": ("mass", "0.001"),
    "grams?|grammes?|g|グラム": ("mass", "1"),
    "kilograms?|kilos?|kg|キログラム": ("mass", "1000"),
    "ounces?|oz|オンス": ("mass", "28.35"),
    "pounds?|lbs?|ポンド": ("mass", "453.6"),
    "tons?|tonnes?|トン": ("mass", "1000000"),
    "millilit(?:re|er)s?|ml|ミリリットル": ("volume", "0.001"),
    "lit(?:re|er)s?|l|リットル": ("volume", "1"),
    "gallons?|ガロン": ("volume", "3.785"),
}
_KINDS = [(kind, Fraction(factor)) for kind, factor in _UNITS.values()]
_ANY_UNIT = "|".join(f"({words})" for words in _UNITS)
_FIGURE = lazy_pattern(rf"(\d+(?:[./]\d+)*)(?: ?(?:{_ANY_UNIT})(?![a-z]))?")

# Figures that are names: rule 3, 3rd, 第3条. They distinguish topics, so they stay among the words.
_NAME_WITH_NUMBER = lazy_pattern(
    r"(?:level|step|rule|law|article|section|chapter|round|stage|phase|grade|class|type|part|week|day|year|page|room|"
    r"group|team|player|no|number|figure|table|version|question|item|point|option|case|lane|zone|court|hole|door|gate|"
    r"period|set|half|division|category|tier|rank|position|game|match|day) \d+(?! ?(?:[a-z]*metre|minute|second|hour)(?![a-z]))"
    r"|\d+(?:st|nd|rd|th)(?![a-z])"
    r"|第\d+|(?:レベル|ステップ|ルール|ラウンド|グループ|タイプ|クラス|チーム|ステージ|フェーズ|ランク|セット)\d+"
    r"|\d+(?:番|条|章|節|級|年生|年目|回目|日目|人目|つ目|位|期|段|号|月)"
)
_AS_NAMES = {ord("0") + digit: 0xE010 + digit for digit in range(10)}
_HIRAGANA, _KATAKANA, _KANJI, _NAMES = "\u3041-\u309f", "\u30a0-\u30ff", "\u3005\u3400-\u9fff", "\ue010-\ue019"
_WORD = lazy_pattern(
    rf"[{_HIRAGANA}]+|[{_KATAKANA}{_NAMES}]+|[{_KANJI}{_NAMES}]+"
    rf"|(?:(?![{_HIRAGANA}{_KATAKANA}{_KANJI}])[^\W\d_]|[{_NAMES}])+"
)
_IS_HIRAGANA = lazy_pattern(f"[{_HIRAGANA}]")
_PARTICLES = lazy_pattern("^(?:とは|では|には|からは|から|まで|より|それぞれ|および|または|[はがをにのともでへや])++")
_ENDINGS = lazy_pattern(
    "(?:とします|とする|になります|となります|であること|である|でなければなりません|でした|です|します|する|あります|"
    "います|ます|ある|いる|だ|とは|では|には|から|まで|より|それぞれ|および|または|[はがをにのともでへや])++$"
)
JOINING = (
    "a an the each every all any this that these those there it its they their he she his her is are was were be been "
    "being am has have had do does did of in on at to for with by from as and or about exactly always also just "
    "approximately around roughly must shall should will would which who whose then so both per"
)
# Attributes without a subject: the heading names it.
ATTRIBUTES = (
    "width wide length long height high tall weight weigh size depth deep diameter across radius measure duration last "
    "time number count total price cost age limit speed minimum maximum least most up may can not "
    "幅 長 高 重 直径 半径 大 大きさ 深 時間 人数 個数 数 回数 縦 横 最大 最小 最長 最短 最低 最高 上限 下限 以上 以下 以内 約 "
    "料金 価格 年齢 人 個 回 点 枚 本 円 歳 つ"
)
_JOINING, _ATTRIBUTES = frozenset(JOINING.split()), frozenset(ATTRIBUTES.split())
_PRONOUN = lazy_pattern(
    r"(?:it|its|this|that|these|those|they|their|he|she|his|her|here)(?![\w'’])|[こそあ](?:れ|の|ちら)", re.IGNORECASE
)
_SENTENCE_END = lazy_pattern("[.!?:。．！？｡：][\"'”’»)\\]）」』*_]*$")
_FIRST_CELL = lazy_pattern("[^;、]{0,300}(?:; |、)")


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure with its unit; `unit` is its index in `_UNITS`, -1 without one."""

    figure: str
    unit: int

    @property
    def kind(self) -> str:
        """The dimension of the unit, such as 'length'; '' without one."""
        return _KINDS[self.unit][0] if self.unit >= 0 else ""

    @property
    def amount(self) -> tuple[str, object]:
        """The dimension and the value in its first unit; equal for equal amounts: 18 cm and 180 mm."""
        try:
            value: object = Fraction(self.figure)
        except (ValueError, ZeroDivisionError):
            value = self.figure
        if self.unit >= 0 and isinstance(value, Fraction):
            value *= _KINDS[self.unit][1]
        return self.kind, value


@dataclass(frozen=True, slots=True)
class Claim:
    """A parsed sentence: its content words in order, and its figures.

    `is_vague`: its subject is only clear from its context (“It lasts …”, a table's cell). `is_pointing`: it begins with
    a word such as “it”.
    """

    words: tuple[str, ...]
    measures: tuple[Measure, ...]
    is_vague: bool
    is_pointing: bool


def parse_claim(text: str, is_row: bool = False) -> Claim:
    """Parse a sentence, or a table's row, whose first cell is its subject."""
    text = text[:MAX_READ_CHARACTERS]
    first = _FIRST_CELL.match(text) if is_row else None
    normal = normalise(text[first.end() :] if first else text)
    topic = normalise(first[0]).translate(_AS_NAMES) if first else ""
    normal = _NAME_WITH_NUMBER.sub(lambda found: found[0].replace(" ", "").translate(_AS_NAMES), normal)
    measures = tuple(Measure(found[1], (found.lastindex or 1) - 2) for found in _FIGURE.finditer(normal))
    words = tuple(filter(None, map(_stem, _WORD.findall(f"{topic} {_FIGURE.sub(' ', normal)}"))))
    is_pointing = _PRONOUN.match(text) is not None
    is_vague = is_row or is_pointing or not _SENTENCE_END.search(text) or _ATTRIBUTES.issuperset(words)
    return Claim(words, measures, is_vague, is_pointing)


def _stem(word: str) -> str:
    """A word without endings that do not change its meaning; '' for a function word."""
    if _IS_HIRAGANA.match(word) and len(word) <= MAX_HIRAGANA_RUN:
        word = _ENDINGS.sub("", _PARTICLES.sub("", word))
        return word if len(word) > 1 else ""
    if word in _JOINING:
        return ""
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word.rstrip("ー") or word
