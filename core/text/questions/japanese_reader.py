"""Reads a Japanese sentence into clauses, and these into phrases with their particles and a predicate.

There is no grammar of the whole language here. What a sentence has beyond it is not read at all, so that no question
is made from a guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.text.questions.japanese_phrases import LINKS, OPENING, NotUnderstoodError, PhraseReader
from core.text.questions.japanese_predicates import Predicate, read_predicate
from core.text.questions.japanese_sentences import Clause, Phrase, Sentence
from core.text.questions.japanese_words import Word, find_words

MAX_WORDS = 80  # of a sentence that is read
_QUOTES = ("いう", "言う", "思う", "呼ぶ", "よぶ", "する", "なる")  # verbs whose と is no condition
_ALLOWS = ("いける", "なる", "よい", "いい", "良い", "かまう", "構う", "だめ", "ダメ")  # after ては and ても


def read_sentence(text: str) -> Sentence | None:
    """Read a sentence; None where it is not understood."""
    text = text.strip().rstrip("。．.!！")
    words = find_words(text)
    if not 2 <= len(words) <= MAX_WORDS:
        return None
    reader = _SentenceReader(words)
    try:
        reader.read()
    except NotUnderstoodError:
        return None
    return Sentence(text, tuple(reader.clauses)) if reader.clauses else None


class _SentenceReader(PhraseReader):
    def read(self) -> None:
        """Read all words into clauses."""
        while self.at < len(self.words):
            self._read_next(self.words[self.at])
        if self.phrases or self.begin >= 0:
            raise NotUnderstoodError
        if self.clauses and self.clauses[-1].predicate.past:  # what is joined by て has its time from the end
            self.clauses = [
                replace(one, predicate=replace(one.predicate, past=True)) if one.link in ("and", "after") else one
                for one in self.clauses
            ]

    def _read_next(self, word: Word) -> None:
        if word.text in ("、", ",", "，"):
            self.barrier, self.at = len(self.phrases), self.at + 1
            if self.begin >= 0:
                raise NotUnderstoodError
        elif word.kind == "conjunction":
            self.at += 1
        elif word.kind == "adverb":
            self.read_adverb()
        elif word.kind == "adnominal":
            self.begin, self.at = self.first(), self.at + 1
        elif word.kind in ("noun", "stem") or word.text in OPENING or self.is_compound():
            self.read_noun()
        elif word.kind in ("verb", "adjective"):
            self.read_predicate(self.at)
        else:
            raise NotUnderstoodError

    def read_predicate(self, first: int) -> None:
        """Read a verb or an adjective with all that is inflected after it."""
        opened = self.begin if self.begin != first else -1  # 駅の before 赤い旗
        self.begin = -1
        self.at, words = (end := _find_end(self.words, max(first, self.at))), self.words[first:end]
        after, last = self.peek(), words[-1]
        is_relative = after is not None and _describes_noun(last, after, self.peek(1))
        if opened >= 0 and (not is_relative or after is None or after.tags[1] == "準体助詞"):
            raise NotUnderstoodError
        if last.kind == "adjective" and last.form.startswith("連用形") and after and after.text != "、":
            self.close(Phrase(words[0].start, last.end, tuple(words), "", last, is_adverb=True))
            return
        predicate = read_predicate(words)
        if predicate is None:
            raise NotUnderstoodError
        if after is None:
            self.end_clause(predicate, "end")
        elif after.text == "こと" and self.at + 1 == len(self.words):
            self.at += 1
            self.end_clause(replace(predicate, rule="ban" if predicate.negative else "request"), "end")
        elif is_relative:
            self._read_relative(predicate, after, opened)
        else:
            self.end_clause(predicate, self._read_link(last, after))

    def _read_relative(self, predicate: Predicate, after: Word, opened: int) -> None:
        """A clause right before a noun describes it; the phrases since the last topic or comma belong to it.

        `opened` is the first word of a phrase with の that describes the same noun, -1 where there is none.
        """
        if opened >= 0:
            self.at += after.text == "、"
            outer = self.relative
            self.relative = outer or Clause((), predicate, "noun", predicate.start, predicate.end)
            self.begin = opened
            return
        is_no = after.tags[1] == "準体助詞"
        follows = self.peek(1)
        if is_no and follows and follows.text in ("で", "です", "だ", "に") and follows.kind != "verb":
            if follows.text != "で":
                raise NotUnderstoodError
            self.at += 2
            self.end_clause(predicate, "because")
            return
        count = len(self.phrases) - self.barrier
        if predicate.kind == "adjective":
            known = self.phrases[self.barrier :]
            count = next(
                (number for number, one in enumerate(reversed(known)) if one.particle not in ("が", "")), count
            )
        taken = tuple(self.phrases[len(self.phrases) - count :])
        start = taken[0].start if taken else predicate.start
        self.phrases = self.phrases[: len(self.phrases) - count]
        start = self._take_open_clauses(start)
        self.at += after.text == "、"
        self.relative = Clause(taken, predicate, "noun", start, predicate.end)
        self.begin = next(number for number, word in enumerate(self.words) if word.start == start)
        if is_no:
            self.at += 1
            self.read_particles(self.begin, self.words[self.at - 1])

    def _take_open_clauses(self, start: int) -> int:
        """Where the clause that describes a noun begins, with those joined to it by て: ぬれて重くなったまり."""
        while not self.phrases and self.clauses and self.clauses[-1].is_open:
            opened = self.clauses.pop()
            topics = [number for number, one in enumerate(opened.phrases, 1) if one.particle.endswith(("は", "も"))]
            place = topics[-1] if topics else 0
            self.phrases = list(opened.phrases[:place])
            inner = opened.phrases[place:]
            start = inner[0].start if inner else opened.predicate.start
        return start

    def _read_link(self, last: Word, after: Word) -> str:
        if last.form.startswith("仮定形") and (after.text == "、" or last.text in ("たら", "だら", "なら")):
            return "if"
        if after.kind == "particle":
            return self._read_linking_particle(last, after)
        is_joined = last.text in ("て", "で", "ず") or last.form.startswith("連用形")
        if is_joined or (after.text == "、" and last.form.startswith("命令形")):
            return "and"
        raise NotUnderstoodError

    def _read_linking_particle(self, last: Word, after: Word) -> str:
        self.at += 1
        if last.text in ("て", "で") and after.text in ("から", "も"):
            return "after" if after.text == "から" else "even"
        if (more := self.peek()) and more.kind == "particle" and more.text in ("は", "も", "に"):
            self.at += 1
        if after.text == "と" and more and more.base in _QUOTES:
            raise NotUnderstoodError
        if after.text == "まで":
            return "until"
        if after.text not in LINKS:
            raise NotUnderstoodError
        return LINKS[after.text]


def _describes_noun(last: Word, after: Word, next_word: Word | None) -> bool:
    """Whether a predicate that ends with `last` describes the noun after it."""
    if last.text in ("て", "で", "ず", "たら", "だら", "ば") or not last.form.startswith(("連体形", "終止形")):
        return False
    if after.text == "、":
        return next_word is not None and next_word.kind in ("noun", "adnominal")
    return after.kind in ("noun", "stem", "adnominal") or after.text in OPENING or after.tags[1] == "準体助詞"


def _find_end(words: Sequence[Word], at: int) -> int:
    """The word after the predicate that begins at `at`: its auxiliaries, and verbs such as いる after て, belong to it."""
    at += 1
    while at < len(words):
        word, last = words[at], words[at - 1]
        after = words[at + 1] if at + 1 < len(words) else None
        if word.text in ("て", "で", "ちゃ") and word.tags[1] == "接続助詞":
            step = _step_after_te(after, words[at + 2] if at + 2 < len(words) else None)
            at += step or 1
            if not step:
                return at
        elif _continues(word, last, after):
            at += 1
        else:
            return at
    return at


def _step_after_te(after: Word | None, verb: Word | None) -> int:
    """How many words after て still belong to the predicate with it, て counted; 0 where none does."""
    if after is None:
        return 0
    if after.text in ("は", "も"):
        return 2 if verb and verb.base in _ALLOWS else 0
    is_helper = after.kind in ("verb", "adjective") and "非自立可能" in after.tags
    return 1 if is_helper and after.base not in ("する", "なる") else 0


def _continues(word: Word, last: Word, after: Word | None) -> bool:
    if word.kind == "auxiliary":
        return not (word.form.endswith("ニ") or word.text == "なら")
    if word.text == "ば":
        return after is not None and after.base in ("なる", "いける")
    if word.text in ("たり", "だり"):
        return after is not None
    joins = last.form.startswith("連用形") or last.text in ("て", "で", "は", "も", "ば", "たり", "だり")
    return word.kind in ("verb", "adjective") and joins and last.kind != "adjective"
