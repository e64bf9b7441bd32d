"""Finds the figures of a Japanese sentence with their counters, and the words that ask for them: 3人 → 何人."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from core.lazy_loading import lazy_pattern
from core.text.normalise import normalise

_COUNTERS = (
    "時間半|時間|分間|秒間|日間|週間|か月間|ヶ月間|カ月間|か月|ヶ月|カ月|ヵ月|箇月|年間|年度|年生|年|月|日目|日|時半|時|分|秒|世紀|週"
    "|万円|千円|円|ドル|ユーロ|ポンド|人前|人|名|歳|才|代目|代|つ目|つ|個|本|枚|冊|台|匹|頭|羽|杯|皿|袋|箱|缶|足|組|両|往復|席|室|部屋|階|軒|件"
    "|回目|回分|回|度目|点|歩|周|便|通|番目|番|号車|号|位|行|文字|字|ページ|泊|食|品|種類|種|色|キロメートル|センチメートル|ミリメートル|平方メートル"
    "|立方メートル|メートル|キログラム|ミリグラム|グラム|ミリリットル|デシリットル|リットル|キロ|センチ|ミリ|トン|パーセント|ヘクタール|割|倍|度|列|段"
    "|チーム|試合|セット|ゲーム|ラウンド|曲|駅|コマ|校|社|票|勝|敗|粒|滴|切れ|さじ|合|束|巻|章|条|項|ボルト|ワット|km|cm|mm|kg|mg|ml|mL|kW|m|g|L|l|cc|[%％℃]"
)
_NUMBER = r"[0-9０-９]+(?:[.,，．][0-9０-９]+)*|[一二三四五六七八九十百千万]+"
_DATE = lazy_pattern(
    r"(?:明治|大正|昭和|平成|令和)(?:[0-9０-９]{1,2}|元)年(?:[0-9０-９]{1,2}月)?(?:[0-9０-９]{1,2}日)?|(?:[0-9０-９]{1,4}年)?[0-9０-９]{1,2}月[0-9０-９]{1,2}日|[0-9０-９]{3,4}年(?:[0-9０-９]{1,2}月)?(?![間生目])|[0-9０-９]{1,2}月(?:上旬|中旬|下旬|末|初め)?(?![0-9０-９])"
)
_CLOCK = lazy_pattern(
    r"(?:午前|午後|朝|夕方|夜)?[0-9０-９]{1,2}(?:時半|時(?!間)(?:[0-9０-９]{1,2}分)?|[:：][0-9０-９]{2})"
)
_FIGURE = lazy_pattern(rf"(?<![第何数幾0-9０-９.．])(?P<number>{_NUMBER})(?P<unit>{_COUNTERS})(?![0-9０-９])")
# Words that begin like a figure and are none: 一度 and 一つ are figures, 一緒, 十分 and 一番 mostly are not.
_NO_FIGURE = lazy_pattern(
    "一緒|一般|一部|一方|一応|一時|一気|一種|一切|一定|十分に|十分な|一番|一人前|万一|一体|三日月|千代|百合"
)
_PLAIN_UNITS = {
    "万円": "いくら",
    "千円": "いくら",
    "円": "いくら",
    "ドル": "いくら",
    "ユーロ": "いくら",
    "ポンド": "いくら",
    "つ": "いくつ",
}
_SYMBOLS = {"%": "パーセント", "％": "パーセント", "℃": "度", "km": "キロ", "cm": "センチ", "mm": "ミリ", "kg": "キロ", "mg": "ミリグラム", "ml": "ミリリットル", "mL": "ミリリットル", "m": "メートル", "g": "グラム", "L": "リットル", "l": "リットル", "kW": "キロワット"}  # fmt: skip
DURATIONS = {
    "時間", "時間半", "分間", "秒間", "日間", "週間", "か月間", "ヶ月間", "カ月間", "か月", "ヶ月", "カ月", "ヵ月", "箇月", "年間", "分", "秒",
}  # fmt: skip
SIZES = {
    "キロメートル", "センチメートル", "ミリメートル", "メートル", "キログラム", "グラム", "ミリグラム", "ミリリットル", "デシリットル", "リットル", "キロ", "センチ", "ミリ",
    "トン", "km", "cm", "mm", "kg", "mg", "ml", "mL", "m", "g", "L", "l", "cc", "平方メートル", "ヘクタール", "度", "℃", "パーセント", "%", "％", "割",
}  # fmt: skip
MONEY = {"万円", "千円", "円", "ドル", "ユーロ", "ポンド"}
_BOUND = "以上|以下|以内|未満|まで|くらい|ぐらい|ほど|程度|前後|余り|あまり|強|弱|おき|ごと"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure from the character `start` to `end`; `unit` is its counter, "date" or "clock"."""

    start: int
    end: int
    text: str
    number: str
    unit: str

    @property
    def value(self) -> Decimal | None:
        """Its number, where it has one."""
        digits = re.sub(r"[^0-9.]", "", normalise(f"{self.number}個").replace(",", "")) if self.number else ""
        return Decimal(digits) if digits and digits.count(".") < 2 and digits != "." else None

    def questions(self) -> list[str]:
        """The words that ask for it, the one of its counter first."""
        if self.unit == "date":
            return ["いつ", "何年" if self.text.endswith("年") else "何月" if self.text.endswith("月") else "いつ"]
        if self.unit == "clock":
            return ["何時", "何時"]
        if self.unit in _PLAIN_UNITS:
            return [_PLAIN_UNITS[self.unit]]
        asked = [f"何{_SYMBOLS.get(self.unit, self.unit)}"]
        if self.unit in DURATIONS:
            asked += ["どのくらい", "どれくらいの時間"]
        elif self.unit in SIZES and self.unit not in ("度", "℃", "%", "％", "割", "パーセント"):
            asked += ["どのくらい", "どれくらい"]
        elif self.unit in ("個", "本", "枚", "袋", "箱", "束"):
            asked += ["いくつ"]
        return asked


def find_figures(text: str) -> list[Figure]:
    """The figures of a text, in order; a date or a time of day is one."""
    found: list[Figure] = []
    taken = [match.span() for match in _NO_FIGURE.finditer(text)]
    for pattern, unit in ((_DATE, "date"), (_CLOCK, "clock"), (_FIGURE, "")):
        for match in pattern.finditer(text):
            if any(match.start() < end and start < match.end() for start, end in taken):
                continue
            taken.append(match.span())
            number = match["number"] if not unit else ""
            found.append(Figure(match.start(), match.end(), match[0], number, unit or match["unit"]))
    return sorted(found, key=lambda one: one.start)


def ask_for(text: str, figure: Figure, offset: int = 0) -> Iterator[str]:
    """Yield `text` with the figure replaced by each word that asks for it; `text` begins at `offset` of the sentence."""
    before, after = text[: figure.start - offset], text[figure.end - offset :]
    for number, word in enumerate(figure.questions()):
        rest = after
        if number and figure.unit not in ("date", "clock") and (bound := re.match(_BOUND, after)):
            if bound[0] in ("ごと", "おき"):
                continue
            rest = after[bound.end() :]
        if word == "いつ" and after[:1] == "に":
            rest = after[1:]
        if before.endswith("約"):
            yield before[:-1] + word + rest
        else:
            yield before + word + rest
