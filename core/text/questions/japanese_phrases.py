"""Reads the noun phrases of a Japanese sentence: their nouns, what describes them, and their particles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.text.questions.japanese_predicates import Predicate
from core.text.questions.japanese_sentences import Clause, Phrase
from core.text.questions.japanese_words import Word, join_texts

OPENING, CLOSING = "「『（(【〈《", "」』）)】〉》"
LINKS = {
    "て": "and", "で": "and", "ば": "if", "と": "if", "が": "but", "けど": "but", "けれど": "but", "けれども": "but",
    "ので": "because", "から": "because", "し": "and", "ながら": "while", "つつ": "while", "ても": "even", "でも": "even",
    "のに": "but",
}  # fmt: skip
_JOINS = ("と", "や", "か", "及び", "および", "または", "又は", "もしくは", "・")
_CASES = ("格助詞", "係助詞", "副助詞", "準体助詞")
# Words after a figure that belong to it: 12時間以上, 3日前.
_BOUNDS = (
    "分", "間", "目", "ごと", "まで", "以上", "以下", "以内", "未満", "以降", "程度", "前後", "おき", "前", "後", "当たり",
    "あたり", "半",
)  # fmt: skip
# Nouns that say how without a particle: 全員|はだし.
_ADVERBS = (
    "まま", "全員", "毎日", "毎朝", "毎週", "毎月", "毎年", "普段", "通常", "現在", "当日", "それぞれ", "すべて", "全部",
)  # fmt: skip
# Verbs that make one particle with the one before them: について, に対して, として.
_COMPOUND_VERBS = (
    "し", "つい", "よっ", "とっ", "対し", "おい", "比べ", "くらべ", "関し", "通し", "加え", "応じ", "従っ", "沿っ", "向け",
)  # fmt: skip
_SURU = ("する", "できる", "いたす", "なさる", "出来る")
_COPULA_TAIL = ("ある", "は", "の", "ない", "なく", "ん", "あり")


class NotUnderstoodError(Exception):
    """A construction that is not known here."""


class PhraseReader:
    """The words of a sentence, the place that was reached, and what was read so far; reads noun phrases."""

    def __init__(self, words: Sequence[Word]) -> None:
        self.words = words
        self.at = 0
        self.clauses: list[Clause] = []
        self.phrases: list[Phrase] = []  # of the clause that is open
        self.barrier = 0  # phrases before this one belong to no clause that describes a noun
        self.begin = -1  # the first word of the noun phrase that is open
        self.relative: Clause | None = None  # what describes its noun

    def read_predicate(self, first: int) -> None:
        """Read the predicate whose first word is `first`."""
        raise NotImplementedError

    def first(self) -> int:
        """The first word of the phrase that is open, else this one."""
        return self.at if self.begin < 0 else self.begin

    def peek(self, ahead: int = 0) -> Word | None:
        """The word reached, or one after it; None at the end."""
        place = self.at + ahead
        return self.words[place] if place < len(self.words) else None

    def read_adverb(self) -> None:
        """Read an adverb, which is a phrase of its own or, with の, describes a noun."""
        first = self.first()
        self.at += 1
        after = self.peek()
        if after and after.text == "の":
            self.begin, self.at = first, self.at + 1
            return
        if after and after.text in ("に", "と") and after.kind != "verb":
            self.at += 1
        if after and (after.base in ("です", "だ") or after.text == "、") and first != self.at - 1:
            raise NotUnderstoodError
        words = tuple(self.words[first : self.at])
        self.close(Phrase(words[0].start, words[-1].end, words, "", words[0], is_adverb=True))

    def close(self, phrase: Phrase) -> None:
        """End the open phrase."""
        self.phrases.append(phrase)
        self.begin, self.relative = -1, None
        if phrase.particle.endswith(("は", "も")):
            self.barrier = len(self.phrases)

    def read_noun(self) -> None:
        """Read the nouns that follow each other, and what comes after them."""
        first = self.first()
        while word := self.peek():
            if word.text in OPENING:
                self._skip_brackets()
            elif self.is_compound():
                self.at += 2
            elif word.kind == "noun" or (word.kind == "stem" and not self._is_before_na()):
                self.at += 1
                if self._is_adverbial(first):
                    break
            elif word.kind == "stem":
                self.at += 1
                break
            else:
                break
        self._end_noun(first)

    def is_compound(self) -> bool:
        """Whether a verb and a noun are one noun here: 染め|液."""
        word, after = self.peek(), self.peek(1)
        if word is None or after is None or word.kind != "verb" or after.kind != "noun":
            return False
        is_free = after.tags[1] == "数詞" or "副詞可能" in after.tags or after.tags[0] == "接頭辞"
        return word.form.startswith("連用形") and not is_free

    def _is_before_na(self) -> bool:
        after = self.peek(1)
        return after is not None and after.text in ("な", "に")

    def _is_adverbial(self, first: int) -> bool:
        """Whether the nouns so far are a phrase without a particle before another: 1分間|コートの外に, 全員|はだし."""
        last, after = self.words[self.at - 1], self.peek()
        if after is None or after.kind != "noun" or after.tags[0] == "接尾辞" or after.text in _BOUNDS:
            return False
        if last.tags[1] == "数詞" or (after.tags[1] == "数詞" and last.tags[0] == "接頭辞"):
            return False
        counted = any(word.tags[1] == "数詞" for word in self.words[first : self.at])
        return (counted and last.text.endswith(("間", "回", "度"))) or last.text in _ADVERBS

    def _skip_brackets(self) -> None:
        close = CLOSING[OPENING.index(self.words[self.at].text)]
        place = next((at for at in range(self.at, len(self.words)) if self.words[at].text == close), -1)
        if place < 0:
            raise NotUnderstoodError
        self.at = place + 1

    def _end_noun(self, first: int) -> None:
        nouns = self.words[first : self.at]
        head = next((word for word in reversed(nouns) if word.kind in ("noun", "stem")), nouns[-1])
        after = self.peek()
        if after is None or after.text == "。":
            self._end_with_noun(first, head, self.at)
        elif after.kind == "verb" and after.base in _SURU and head.tags[2:3] == ("サ変可能",):
            self.read_predicate(self._split_verb_noun(first))
        elif after.text == "な" and after.base == "だ":
            self._read_na(first, head)
        elif after.kind == "auxiliary" and after.form.endswith("ニ"):
            self.at += 1
            self._add(first, head, self.at - 1)
        elif after.kind == "auxiliary" and after.base in ("だ", "です"):
            self._end_with_noun(first, head, self.at)
        elif after.kind == "particle":
            self.read_particles(first, head)
        elif after.text in ("、", ","):
            self._end_noun_at_comma(first, head)
        elif after.tags[:2] == ("接尾辞", "動詞的"):
            self.begin = -1
            self.read_predicate(self.at - 1)
        else:
            self._add(first, head, self.at)

    def _end_noun_at_comma(self, first: int, head: Word) -> None:
        """A noun before a comma is the part of a list, a predicate without its copula, or says when."""
        is_time = "副詞可能" in head.tags
        nouns = self.words[first : self.at]
        is_counted = any(word.tags[1] == "数詞" or word.text[0].isdigit() for word in nouns)
        if not is_time and not is_counted and self._is_list():
            self.begin, self.at = first, self.at + 1
        elif is_counted and any(one.particle == "は" for one in self.phrases):
            self._end_with_noun(first, head, self.at)
        elif is_time:
            self._add(first, head, self.at)
        else:
            raise NotUnderstoodError

    def _is_list(self) -> bool:
        """Whether nouns follow the comma that are listed with the last one: A、B、Cを."""
        place = self.at + 1
        while place < len(self.words):
            word = self.words[place]
            if word.kind != "noun" and word.text not in ("、", "や", "と", "の"):
                return place > self.at + 1 and word.text in ("を", "が")
            place += 1
        return False

    def _split_verb_noun(self, first: int) -> int:
        """Where the verb 掃除する begins in 毎日掃除する: what is before it in the same run is a phrase of its own."""
        place = self.at - 1
        while place > first and _is_part_of_verb(self.words[place - 1]):
            place -= 1
        if place > first:
            words = tuple(self.words[first:place])
            if words[-1].kind != "noun":
                raise NotUnderstoodError
            self.close(Phrase(words[0].start, words[-1].end, words, "", words[-1]))
        self.begin, self.relative = -1, None
        return place

    def _read_na(self, first: int, head: Word) -> None:
        after = self.peek(1)
        if after and after.text in ("の", "ので", "ん"):
            self._end_with_noun(first, head, self.at)
        elif head.kind == "stem" or "形状詞可能" in head.tags:
            self.begin, self.at = first, self.at + 1
        else:
            raise NotUnderstoodError

    def read_particles(self, first: int, head: Word) -> None:
        """Read the particles after a noun, and end its phrase or go on with it."""
        end = self.at
        while (word := self.peek()) and word.kind == "particle" and word.tags[1] in _CASES:
            self.at += 1
        particles, after = join_texts(self.words[end : self.at]), self.peek()
        if not particles:
            raise NotUnderstoodError
        joins = particles in _JOINS and after is not None and (after.kind == "noun" or after.text in OPENING)
        if self._extend_particle(particles):
            self._add(first, head, end)
        elif particles == "では" and after and after.text == "なく":
            self.at += 1
            words = tuple(self.words[first : self.at])
            self.close(Phrase(words[0].start, words[-1].end, words, "", head, is_adverb=True))
        elif particles == "で" and after and after.text == "、" and self._is_copula(end):
            self.at = end
            self._end_with_noun(first, head, end, is_copula=True)
        elif joins or (particles.endswith("の") and after is not None):
            self.begin = first
        elif after is None or (after.kind == "auxiliary" and after.base in ("だ", "です")):
            self._end_with_noun(first, head, self.at, noun_end=end)
        else:
            self._add(first, head, end)

    def _extend_particle(self, particles: str) -> bool:
        """Read the rest of について, として or につき; whether there is one."""
        after, more = self.peek(), self.peek(1)
        if particles == "に" and after and after.text == "つき" and after.kind == "verb":
            self.at += 1
            return True
        is_verb = after is not None and after.text in _COMPOUND_VERBS and more is not None and more.text in ("て", "は")
        if particles not in ("と", "に", "を") or not is_verb:
            return False
        self.at += 2
        if (after := self.peek()) and after.text in ("は", "も"):
            self.at += 1
        return True

    def _is_copula(self, end: int) -> bool:
        """Whether で before a comma is that of です, though it looks like a particle: 12分で、間に…"""
        before = self.clauses[-1] if self.clauses else None
        follows = before is not None and before.predicate.kind == "noun" and before.link == "and"
        has_subject = follows or any(one.particle in ("は", "が") for one in self.phrases)
        if not has_subject:
            return False
        is_counted = "助数詞" in "".join(self.words[end - 1].tags)
        return is_counted or (len(self.phrases) == 1 and self.phrases[0].particle == "は" and self._has_topic_ahead())

    def _has_topic_ahead(self) -> bool:
        """Whether a topic of its own follows after the comma: …で、長さは…"""
        place = self.at + 1
        while place < len(self.words) and self.words[place].text not in ("、", "。"):
            if self.words[place].text == "は" and self.words[place].tags[1] == "係助詞":
                return self.words[place - 1].kind == "noun"
            place += 1
        return False

    def _add(self, first: int, head: Word, end: int) -> None:
        words = tuple(self.words[first:end])
        particle = join_texts(self.words[end : self.at])
        phrase = Phrase(words[0].start, self.words[self.at - 1].end, words, particle, head, self.relative)
        self.close(self._merge_listed(phrase))

    def _merge_listed(self, phrase: Phrase) -> Phrase:
        """The phrase with the one before it, where that is the first part of a list: 糸の重さと、釜の温度を."""
        before = self.phrases[-1] if self.phrases else None
        if before is None or before.particle not in ("と", "や") or phrase.particle != "を":
            return phrase
        self.phrases.pop()
        return replace(phrase, start=before.start, words=(*before.words, *phrase.words))

    def _end_with_noun(self, first: int, head: Word, end: int, is_copula: bool = False, noun_end: int = 0) -> None:
        """A noun with its copula, or alone at the end of the sentence, is the predicate."""
        begin = self.at
        while (word := self.peek()) and (
            word.kind == "auxiliary"
            or (is_copula and self.at == begin)
            or word.tags[1] == "終助詞"
            or (self.at > begin and word.text in _COPULA_TAIL)
        ):
            self.at += 1
        text = join_texts(self.words[begin : self.at])
        link = self._link_noun(text)
        start, noun_end = self.words[first].start, noun_end or end
        is_denied, is_past = "では" in text or "じゃ" in text, "でし" in text or "だっ" in text
        base = join_texts(self.words[first:end])
        stop = self.words[self.at - 1].end
        predicate = Predicate("noun", start, stop, "", base, negative=is_denied, past=is_past)
        words, particle = tuple(self.words[first:noun_end]), join_texts(self.words[noun_end:end])
        phrase = Phrase(start, self.words[end - 1].end, words, particle, head, self.relative)
        self.end_clause(predicate, link, phrase)

    def _link_noun(self, copula: str) -> str:
        """How the next clause is joined to a noun with this copula."""
        after = self.peek()
        if after is None:
            return "end"
        if not copula or copula.endswith(("で", "なく")):
            return "because" if copula.endswith("なので") else "and"
        if copula.endswith(("なの", "なら", "だったら")):
            return "because" if copula.endswith("なの") else "if"
        if after.text in ("が", "けど", "から", "ので", "し", "と"):
            self.at += 1
            return LINKS[after.text]
        raise NotUnderstoodError

    def end_clause(self, predicate: Predicate, link: str, noun: Phrase | None = None) -> None:
        """Close the clause with its predicate; `noun` is that of a noun predicate."""
        phrases = (*self.phrases, noun) if noun else tuple(self.phrases)
        start = min((one.start for one in phrases), default=predicate.start)
        after = self.peek()
        is_open = link == "and" and not noun and after is not None and after.text != "、"
        end = self.words[self.at - 1].end
        self.clauses.append(Clause(phrases, predicate, link, min(start, predicate.start), end, is_open))
        self.phrases, self.begin, self.relative, self.barrier = [], -1, None, 0


def _is_part_of_verb(word: Word) -> bool:
    counts = word.tags[1] == "数詞" or "助数詞" in "".join(word.tags)
    return word.kind == "noun" and word.tags[2] != "副詞可能" and not counts
