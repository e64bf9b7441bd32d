"""Makes the key points of rows from the project's facts, which are loaded once for many rows."""

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from core.exam import key_points, point_making
from core.lazy_loading import lazy_pattern
from core.lazy_rapidfuzz import fuzz
from core.spec import facts, spec
from core.text import clauses, recited_headings, sentences
from core.text.normalise import normalise

MAX_GIVEN_CHARACTERS = 300  # of key points that a model gives
MIN_SENTENCE_SIMILARITY = 60.0  # per cent that a recited sentence shares with the fact that it states
_FIGURE = lazy_pattern(r"\d+(?:[.,h]\d+)*")
_QUESTION_MARKS = ("?", "？")
_WIDE_STOPS = ("。", "！", "？", "．")  # between sentences that end so is no blank


@dataclass(frozen=True, slots=True)
class FactPoints:
    """The texts of the facts by their names, and all of them: a word that many have tells nothing.

    `spec_text` is the spec's, whose headings are no part of an answer.
    """

    by_name: dict[str, str]
    texts: tuple[str, ...]
    spec_text: str = ""

    def suggest(self, answer: str, names: Iterable[str], question: str = "", kind: str = "") -> str:
        """The key points of an answer that states the facts `names` (see `point_making.suggest_points`).

        Facts that are not there are left out; without any the answer stands for itself.
        """
        answer = recited_headings.strip_heading(answer, self.spec_text)
        taught = " ".join(self.by_name[name] for name in names if name in self.by_name)
        return point_making.suggest_points(answer, taught or answer, question, kind, self.texts)

    def cut_passage(self, question: str, answer: str, names: Sequence[str]) -> tuple[str, list[str]]:
        """Of an answer that recites a whole passage what it says of the first fact, and the facts that it then states.

        All of them where the question may ask for the others, or their sentences cannot be told from each other.
        """
        whole = recited_headings.strip_heading(answer, self.spec_text)
        own, beside = ([self.by_name[name] for name in some if name in self.by_name] for some in (names[:1], names[1:]))
        if not own or not beside:
            return whole, list(names)
        spans = sentences.find_sentence_spans(whole)
        parts = [(whole[start:end], _states_another(whole[start:end], own[0], beside)) for start, end in spans]
        kept, cut = (_join_sentences(part for part, is_beside in parts if is_beside is side) for side in (False, True))
        asked = clauses.extract_content_words(normalise(question))
        here, there = (len(asked & clauses.extract_content_words(normalise(text))) for text in (kept, cut))
        return (kept, [names[0]]) if kept and here >= there else (whole, list(names))

    def cut_other_facts(self, answer: str, names: Collection[str]) -> str:
        """An answer without its heading, and without the sentences that other facts than `names` have word for word."""
        whole = recited_headings.strip_heading(answer, self.spec_text)
        own = _list_sentences(tuple(self.by_name[name] for name in names if name in self.by_name))
        other = _list_sentences(self.texts) - own
        spans = [whole[start:end] for start, end in sentences.find_sentence_spans(whole)]
        return _join_sentences(part for part in spans if normalise(part) not in other)

    def find_exchanged_figure(self, answer: str, reference: str) -> str:
        """The first sentence of an answer that is a fact's but for its figures; '' where there is none.

        One that another fact, or the reference, has with these figures is true. A question states nothing: what was asked
        may be said again before it is denied.
        """
        stated, asked = _list_figures(self.texts), _list_figures((reference,))
        whole = recited_headings.strip_heading(answer, self.spec_text)
        for start, end in sentences.find_sentence_spans(whole):
            words, figures = _take_figures(whole[start:end])
            is_asked = whole[start:end].rstrip(' ”"」』').endswith(_QUESTION_MARKS)
            if not is_asked and words in stated and figures not in stated[words] | asked.get(words, set()):
                return whole[start:end].strip()
        return ""


@lru_cache(maxsize=64)  # the facts of a spec, for each answer
def _list_figures(texts: tuple[str, ...]) -> dict[str, set[tuple[str, ...]]]:
    """The sentences with figures, without them, each with the figures that it has."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for text in texts:
        for start, end in sentences.find_sentence_spans(text):
            words, figures = _take_figures(text[start:end])
            if figures:
                found.setdefault(words, set()).add(figures)
    return found


def _take_figures(sentence: str) -> tuple[str, tuple[str, ...]]:
    normal = key_points.normalise_wording(sentence)
    return _FIGURE.sub("#", normal), tuple(map(_write_plainly, _FIGURE.findall(normal)))


def _write_plainly(figure: str) -> str:
    """A figure in the one form that others of the same value have: 1.50 as 1.5, 9h00 as 9, 9h30 and 9.30 alike."""
    whole, mark, part = figure.replace("h", ".").partition(".")
    part = part.rstrip("0")
    return f"{whole.lstrip('0') or '0'}{mark if part else ''}{part}"


@lru_cache(maxsize=64)  # the facts of a spec, for each answer
def _list_sentences(texts: tuple[str, ...]) -> frozenset[str]:
    return frozenset(normalise(text[start:end]) for text in texts for start, end in sentences.find_sentence_spans(text))


def _join_sentences(parts: Iterable[str]) -> str:
    whole = ""
    for part in parts:
        whole += part if not whole or whole.endswith(_WIDE_STOPS) else f" {part}"
    return whole


def _states_another(sentence: str, own: str, beside: Iterable[str]) -> bool:
    """Whether a sentence is another fact's, maybe a part of it, or with a name in the place of “it”."""
    most = max((max(fuzz.ratio(sentence, text), 100.0 * (sentence in text)) for text in beside), default=0.0)
    return most >= MIN_SENTENCE_SIMILARITY and most > max(fuzz.ratio(sentence, own), 100.0 * (sentence in own))


def are_usable(points: str, question: str, answer: str) -> bool:
    """Whether key points that a model gives mark the answer as right, and tell it from what the question says."""
    if not points.strip() or len(points) > MAX_GIVEN_CHARACTERS:
        return False
    own, asked = (key_points.judge_points(text, points, question, answer) for text in (answer, question))
    return bool(own) and all(point.is_met for point in own) and not all(point.is_met for point in asked)


NO_FACTS = FactPoints({}, ())


def load(db: sqlite3.Connection) -> FactPoints:
    """What key points are made from, the ignored facts among them."""
    by_name = {fact.name: fact.text for fact in facts.load(db)}
    return FactPoints(by_name, tuple(by_name.values()), spec.load(db).text)
