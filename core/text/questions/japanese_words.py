"""The words of a Japanese sentence, with their forms: by Sudachi, where it is installed."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal[
    "noun", "verb", "adjective", "stem", "auxiliary", "particle", "adverb", "adnominal", "conjunction", "mark"
]

_KINDS: dict[str, Kind] = {
    "名詞": "noun", "代名詞": "noun", "接頭辞": "noun", "接尾辞": "noun", "動詞": "verb", "形容詞": "adjective",
    "形状詞": "stem", "助動詞": "auxiliary", "助詞": "particle", "副詞": "adverb", "連体詞": "adnominal",
    "接続詞": "conjunction", "感動詞": "conjunction",
}  # fmt: skip
# The endings of the five-row verbs by their row: before ます, before ない, before ば, with た and with て.
_ROWS = {
    "カ": ("き", "か", "け", "いた", "いて"), "ガ": ("ぎ", "が", "げ", "いだ", "いで"), "サ": ("し", "さ", "せ", "した", "して"),
    "タ": ("ち", "た", "て", "った", "って"), "ナ": ("に", "な", "ね", "んだ", "んで"), "バ": ("び", "ば", "べ", "んだ", "んで"),
    "マ": ("み", "ま", "め", "んだ", "んで"), "ラ": ("り", "ら", "れ", "った", "って"), "ワ": ("い", "わ", "え", "った", "って"),
}  # fmt: skip
_FORMS = ("ます", "ない", "ば", "た", "て")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a sentence from the character `start` to `end`; `tags` are Sudachi's parts of speech."""

    text: str
    start: int
    end: int
    kind: Kind
    base: str  # the form of the dictionary
    tags: tuple[str, ...]
    normal: str = (
        ""  # the dictionary's usual spelling; of a verb that says what one can do, the verb itself: 使える → 使う
    )

    @property
    def conjugation(self) -> str:
        """How it is inflected: 五段-カ行, 下一段-ラ行 …"""
        return self.tags[4] if len(self.tags) > 4 else ""

    @property
    def form(self) -> str:
        """Its form here: 連用形-一般, 終止形-一般 …"""
        return self.tags[5] if len(self.tags) > 5 else ""


def is_available() -> bool:
    """Whether Sudachi and its dictionary are installed."""
    return _load_tokenizer() is not None


def find_words(text: str) -> list[Word]:
    """The words of a text."""
    tokenizer = _load_tokenizer()
    assert tokenizer is not None
    return [_convert(one) for one in tokenizer.tokenize(text) if one.surface().strip()]


@functools.cache
def _load_tokenizer() -> Any:
    try:
        import sudachipy

        return sudachipy.Dictionary(dict="core").tokenizer(sudachipy.SplitMode.C)
    except Exception:  # not installed, without its dictionary, or of another version
        return None


def _convert(one: Any) -> Word:
    tags = tuple(one.part_of_speech())
    kind: Kind = _KINDS.get(tags[0], "mark")
    if one.surface() in ("ヶ", "ケ"):  # of a place: 霧ヶ沢
        kind, tags = "noun", ("名詞", "固有名詞", "地名", "一般", "*", "*")
    if tags[0] == "接尾辞" and tags[1] != "名詞的":
        kind = {"形状詞的": "stem", "形容詞的": "adjective", "動詞的": "verb"}.get(tags[1], "noun")  # type: ignore[assignment]
    return Word(one.surface(), one.begin(), one.end(), kind, one.dictionary_form(), tags, one.normalized_form())


def inflect(base: str, conjugation: str, form: str) -> str:
    """A verb or adjective in the form before or with ます, ない, ば, た or て; '' where it is not known how."""
    assert form in _FORMS, form
    place = _FORMS.index(form)
    if conjugation.startswith("五段"):
        row = _ROWS.get(conjugation.partition("-")[2][:1])
        if row is None or (base == "ある" and form == "ない"):
            return ""
        if base.endswith(("行く", "いく", "ゆく")) and place >= 3:
            return base[:-1] + ("った", "って")[place - 3]
        if base.endswith(("くださる", "なさる", "いらっしゃる", "おっしゃる")) and place == 0:
            return base[:-1] + "い"
        return base[:-1] + row[place] + ("ば" if form == "ば" else "")
    if conjugation.startswith(("上一段", "下一段")) or conjugation.endswith(("レル", "ラレル", "セル", "サセル")):
        return base[:-1] + ("", "", "れば", "た", "て")[place] if base.endswith("る") else ""
    if conjugation.startswith("サ行変格") and base.endswith(("する", "ずる")):
        return base[:-2] + ("し", "し", "すれば", "した", "して")[place]
    if conjugation.startswith("カ行変格"):
        return (
            base[:-2]
            + (
                ("き", "こ", "くれば", "きた", "きて")
                if base.endswith("くる")
                else ("来", "来", "来れば", "来た", "来て")
            )[place]
        )
    if conjugation.startswith("形容詞") or conjugation.endswith(("ナイ", "タイ")):
        if not base.endswith("い"):
            return ""
        root = "よ" if base in ("いい", "良い") else base[:-1]
        return root + ("", "くない", "ければ", "かった", "くて")[place]
    return ""


def join_texts(words: Sequence[Word]) -> str:
    """The text of words that follow each other."""
    return "".join(word.text for word in words)
