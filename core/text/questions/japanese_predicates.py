"""The predicate of a Japanese clause, in the forms that questions need: 「置きます」, 「置くんですか」, 「置けばいいですか」."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from core.text.questions.japanese_words import Word, inflect, join_texts

_POLITE = {"ます", "です", "ん", "ぬ", "た", "だ", "ない", "ます。"}


@dataclass(frozen=True, slots=True)
class Predicate:
    """A verb, an adjective or a noun with its copula, from the character `start` to `end` of the sentence.

    `prefix` are the words before `base`, the last word that is inflected: 温めて|おく. Of a noun, `base` is the noun
    phrase. `rule` says what the sentence does with the act: it bans, permits, demands or asks for it.
    """

    kind: Literal["verb", "adjective", "noun"]
    start: int
    end: int
    prefix: str
    base: str
    conjugation: str = ""
    negative: bool = False
    past: bool = False
    rule: Literal["", "ban", "permit", "must", "request"] = ""
    is_potential: bool = False  # it says what one can do: 使える, できる

    @property
    def stem(self) -> str:
        """The form before ます; '' where there is none."""
        return self._inflect("ます")

    def plain(self) -> str:
        """The plain form: 置く, 置かない, 置いた; of a noun, the noun alone."""
        if self.kind == "noun":
            return f"{self.base}ではない" if self.negative else self.base
        if self.rule == "ban":
            return f"{self._inflect('て')}はいけない" if self._inflect("て") else ""
        if self.rule == "permit":
            return f"{self._inflect('て')}もいい" if self._inflect("て") else ""
        if self.negative:
            negative = "ない" if self.base == "ある" else self._inflect("ない")
            negative += "" if not negative or negative.endswith("ない") else "ない"
            return f"{negative[:-1]}かった" if self.past and negative else negative
        return self._inflect("た") if self.past else self.prefix + self.base

    def positive(self) -> Predicate:
        """The same act, neither denied nor banned."""
        return replace(self, negative=False, rule="")

    def noun_like(self) -> str:
        """The form before の and んです: 置く, はだしな."""
        if self.kind == "noun":
            return f"{self.base}だった" if self.past else f"{self.base}{'ではない' if self.negative else 'な'}"
        return self.plain()

    def polite(self) -> str:
        """The polite form: 置きます, はだしです; '' where it is not known."""
        if self.kind == "noun":
            if self.negative:
                return f"{self.base}ではありません"
            return f"{self.base}{'でした' if self.past else 'です'}"
        if self.kind == "adjective" or self.negative or self.rule in ("ban", "permit"):
            return f"{self.plain()}です" if self.plain() else ""
        return f"{self.stem}{'ました' if self.past else 'ます'}" if self.stem else ""

    def past_form(self) -> str:
        """What has happened: 沸騰した, はだしだった."""
        if self.kind == "noun":
            return f"{self.base}だった"
        return self.plain() if self.past else replace(self, past=True).plain()

    def happened(self) -> list[str]:
        """Ways to say that it has happened: 沸騰した, 沸騰しちゃった."""
        found = [self.past_form()]
        te = self._inflect("て")
        is_event = self.kind == "verb" and self.base not in ("なる", "いる", "ある", "できる")
        if te and is_event and not self.negative:
            found.append(f"{te[:-1]}{'ちゃった' if te.endswith('て') else 'じゃった'}")
        return [one for one in found if one]

    def te(self) -> str:
        """The form with て of the act itself."""
        return self._inflect("て")

    def ba(self) -> str:
        """The form with ば of the act itself: 置けば."""
        return self._inflect("ば")

    def nai(self) -> str:
        """The act denied: 置かない."""
        found = self._inflect("ない")
        return found if not found or found.endswith("ない") else f"{found}ない"

    def _inflect(self, form: str) -> str:
        found = inflect(self.base, self.conjugation, form) if self.kind != "noun" else ""
        return self.prefix + found if found or (form == "ます" and self.conjugation.startswith(("上", "下"))) else ""


def read_predicate(words: Sequence[Word]) -> Predicate | None:
    """The predicate that these words are, from its verb or adjective to its end; None where it is not understood."""
    text = join_texts(words)
    start, end = words[0].start, words[-1].end
    for marks, rule in (
        (("てはいけ", "ではいけ", "てはなら", "ではなら", "てはだめ", "ではだめ"), "ban"),
        (("なければなら", "なければいけ", "なくてはなら", "なくてはいけ", "ないといけ"), "must"),
        (("てもよ", "でもよ", "てもい", "でもい", "てもかま", "でもかま", "ても構", "でも構"), "permit"),
        (("てくださ", "でくださ", "て下さ", "で下さ"), "request"),
    ):
        at = next((place for mark in marks if (place := text.rfind(mark)) > 0), -1)
        if at > 0:
            inner = read_predicate([word for word in words if word.end - start <= at])
            if inner is None:
                return None
            negative = inner.negative if rule == "request" else False
            return replace(inner, start=start, end=end, negative=negative, past=False, rule=rule)  # type: ignore[arg-type]
    last = len(words) - 1
    while last > 0 and words[last].kind == "particle":
        last -= 1
    while last > 0 and words[last].kind == "auxiliary" and words[last].base in _POLITE:
        last -= 1
    head, tail = words[last], words[last + 1 :]
    if head.kind not in ("verb", "adjective", "auxiliary"):
        return None
    kind: Literal["verb", "adjective"] = "verb"
    if head.conjugation.startswith("形容詞") or head.conjugation.endswith(("ナイ", "タイ")):
        kind = "adjective"
    return Predicate(
        kind,
        start,
        end,
        join_texts(words[:last]),
        head.base,
        head.conjugation,
        negative=any(word.base in ("ん", "ぬ", "ない") for word in tail),
        is_potential=_is_potential(head),
        past=any(word.base in ("た", "だ") and word.text in ("た", "だ", "たら", "だら") for word in tail),
    )


def _is_potential(word: Word) -> bool:
    if word.base in ("できる", "出来る", "られる", "れる"):
        return word.base != "れる"
    is_derived = word.conjugation.startswith("下一段") and word.base.endswith("る") and word.normal != word.base
    return is_derived and word.normal.endswith(tuple("うくぐすつぬぶむる")) and len(word.normal) == len(word.base) - 1
