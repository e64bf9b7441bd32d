"""Reads a Japanese sentence into clauses, and these into phrases with their particles and a predicate.

There is no grammar of the whole language here. What a sentence has beyond it is not read at all, so that no question
is made from a guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from core.text.questions.japanese_predicates import Predicate, read_predicate
from core.text.questions.japanese_words import Word, find_words, join_texts

MAX_WORDS = 80  # of a sentence that is read
_OPEN, _CLOSE = "「『（(【〈《", "」』）)】〉》"
_JOINS = ("と", "や", "か", "及び", "および", "または", "又は", "もしくは", "・", "や、", "と、")
_CASES = ("格助詞", "係助詞", "副助詞")
_LINKS = {
    "て": "and", "で": "and", "ば": "if", "と": "if", "が": "but", "けど": "but", "けれど": "but", "けれども": "but", "ので": "because",
    "から": "because", "し": "and", "ながら": "while", "つつ": "while", "ても": "even", "でも": "even", "のに": "but",
}  # fmt: skip
_BOUNDS = (
    "分",
    "間",
    "目",
    "ごと",
    "まで",
    "以上",
    "以下",
    "以内",
    "未満",
    "以降",
    "程度",
    "前後",
    "おき",
    "前",
    "後",
    "目前",
    "当たり",
    "あたり",
    "分の",
    "半",
)
_COMPOUND_VERBS = (
    "し",
    "つい",
    "よっ",
    "とっ",
    "対し",
    "おい",
    "比べ",
    "くらべ",
    "関し",
    "通し",
    "加え",
    "応じ",
    "従っ",
    "沿っ",
    "向け",
)
_SURU = ("する", "できる", "いたす", "なさる", "出来る")


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words with their particle, from the character `start` to `end`; `head` is the last noun.

    `words` are all without the particle. `relative` is the clause that describes the noun, where one does.
    """

    start: int
    end: int
    words: tuple[Word, ...]
    particle: str
    head: Word
    relative: Clause | None = None
    is_adverb: bool = False

    @property
    def noun_end(self) -> int:
        """Where the particle begins."""
        return self.words[-1].end


@dataclass(frozen=True, slots=True)
class Clause:
    """Phrases and their predicate; `link` says how the next clause is joined: and, if, even, because, but, after, …"""

    phrases: tuple[Phrase, ...]
    predicate: Predicate
    link: str
    start: int
    end: int  # with what joins it to the next clause
    is_open: bool = False  # joined by て without a comma: it may belong to a clause that describes a noun


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, without the mark at its end, and its clauses; at least one."""

    text: str
    clauses: tuple[Clause, ...]

    @property
    def topic(self) -> Phrase | None:
        """What it is about: its first phrase with は."""
        found = (
            one
            for clause in self.clauses
            for one in clause.phrases
            if one.particle in ("は", "も", "では", "には", "だけは")
        )
        return next(found, None)

    def cut(self, start: int, end: int) -> str:
        """The text from `start` to `end` without commas at its ends."""
        return self.text[start:end].strip("、, 　")


def read_sentence(text: str) -> Sentence | None:
    """Read a sentence; None where it is not understood."""
    text = text.strip().rstrip("。．.!！")
    words = find_words(text)
    if not 2 <= len(words) <= MAX_WORDS:
        return None
    reader = _Reader(words)
    try:
        reader.read()
    except _NotUnderstood:
        return None
    return Sentence(text, tuple(reader.clauses)) if reader.clauses else None


class _NotUnderstood(Exception):
    """A construction that is not known here."""


@dataclass(slots=True)
class _Reader:
    words: Sequence[Word]
    at: int = 0
    clauses: list[Clause] = field(default_factory=list)
    phrases: list[Phrase] = field(default_factory=list)
    barrier: int = 0  # phrases before this one belong to no relative clause
    begin: int = -1  # the first word of the noun phrase that is open
    relative: Clause | None = None
    clause_start: int = 0

    def read(self) -> None:
        """Read all words into clauses."""
        while self.at < len(self.words):
            word = self.words[self.at]
            if word.text in ("、", ",", "，"):
                self.barrier, self.at = len(self.phrases), self.at + 1
                if self.begin >= 0:
                    raise _NotUnderstood
            elif word.kind == "conjunction":
                self.at += 1
            elif word.kind == "adverb":
                self._read_adverb()
            elif word.kind == "adnominal":
                self.begin, self.at = self._first(), self.at + 1
            elif word.kind in ("noun", "stem") or word.text in _OPEN or self._is_compound():
                self._read_noun()
            elif word.kind in ("verb", "adjective"):
                self._read_predicate(self.at)
            else:
                raise _NotUnderstood
        if self.phrases or self.begin >= 0:
            raise _NotUnderstood
        if self.clauses and self.clauses[-1].predicate.past:  # what is joined by て has its time from the end
            self.clauses = [
                replace(one, predicate=replace(one.predicate, past=True)) if one.link in ("and", "after") else one
                for one in self.clauses
            ]

    def _first(self) -> int:
        return self.at if self.begin < 0 else self.begin

    def _peek(self, ahead: int = 0) -> Word | None:
        place = self.at + ahead
        return self.words[place] if place < len(self.words) else None

    def _read_adverb(self) -> None:
        first = self._first()
        self.at += 1
        if (after := self._peek()) and after.text == "の":
            self.begin, self.at = first, self.at + 1
            return
        if after and after.text in ("に", "と") and after.kind != "verb":
            self.at += 1
        if after and (after.base in ("です", "だ") or after.text in ("、",)) and first != self.at - 1:
            raise _NotUnderstood
        words = tuple(self.words[first : self.at])
        self._close(Phrase(words[0].start, words[-1].end, words, "", words[0], is_adverb=True))

    def _close(self, phrase: Phrase) -> None:
        self.phrases.append(phrase)
        self.begin, self.relative = -1, None
        if phrase.particle.endswith(("は", "も")):
            self.barrier = len(self.phrases)

    def _read_noun(self) -> None:
        first = self._first()
        while word := self._peek():
            if word.text in _OPEN:
                self._skip_brackets()
            elif self._is_compound():
                self.at += 2
            elif word.kind == "noun" or (word.kind == "stem" and not self._is_stem_with_na()):
                self.at += 1
                if self._is_adverbial(first):
                    break
            elif word.kind == "stem":
                self.at += 1
                break
            else:
                break
        self._end_noun(first)

    def _is_compound(self) -> bool:
        """Whether a verb and a noun are one noun here: 染め|液."""
        word, after = self._peek(), self._peek(1)
        return (
            word is not None
            and after is not None
            and word.kind == "verb"
            and word.form.startswith("連用形")
            and after.kind == "noun"
            and after.tags[1] != "数詞"
            and "副詞可能" not in after.tags
            and after.tags[0] != "接頭辞"
        )

    def _is_stem_with_na(self) -> bool:
        after = self._peek(1)
        return after is not None and after.text in ("な", "に")

    def _is_adverbial(self, first: int) -> bool:
        """Whether the words so far are a phrase without a particle before another noun: 1分間|コートの外に, 全員|はだし."""
        last, after = self.words[self.at - 1], self._peek()
        if after is None or after.kind != "noun" or after.tags[0] == "接尾辞" or after.text in _BOUNDS:
            return False
        if last.tags[1] == "数詞" or (after.tags[1] == "数詞" and last.tags[0] == "接頭辞"):
            return False
        counted = any(word.tags[1] == "数詞" for word in self.words[first : self.at])
        is_run = counted and last.text.endswith(("間", "回", "度"))
        return is_run or (
            last.text
            in (
                "まま",
                "全員",
                "毎日",
                "毎朝",
                "毎週",
                "毎月",
                "毎年",
                "普段",
                "通常",
                "現在",
                "当日",
                "それぞれ",
                "すべて",
                "全部",
            )
        )

    def _skip_brackets(self) -> None:
        opened = self.words[self.at].text
        close = _CLOSE[_OPEN.index(opened)]
        place = next((at for at in range(self.at, len(self.words)) if self.words[at].text == close), -1)
        if place < 0:
            raise _NotUnderstood
        self.at = place + 1

    def _end_noun(self, first: int) -> None:
        nouns = self.words[first : self.at]
        head = next((word for word in reversed(nouns) if word.kind in ("noun", "stem")), nouns[-1])
        after = self._peek()
        if after is None or after.text == "。":
            self._end_with_noun(first, head, self.at)
        elif after.kind == "verb" and after.base in _SURU and head.tags[2:3] == ("サ変可能",):
            self._read_predicate(self._split_verb_noun(first))
        elif after.text == "な" and after.base == "だ":
            self._read_na(first, head)
        elif after.kind == "auxiliary" and after.base in ("だ", "です") and not after.form.endswith("ニ"):
            self._end_with_noun(first, head, self.at)
        elif after.kind == "auxiliary" and after.form.endswith("ニ"):
            self.at += 1
            self._add(first, head, self.at - 1)
        elif after.kind == "particle":
            self._read_particles(first, head)
        elif after.text in ("、", ","):
            self._end_noun_at_comma(first, head)
        elif after.tags[:2] == ("接尾辞", "動詞的"):
            self.begin = -1
            self._read_predicate(self.at - 1)
        else:
            self._add(first, head, self.at)

    def _end_noun_at_comma(self, first: int, head: Word) -> None:
        """A noun before a comma is the part of a list, a predicate without its copula, or says when."""
        is_time = "副詞可能" in head.tags
        if not is_time and not self._is_counted(first) and self._is_list(1):
            self.begin, self.at = first, self.at + 1
        elif self._is_counted(first) and any(one.particle == "は" for one in self.phrases):
            self._end_with_noun(first, head, self.at)
        elif is_time:
            self._add(first, head, self.at)
        else:
            raise _NotUnderstood

    def _has_topic_ahead(self) -> bool:
        """Whether a topic of its own follows after the comma: …で、長さは…"""
        place = self.at + 1
        while place < len(self.words) and self.words[place].text not in ("、", "。"):
            if self.words[place].text == "は" and self.words[place].tags[1] == "係助詞":
                return self.words[place - 1].kind == "noun"
            place += 1
        return False

    def _is_counted_before(self, first: int, end: int) -> bool:
        return self.words[end - 1].tags[2:3] == ("助数詞可能",) or "助数詞" in "".join(self.words[end - 1].tags)

    def _is_counted(self, first: int) -> bool:
        return self.at - first >= 1 and any(
            word.tags[1] == "数詞" or word.text[0].isdigit() for word in self.words[first : self.at]
        )

    def _is_list(self, ahead: int) -> bool:
        """Whether nouns follow that are listed with the last one: A、B、Cを."""
        place = self.at + ahead
        while place < len(self.words) and (
            self.words[place].kind == "noun" or self.words[place].text in ("、", "や", "と", "の")
        ):
            place += 1
        return place > self.at + ahead and place < len(self.words) and self.words[place].text in ("を", "が")

    def _split_verb_noun(self, first: int) -> int:
        """Where the verb 掃除する begins in 毎日掃除する: what is before it in the same run is a phrase of its own."""
        place = self.at - 1
        while (
            place > first
            and self.words[place - 1].kind == "noun"
            and self.words[place - 1].tags[2] not in ("副詞可能",)
            and self.words[place - 1].tags[1] != "数詞"
            and "助数詞" not in "".join(self.words[place - 1].tags)
        ):
            place -= 1
        if place > first:
            words = tuple(self.words[first:place])
            if words[-1].kind != "noun":
                raise _NotUnderstood
            self._close(Phrase(words[0].start, words[-1].end, words, "", words[-1]))
        self.begin, self.relative = -1, None
        return place

    def _read_na(self, first: int, head: Word) -> None:
        after = self._peek(1)
        if after and after.text in ("の", "ので", "ん"):
            self._end_with_noun(first, head, self.at)
        elif head.kind == "stem" or "形状詞可能" in head.tags:
            self.begin, self.at = first, self.at + 1
        else:
            raise _NotUnderstood

    def _read_particles(self, first: int, head: Word) -> None:
        end = self.at
        particles = ""
        while (word := self._peek()) and word.kind == "particle" and word.tags[1] in (*_CASES, "準体助詞"):
            particles += word.text
            self.at += 1
        after = self._peek()
        if not particles:
            raise _NotUnderstood
        if (
            particles in ("と", "に", "を")
            and after
            and after.text in _COMPOUND_VERBS
            and (more := self._peek(1))
            and more.text in ("て", "は")
        ):
            particles += after.text + more.text
            self.at += 2
            if (after := self._peek()) and after.text in ("は", "も"):
                particles += after.text
                self.at += 1
            self._add(first, head, end)
            return
        if particles == "に" and after and after.text == "つき" and after.kind == "verb":
            particles += after.text
            self.at += 1
            self._add(first, head, end)
            return
        if particles == "では" and after and after.text == "なく":
            self.at += 1
            words = tuple(self.words[first : self.at])
            self._close(Phrase(words[0].start, words[-1].end, words, "", head, is_adverb=True))
            return
        follows = bool(self.clauses) and self.clauses[-1].predicate.kind == "noun" and self.clauses[-1].link == "and"
        has_subject = follows or any(one.particle in ("は", "が") for one in self.phrases)
        is_copula = self._is_counted_before(first, end) or (
            len(self.phrases) == 1 and self.phrases[0].particle == "は" and self._has_topic_ahead()
        )
        if particles == "で" and after and after.text == "、" and has_subject and is_copula:
            self.at = end
            self._end_with_noun(first, head, end, is_copula=True)
            return
        if (particles.endswith("の") and after is not None) or (
            particles in _JOINS and after and (after.kind == "noun" or after.text in _OPEN)
        ):
            self.begin = first
        elif after is None or (after.kind == "auxiliary" and after.base in ("だ", "です")):
            self._end_with_noun(first, head, self.at, noun_end=end)
        else:
            self._add(first, head, end)

    def _add(self, first: int, head: Word, end: int) -> None:
        words = tuple(self.words[first:end])
        particle = join_texts(self.words[end : self.at])
        last = self.words[self.at - 1].end
        self._close(self._merge_listed(Phrase(words[0].start, last, words, particle, head, self.relative)))

    def _end_with_noun(self, first: int, head: Word, end: int, is_copula: bool = False, noun_end: int = 0) -> None:
        """A noun with its copula, or alone at the end of the sentence, is the predicate."""
        tail: list[Word] = []
        while (word := self._peek()) and (
            word.kind == "auxiliary"
            or (is_copula and not tail)
            or word.tags[1] == "終助詞"
            or (tail and word.text in ("ある", "は", "の", "ない", "なく", "ん", "あり"))
        ):
            tail.append(word)
            self.at += 1
        text = join_texts(tail)
        base = join_texts(self.words[first:end])
        is_bare = not tail and self._peek() is not None
        link = (
            "and"
            if is_bare
            else "end"
            if self.at >= len(self.words)
            else "because"
            if text.endswith(("なので", "なの"))
            else "if"
            if text.endswith(("なら", "だったら"))
            else "and"
        )
        if not is_bare and link in ("and", "if") and not text.endswith(("で", "なら", "たら", "なく")):
            if (after := self._peek()) and after.text in ("が", "けど", "から", "ので", "し", "と"):
                link = _LINKS[after.text]
                self.at += 1
            else:
                raise _NotUnderstood
        start, noun_end = self.words[first].start, noun_end or end
        predicate = Predicate(
            "noun",
            start,
            self.words[self.at - 1].end,
            "",
            base,
            negative="では" in text or "じゃ" in text,
            past="でし" in text or "だっ" in text,
        )
        particle = join_texts(self.words[noun_end:end])
        words = tuple(self.words[first:noun_end])
        self._end_clause(predicate, link, Phrase(start, self.words[end - 1].end, words, particle, head, self.relative))

    def _end_clause(self, predicate: Predicate, link: str, noun: Phrase | None = None) -> None:
        phrases = (*self.phrases, noun) if noun else tuple(self.phrases)
        end = self.words[self.at - 1].end
        start = min((one.start for one in phrases), default=predicate.start)
        is_open = link == "and" and not noun and (after := self._peek()) is not None and after.text != "、"
        self.clauses.append(Clause(phrases, predicate, link, min(start, predicate.start), end, is_open))
        self.phrases, self.begin, self.relative, self.barrier = [], -1, None, 0

    def _read_predicate(self, first: int) -> None:
        if self.begin >= 0:
            first_open, self.begin = self.begin, -1
            if first_open != first:  # その before a verb
                raise _NotUnderstood
        end = _find_predicate_end(self.words, max(first, self.at))
        words = self.words[first:end]
        self.at = end
        after = self._peek()
        last = words[-1]
        if last.kind == "adjective" and last.form.startswith("連用形") and after and after.text != "、":
            adverb = tuple(words)
            self._close(Phrase(adverb[0].start, last.end, adverb, "", last, is_adverb=True))
            return
        predicate = read_predicate(words)
        if predicate is None:
            raise _NotUnderstood
        if after is None:
            self._end_clause(predicate, "end")
        elif after.text == "こと" and self.at + 1 == len(self.words):
            self.at += 1
            self._end_clause(replace(predicate, rule="ban" if predicate.negative else "request"), "end")
        elif _describes_noun(last, after, self._peek(1)):
            self._read_relative(predicate, words, after)
        else:
            self._end_clause(predicate, self._read_link(words, after))

    def _read_relative(self, predicate: Predicate, words: Sequence[Word], after: Word) -> None:
        """A clause right before a noun describes it; the phrases since the last topic or comma belong to it."""
        if after.tags[1] == "準体助詞":
            follows = self._peek(1)
            if follows and follows.text in ("で", "です", "だ", "に") and follows.kind != "verb":
                if follows.text != "で":
                    raise _NotUnderstood
                self.at += 2
                self._end_clause(predicate, "because")
                return
        count = len(self.phrases) - self.barrier
        if predicate.kind == "adjective":
            count = 0
            while count < len(self.phrases) - self.barrier and self.phrases[-1 - count].particle in ("が", ""):
                count += 1
        taken = tuple(self.phrases[len(self.phrases) - count :])
        start = taken[0].start if taken else predicate.start
        self.phrases = self.phrases[: len(self.phrases) - count]
        while not self.phrases and self.clauses and self.clauses[-1].is_open:
            opened = self.clauses.pop()
            topics = [number for number, one in enumerate(opened.phrases, 1) if one.particle.endswith(("は", "も"))]
            self.phrases = list(opened.phrases[: topics[-1]]) if topics else []
            inner = opened.phrases[topics[-1] :] if topics else opened.phrases
            start = inner[0].start if inner else opened.predicate.start
        self.at += after.text == "、"
        self.relative = Clause(taken, predicate, "noun", start, predicate.end)
        self.begin = next(number for number, word in enumerate(self.words) if word.start == start)
        if after.tags[1] == "準体助詞":
            self.at += 1
            self._end_noun_no()

    def _end_noun_no(self) -> None:
        """Close the phrase whose noun is の: 交代できるのは."""
        first, head = self.begin, self.words[self.at - 1]
        self._read_particles(first, head)

    def _merge_listed(self, phrase: Phrase) -> Phrase:
        """The phrase with the one before it, where that is the first part of a list: 糸の重さと、釜の温度を."""
        before = self.phrases[-1] if self.phrases else None
        if before is None or before.particle not in ("と", "や") or phrase.particle != "を":
            return phrase
        self.phrases.pop()
        return replace(phrase, start=before.start, words=(*before.words, *phrase.words))

    def _read_link(self, words: Sequence[Word], after: Word) -> str:
        last = words[-1]
        if after.text == "、" or after.text == "。":
            if last.form.startswith("仮定形"):
                return "if"
            if last.text in ("て", "で", "ず") or last.form.startswith("連用形") or last.form.startswith("命令形"):
                return "and"
            raise _NotUnderstood
        if last.form.startswith("仮定形") and last.text in ("たら", "だら", "なら"):
            return "if"
        if after.kind == "particle":
            text = after.text
            self.at += 1
            if last.text in ("て", "で") and text in ("から", "も"):
                return "after" if text == "から" else "even"
            if (more := self._peek()) and more.kind == "particle" and more.text in ("は", "も", "に"):
                self.at += 1
            if text == "と" and more and more.base in ("いう", "言う", "思う", "呼ぶ", "よぶ", "する", "なる"):
                raise _NotUnderstood
            if text == "まで":
                return "until"
            if text in _LINKS:
                return _LINKS[text]
            raise _NotUnderstood
        if last.text in ("て", "で", "ず") or last.form.startswith("連用形"):
            return "and"
        raise _NotUnderstood


def _describes_noun(last: Word, after: Word, next_word: Word | None) -> bool:
    """Whether a predicate that ends with `last` describes the noun after it."""
    if last.text in ("て", "で", "ず", "たら", "だら", "ば") or not last.form.startswith(("連体形", "終止形")):
        return False
    if after.text == "、":
        return next_word is not None and next_word.kind in ("noun", "adnominal")
    return after.kind in ("noun", "stem", "adnominal") or after.text in _OPEN or after.tags[1] == "準体助詞"


def _find_predicate_end(words: Sequence[Word], at: int) -> int:
    """The word after the predicate that begins at `at`: its auxiliaries, and verbs such as いる after て, belong to it."""
    at += 1
    while at < len(words):
        word, last = words[at], words[at - 1]
        after = words[at + 1] if at + 1 < len(words) else None
        if word.kind == "auxiliary" and not (word.form.endswith("ニ") or word.text == "なら"):
            at += 1
        elif word.text in ("て", "で", "ちゃ") and word.tags[1] == "接続助詞":
            follows = after.text in ("は", "も") if after else False
            verb = words[at + 2] if follows and at + 2 < len(words) else after
            known = ("いける", "なる", "よい", "いい", "良い", "かまう", "構う", "だめ", "ダメ")
            if follows and verb and verb.base in known:
                at += 2
            elif (
                not follows
                and after
                and after.kind in ("verb", "adjective")
                and "非自立可能" in after.tags
                and after.base not in ("する", "なる")
            ):
                at += 1
            else:
                return at + 1
        elif (
            (word.text == "ば" and after and after.base in ("なる", "いける"))
            or (word.text in ("たり", "だり") and after)
            or (
                word.kind in ("verb", "adjective")
                and (last.form.startswith("連用形") or last.text in ("て", "で", "は", "も", "ば", "たり", "だり"))
                and last.kind != "adjective"
            )
        ):
            at += 1
        else:
            return at
    return at
