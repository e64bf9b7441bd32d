"""Parses a text into clauses with their words and figures, English and Japanese, to compare what two texts say."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from core.lazy_loading import lazy_pattern
from core.text.normalise import normalise

MAX_NORMALISED_CHARACTERS = 500  # characters that are normalised at once
MAX_NEIGHBOUR_FIGURES = 8  # figures of a clause that distinguish each other

_STOP_WORDS = (
    "the and for are was were been being has have had does did done its their there they them this that these those which who "
    "whom whose what when where while with from into onto than then also too each any all both such very about you your "
    "will would shall should can could may might must not nor but because since although though however therefore just "
    "only ever never neither none nothing nobody except without yes how why per via upon between among during before after "
    "until once else every our his her him she one another other others own same whichever whoever whatever if so as of to in on at by is it he we me my an am up us no do "
    "unless whether till despite besides whereas whenever wherever whatever itself himself herself themselves yourself "
    "yourselves ourselves myself yours theirs ours hers mine toward towards onto throughout amongst already almost perhaps "
    "maybe quite somehow somewhat somewhere anywhere everywhere otherwise hence thus moreover furthermore additionally "
    "meanwhile afterwards namely especially particularly generally normally typically sometimes rarely ought cannot several "
    "various plenty lot lots anybody everybody everything ok okay concerning regarding due apart aside versus unlike lest "
    "provided providing considering dont doesnt didnt isnt arent wasnt werent cant couldnt wont wouldnt shouldnt mustnt neednt hasnt "
    "havent hadnt thats theres heres whats whos shes theyre youre im ive youve weve theyve youll theyll id lets oclock pm against along"
)
# Common words of every subject: a reworded answer may have them, and they alone add nothing to it.
_COMMON = (
    "able again ahead allow answer anyone anything apply around ask away back become begin belong bring call carry case cause "
    "certain change close complete condition consist contain continue correct count describe different end enough entire "
    "even every everyone exact example exceed explain extra far few find finish first follow force further game get give "
    "go good happen help hold include instead item keep kind know large last late later least leave left less let limit "
    "little long look lose made make many mean means more most move much name need next number occur order out part "
    "people permit person place play please possible put reach read really receive regardless remain require rest restriction result right "
    "rule run safe say second see simply single size small some somebody someone something start state stay still stop "
    "sure take tell thing third time together total true turn two type under use usual want way well whole word work "
    "wrong long short high low early earlier earliest new old open half minute per cent percent without within over under above below up "
    "immediate direct respective exclusive accord thank question welcome feel free hope add become company manual text "
    "section page detail note mention information rather enter exist choose yet soon always often either main amount sorry afraid "
    "unfortunately fortunately come wait normal ordinary outside past today tomorrow morning evening afternoon night weekday weekend "
    "minimum maximum cost pay price altogether previous enough mark lie turn"
)
_COMMON_JA = (
    "場合 必要 可能 利用 使用 方法 期間 時間 以上 以下 以内 未満 最大 最小 最長 最短 最高 最低 合計 全部 全体 全員 両方 一方 各自 自由 対象 "
    "内容 規則 規定 決定 理由 結果 状態 状況 確認 注意 説明 質問 回答 人数 個数 回数 数 名前 種類 大切 重要 通常 普通 基本 原則 途中 最初 最後 "
    "次 前 後 上 下 中 内 外 間 時 日 年 月 週 人 名 個 本 枚 回 点 冊 円 分 秒 度 度目 回目 目 方 者 側 物 事 何 誰 各 全 両 毎 約 計 合 "
    "等 的 用 行 出 入 見 言 思 決 使 得 受 与 付 取 置 続 始 終 限 同 別 他 多 少 大 小 長 短 高 低 一 二 三 四 五 六 七 八 九 十 片道 平方 "
    "禁 許 可 不可 義務 反則 認 許可 禁止 制限 範囲 単位 一人 一度 一緒 皆 皆様 私 当該 該当 以外 以降 以前 同時 同様 ルール サイズ ケース タイプ ページ "
    "午前 午後 大丈夫 残念 用意 片方 登録 連絡 一つ 二つ 二人 全て 無効 場面 地点"
)
_IRREGULAR_FORMS = (
    "held:hold feet:foot won:win paid:pay stood:stand left:leave gave:give given:give took:take taken:take kept:keep "
    "lost:lose drove:drive driven:drive made:make ran:run began:begin begun:begin fell:fall fallen:fall sent:send "
    "went:go gone:go written:write bought:buy brought:bring caught:catch thrown:throw threw:throw children:child "
    "men:man used:use goes:go chosen:choose said:say lent:lend borne:bear worn:wear shown:show lying:lie"
)
_IRREGULAR = dict(pair.split(":") for pair in _IRREGULAR_FORMS.split())
# A unit, with its dimension and its size in the smallest one.
UNITS = {
    **dict.fromkeys(("second",), ("time", 1.0)), **dict.fromkeys(("minute",), ("time", 60.0)),
    **dict.fromkeys(("hour", "時"), ("time", 3600.0)), **dict.fromkeys(("day", "days", "日", "日間"), ("time", 86400.0)),
    **dict.fromkeys(("week", "weeks", "週", "週間"), ("time", 604800.0)),
    **dict.fromkeys(("month", "months", "か月", "カ月", "ヶ月", "ヵ月"), ("months", 1.0)),
    **dict.fromkeys(("year", "years", "年", "年間"), ("months", 12.0)),
    "millimetre": ("length", 1.0), "centimetre": ("length", 10.0), "metre": ("length", 1000.0), "kilometre": ("length", 1e6),
    **dict.fromkeys(("gram", "grams", "g", "グラム"), ("weight", 1.0)),
    **dict.fromkeys(("kilo", "kilos", "kilogram", "kilograms", "kg", "キログラム", "キロ"), ("weight", 1000.0)),
    **dict.fromkeys(("ml", "millilitres", "ミリリットル"), ("volume", 1.0)),
    **dict.fromkeys(("l", "litre", "litres", "liter", "liters", "リットル"), ("volume", 1000.0)),
    **dict.fromkeys(("cent", "cents"), ("money", 1.0)), **dict.fromkeys(("euro", "euros"), ("money", 100.0)),
    **dict.fromkeys(("dollar", "dollars", "pound", "pounds"), ("money", 100.0)), **dict.fromkeys(("yen", "円"), ("yen", 1.0)),
    "percent": ("share", 1.0), "パーセント": ("share", 1.0), "bar": ("pressure", 1.0), "度": ("degree", 1.0),
}  # fmt: skip
_STOP_WORD_SET, _COMMON_JA_SET = frozenset(_STOP_WORDS.split()), frozenset(_COMMON_JA.split())
# A third foul is three of them.
_NUMBER_WORDS = {
    "first": 1.0, "once": 1.0, "single": 1.0, "both": 2.0, "pair": 2.0, "twice": 2.0, "両": 2.0,
    "third": 3.0, "fourth": 4.0, "fifth": 5.0, "sixth": 6.0,
}  # fmt: skip

_SENTENCE = lazy_pattern(r"[。！？!?\n|]|\.(?=\s|$)")
_BREAK = lazy_pattern(rf"({_SENTENCE.pattern})|(?<!\d)[,:，：]|[,:，：](?!\d)|[、;；()（）「」『』“”\"—–…]")
# Letters of no living script, which normalising leaves where they are.
_CLAUSE_END, _SENTENCE_END = "\u1681", "\u1682"
_SPOKEN_TIME = lazy_pattern(
    r"\b(?P<half>half|(?:a )?quarter) (?P<side>past|to) (?P<hour>\d{1,2})\b|\b(?P<evening>\d{1,2}) in the (?:evening|afternoon)\b"
)
_CURRENCIES = {"€": "euro", "$": "dollar", "£": "pound", "¥": "yen"}
_CURRENCY = lazy_pattern(r"([€$£¥])\s?(\d+(?:,\d{3})*(?:\.\d+)?)")
_DIGIT = lazy_pattern(r"\d")
_CONJUNCTION = lazy_pattern(r" (?:and|but|while|whereas|plus) ")
_WORD = lazy_pattern(r"[a-zß-öø-ÿā-ž]+|[\u3005\u3400-\u9fff]+|[\u30a1-\u30fa\u30fc]+")
_FIGURE = lazy_pattern(
    r"(?<![\d.第])(\d+(?:[./]\d+)*) ?((?:か|カ|ヶ|ヵ)月|[a-zß-ž]+|(?:日間|週間|年間)|[\u3400-\u9fff]|[\u30a1-\u30fc]+)?"
)
_AFTERNOON = lazy_pattern(r"午後(\d{1,2})|(?<!\d)(\d{1,2}) ?p ?m(?![a-z])")
_PER_ONE = lazy_pattern(r"[にはでのが]?\d|につき|あたり|ごと")
_PER = lazy_pattern(r"(\d [a-z]+) (?:a|an|per) [a-z]+")  # "140 euro a night": the night tells no two figures apart
_POLITE = lazy_pattern(
    r"^\s*(?:of course|sure|certainly|thank|thanks|great question|good question|please (?:let|feel|note)|let me know|feel free"
    r"|i hope|i am happy|happy to)|ご質問|ご不明|お気軽|お尋ね|お問い合わせ|ありがとうございます|もちろん|承知|お役に立|参考に",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number; `next` is the unit or word after it, `written` the text, `context` the words around it."""

    values: tuple[float, ...]  # 5 p.m. is 17 too
    next: str
    written: str
    context: frozenset[str]


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause: `text` and its whole `sentence` are normalised; `words` are those of `extract_content_words`."""

    text: str
    sentence: str
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class ParsedText:
    """A parsed text: whole, by sentence, by clause, by word and by figure."""

    text: str
    clauses: tuple[Clause, ...]
    sentences: frozenset[str]
    words: frozenset[str]
    figures: tuple[Figure, ...]


def parse_text(text: str, polite: bool) -> ParsedText:
    """Parse `text` into sentences and clauses; `polite` leaves out sentences that only greet, thank or offer."""
    clauses: list[Clause] = []
    figures: list[Figure] = []
    sentences: list[str] = []
    for parts in _iterate_sentences(_remove_polite_sentences(text) if polite and _POLITE.search(text) else text):
        sentence = " ".join(parts)
        split = [piece for part in parts for piece in (_CONJUNCTION.split(part) if " " in part else (part,)) if piece]
        pieces = [Clause(piece, sentence, extract_content_words(piece)) for piece in split]
        clauses += pieces
        figures += _iterate_figures(pieces) if _DIGIT.search(sentence) else ()
        sentences.append(sentence)
    words = frozenset(word for clause in clauses for word in clause.words)
    return ParsedText(" ".join(sentences), tuple(clauses), frozenset(sentences), words, tuple(figures))


def join_texts(texts: Sequence[ParsedText]) -> ParsedText:
    """Join several texts to one; its sentences are those of each, and each whole text."""
    return ParsedText(
        "\n".join(one.text for one in texts),
        tuple(clause for one in texts for clause in one.clauses),
        frozenset(sentence for one in texts for sentence in (*one.sentences, one.text)),
        frozenset(word for one in texts for word in one.words),
        tuple(figure for one in texts for figure in one.figures),
    )


def _remove_polite_sentences(text: str) -> str:
    sentences = (raw for raw in _SENTENCE.split(text) if not _POLITE.search(raw) or _DIGIT.search(raw))
    return "\n".join(sentences)


def _iterate_sentences(text: str) -> Iterator[list[str]]:
    """Yield each sentence as its normalised clauses; long ones in pieces, since normalising a long text is slow."""
    for line in text.splitlines():
        for piece in _split_long_line(line):
            normal = normalise(_BREAK.sub(_mark_end, _CURRENCY.sub(_name_currency, piece)))
            normal = _SPOKEN_TIME.sub(_write_time, normal)
            for sentence in normal.split(_SENTENCE_END):
                if parts := [stripped for part in sentence.split(_CLAUSE_END) if (stripped := part.strip())]:
                    yield parts


def _split_long_line(line: str) -> Iterator[str]:
    for part in (line,) if len(line) <= MAX_NORMALISED_CHARACTERS else _SENTENCE.split(line):
        yield from (
            part[start : start + MAX_NORMALISED_CHARACTERS] for start in range(0, len(part), MAX_NORMALISED_CHARACTERS)
        )


def _write_time(match: re.Match[str]) -> str:
    """ "half past 3" as "3 pm 30", "quarter to 9" as "8 pm 45": 3 o'clock may be 15 o'clock."""
    if match["evening"]:
        return f"{match['evening']} pm"
    hour, half, side = int(match["hour"]), match["half"], match["side"]
    if side == "to":
        return f"{(hour - 1) or 12} pm 45"
    return f"{hour} pm {30 if half == 'half' else 15}"


def _name_currency(match: re.Match[str]) -> str:
    return f"{match[2]} {_CURRENCIES[match[1]]} "


def _mark_end(match: re.Match[str]) -> str:
    return f" {_SENTENCE_END} " if match[1] else f" {_CLAUSE_END} "


def extract_content_words(text: str) -> frozenset[str]:
    """The content words of a normalised text: stems of English words, runs of kanji and katakana; no stop words or units."""
    return frozenset(stem(word) for word in list_content_words(text))


def list_content_words(text: str) -> list[str]:
    """The words of `extract_content_words`, unstemmed and in order."""
    words = (word for word in _WORD.findall(text) if word not in _STOP_WORD_SET and word not in UNITS)
    return [word for word in words if not word.isascii() or 1 < len(word) < 60]


@lru_cache(maxsize=16384)  # the words of a language
def stem(word: str) -> str:
    """The stem of an English word, at most 6 letters, the same for its forms; a Japanese word unchanged."""
    word = _IRREGULAR.get(word, word)
    if not word.isascii():
        return word
    for endings in (("ings", "ing", "ies", "ied", "ed", "es", "s"), ("ation", "ment", "er", "or", "ly", "e")):
        for ending in endings:
            if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
                word = word.removesuffix(ending)
                break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls":
        word = word[:-1]
    return (word.removesuffix("y") if len(word) > 4 else word)[:6]


WEEKDAYS = frozenset(map(stem, ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")))
COMMON_STEMS = frozenset(map(stem, _COMMON.split())) | _COMMON_JA_SET


def _iterate_figures(pieces: Sequence[Clause]) -> Iterator[Figure]:
    """Yield the figures of a sentence, each with the words of its clause, of the clauses without figures before it and of
    the topic."""
    topic: frozenset[str] | None = None
    pending: frozenset[str] = frozenset()
    for piece in pieces:
        matches = [match for match in _FIGURE.finditer(piece.text) if not _is_per_one_unit(match)]
        if not matches:
            pending |= piece.words
            continue
        words = extract_content_words(_PER.sub(r"\1", piece.text)) | pending
        if topic is None:
            # In English the topic stands before its first figure; in Japanese it is a clause of its own.
            topic = pending | (
                extract_content_words(piece.text[: matches[0].start()]) if piece.text[0].isascii() else frozenset()
            )
        pending = frozenset()
        late = {_parse_number(match[1] or match[2]) for match in _AFTERNOON.finditer(piece.text)}
        for match in matches:
            beside = {f"#{_parse_number(other[1])}" for other in matches[:MAX_NEIGHBOUR_FIGURES] if other is not match}
            value = _parse_number(match[1])
            values = (value, value + 12) if value in late and value < 12 else (value,)
            yield Figure(values, match[2] or "", match[0].strip(), words | topic | beside)


def _is_per_one_unit(match: re.Match[str]) -> bool:
    """Whether it is a 1 that counts nothing: 1チーム3人, 1回につき, "one team has three"."""
    if match[1] != "1" or not match[2]:
        return False
    after = match.string[match.end() : match.end() + 30]
    begins = match.start() == 0 and match[2].isascii() and _FIGURE.search(after) is not None
    return begins or _PER_ONE.match(after) is not None


def count_words(text: str) -> set[float]:
    """The numbers that are words in a normalised text: "both" is 2, "a third foul" is 3."""
    return {_NUMBER_WORDS[word] for word in _WORD.findall(text) if word in _NUMBER_WORDS}


def _parse_number(digits: str) -> float:
    """The value of `1.5`; for a date or a fraction a unique negative number."""
    try:
        return float(digits[:40])
    except ValueError:
        return -1.0 - float(re.sub(r"[./]", "", digits)[:40])


def is_known(word: str, stems: frozenset[str], text: str) -> bool:
    """Whether the stem of a word is among `stems`; of a Japanese word, whether it or one of its kanji is in `text`."""
    if word.isascii():
        return stem(word) in stems
    return word in text or ("\u3400" <= word[0] <= "\u9fff" and any(char in text for char in word))


def convert_to_units(figure: Figure, units: Iterable[str]) -> Iterator[float]:
    """Yield the value of the figure in each of `units` of the same dimension."""
    if figure.next in UNITS:
        dimension, size = UNITS[figure.next]
        yield from (
            figure.values[0] * size / UNITS[unit][1] for unit in units if UNITS.get(unit, ("",))[0] == dimension
        )
