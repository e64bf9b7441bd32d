"""Makes questions from one fact without a chat model: the sentence with a gap to fill."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from core.lazy_loading import lazy_pattern
from core.text.normalise import COUNTERS, UNITS, WORD_SCALES, WORD_VALUES, parse_key_points

MAX_FACT_CHARACTERS = 2000  # a longer text is no fact
MAX_FIGURE_GAPS, MAX_TERM_GAPS = 6, 2  # gaps made in one fact, at most
BLANK = {"en": "___", "ja": "＿＿"}

_KANA = lazy_pattern("[\u3041-\u3096\u30a1-\u30fa]")
_UNIT_WORDS = "|".join([*UNITS, *UNITS.values()])
_MEASURE = (
    rf"(?:{_UNIT_WORDS}|kilograms?|grams?|lit(?:re|er)s?|per ?cent|degrees?|years?|months?|weeks?|days?|points?"
    r"|km|cm|mm|kg|m|g|yen|dollars?|euros?|pounds?)(?![\w-])|[%°℃]C?"
)
_NUMBER_WORD = rf"(?:{'|'.join([*WORD_VALUES, *WORD_SCALES])})"
_ORDINAL = "(?:third|fourth|fifth|sixth|seventh|eighth|ninth|tenth)"
# “One” is as often a pronoun as a number.
_PRONOUN = r"(?:no|any|every|some|which|the|this|that|each|another|other|last|next)[ -]one\b|one(?:['’]s| another| who| that| may| must| can| should| is| has| does| cannot)\b"
_DIGITS = r"[0-9０-９]{1,15}(?:[.,:/．，：／][0-9０-９]{1,15}){0,4}"
_FIGURE_EN = lazy_pattern(
    rf"(?:{_PRONOUN})|(?<![\w.,/–-])(?P<number>{_ORDINAL}\b|{_DIGITS}(?!\w|[.,/]\w|[–-]\d)|{_DIGITS}(?=(?:km|cm|mm|kg|m|g)\b)"
    rf"|{_NUMBER_WORD}(?:[ -](?:and )?{_NUMBER_WORD}){{0,8}}(?![\w-]))(?P<unit>[ -]?(?:{_MEASURE}))?",
    re.IGNORECASE,
)
_KANJI_NUMBER = "[一二三四五六七八九十百千万]{1,12}"
_UNIT_JA = rf"(?:(?:センチ|ミリ|キロ)(?:メートル|グラム)?|メートル|グラム|リットル|パーセント|[%％℃]|{COUNTERS})"
_FIGURE_JA = lazy_pattern(
    rf"(?<![A-Za-z0-9０-９.,–〜～-])(?P<number>{_DIGITS})(?:(?P<unit>{_UNIT_JA}(?![A-Za-z0-9]))|(?![A-Za-z0-9０-９]|[–〜～-][0-9]))"
    rf"|(?<![第数何幾一二三四五六七八九十百千万])(?P<kanji>{_KANJI_NUMBER})(?P<counter>{_UNIT_JA})"
)
_QUOTED_OR_BOLD = lazy_pattern(
    r"“([^”\n]{2,40})”|\"([^\"\n]{2,40})\"|「([^」\n]{2,40})」|『([^』\n]{2,40})』|\*\*([^*\n]{2,40})\*\*|`([^`\n]{2,40})`"
)
_KATAKANA = lazy_pattern("[ァ-ヺー][ァ-ヺー・]{3,30}")
_CAPITALISED = lazy_pattern(r"(?<=[a-z,] )[A-Z][\w'’-]{1,30}(?: [A-Z][\w'’-]{1,30}){0,3}")


_CURRENCY = "¥$€£"
_AFTER_FIGURE = lazy_pattern(r"\s?(?:[ap]\.?m\b\.?|o['’]clock|(?:pence|cents?|p|shillings?)\b|%)", re.IGNORECASE)
_FRACTION = lazy_pattern(
    r"\b(?:two|one|a)[ -]thirds?(?!-)\b|\b(?:half|three) (?:past|quarters?)\b(?: \w+)?", re.IGNORECASE
)
_CLOCK_JA = lazy_pattern(r"(?:午前|午後)?[0-9０-９]{1,2}時(?:[0-9０-９]{1,2}分|半)?(?!間)")
_ANY_COUNTER_JA = lazy_pattern(
    r"(?<![0-9０-９.,])[0-9０-９]{1,15}(?:[.,，][0-9０-９]{1,15}){0,4}(?:時間|[かカヶヵ]月|[\u30a1-\u30fc]+|[\u3400-\u9fff])"
)


def list_figures(text: str) -> list[str]:
    """The figures of a text in their order, each with its unit, counter or currency; a time of day and a fraction are one."""
    is_japanese = _KANA.search(text) is not None
    patterns = (_CLOCK_JA, _ANY_COUNTER_JA, _FIGURE_JA) if is_japanese else (_FRACTION, _FIGURE_EN)
    spans: list[tuple[int, int]] = []
    for match in (match for pattern in patterns for match in pattern.finditer(text)):
        groups = match.groupdict()
        if groups and not (groups.get("number") or groups.get("kanji")):
            continue
        start = match.start() - text[: match.start()].endswith(tuple(_CURRENCY))
        after = _AFTER_FIGURE.match(text, match.end())
        if not any(start < end and begin < match.end() for begin, end in spans):
            spans.append((start, after.end() if after else match.end()))
    return [text[start:end] for start, end in sorted(spans)]


@dataclass(frozen=True, slots=True)
class TemplateRow:
    """A draft row. `key_points` (see `core.text.normalise`) is the text that the gap hides."""

    question: str
    answer: str
    kind: str
    key_points: str


@dataclass(frozen=True, slots=True)
class _Gap:
    start: int
    end: int


def make_drafts(fact: str, subject: str, language: str = "") -> list[TemplateRow]:
    """The draft rows of `fact`: for each figure and up to `MAX_TERM_GAPS` terms a gap in two wordings, direct and reworded.

    Each answer is the fact itself. `subject` is the topic of the spec, such as 'Hobannu'. `language` is 'ja' or 'en',
    detected from the fact when ''. A text over `MAX_FACT_CHARACTERS` has no rows.
    """
    fact, subject = fact.strip(), subject.strip()
    if not fact or len(fact) > MAX_FACT_CHARACTERS:
        return []
    language = language or detect_language(fact)
    return list(_iterate_gap_rows(fact, _JapaneseWording(subject) if language == "ja" else _EnglishWording(subject)))


def detect_language(fact: str) -> str:
    """'ja' for a text with kana, else 'en'."""
    return "ja" if _KANA.search(fact) else "en"


def _iterate_gap_rows(fact: str, words: "_EnglishWording | _JapaneseWording") -> Iterator[TemplateRow]:
    """Yield two rows for each gap, in two wordings; the next gap of the same sentence has two others."""
    if words.blank in fact:
        return
    spans = list(islice(words.figures(fact), MAX_FIGURE_GAPS))
    figure_gaps = [gap for pair in spans for gap in pair]
    terms = [
        gap for gap in words.terms(fact) if not any(gap.start < one.end and one.start < gap.end for one in figure_gaps)
    ]
    for number, pair in enumerate([*spans, *((gap, gap) for gap in terms[:MAX_TERM_GAPS])]):
        for wording, gap in enumerate(pair):
            text = fact[gap.start : gap.end]
            gapped = f"{fact[: gap.start]}{words.blank}{fact[gap.end :]}"
            question = words.fill_in(gapped, (2 * number + wording) % 4)
            yield TemplateRow(question, fact, ("direct", "reworded")[wording], text)


def _is_usable_term(text: str, subject: str, fact: str) -> bool:
    """Whether a term can be asked for: it occurs once in the fact, is not the subject, and is one key point."""
    folded = text.casefold()
    is_subject = bool(subject) and (folded in subject.casefold() or subject.casefold() in folded)
    points = parse_key_points(text)
    is_point = len(points) == 1 and len(points[0].alternatives) == 1 and not points[0].forbidden
    return not is_subject and is_point and fact.casefold().count(folded) == 1


def _find_marked_terms(fact: str) -> Iterator[_Gap]:
    """Yield the terms that the fact itself marks: in quotation marks, bold, or as code."""
    for match in _QUOTED_OR_BOLD.finditer(fact):
        assert match.lastindex
        yield _Gap(*match.span(match.lastindex))


class _EnglishWording:
    """The questions about an English fact."""

    blank = BLANK["en"]

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._about = f" about {subject}" if subject else ""

    def fill_in(self, gapped: str, wording: int) -> str:
        """The question for a sentence with one gap, in one of four wordings (0 to 3)."""
        return (
            f"Fill in the gap in this sentence{self._about}: {gapped}",
            f"{gapped} – What belongs in the gap of this sentence{self._about}?",
            f"I am trying to remember something{self._about}. Which part is missing here? {gapped}",
            f"{gapped} – How does this sentence{self._about} read in full?",
        )[wording]

    def figures(self, fact: str) -> Iterator[tuple[_Gap, _Gap]]:
        """Each figure alone, and with its unit."""
        for match in _FIGURE_EN.finditer(fact):
            if match["number"]:
                yield _Gap(*match.span("number")), _Gap(match.start("number"), match.end())

    def terms(self, fact: str) -> list[_Gap]:
        """The terms that can be asked for: marked ones, then capitalised names."""
        names = (_Gap(*match.span()) for match in _CAPITALISED.finditer(fact))
        return [
            gap
            for gap in (*_find_marked_terms(fact), *names)
            if _is_usable_term(fact[gap.start : gap.end], self._subject, fact)
        ]


class _JapaneseWording:
    """The questions about a Japanese fact."""

    blank = BLANK["ja"]

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._about = f"{subject}についての" if subject else ""

    def fill_in(self, gapped: str, wording: int) -> str:
        return (
            f"{self._about}次の文の空欄を埋めてください：{gapped}",
            f"{gapped}――{self._about}この文の空欄には何が入りますか。",
            f"{self._about}説明を思い出そうとしています。抜けているところを補ってください。{gapped}",
            f"{gapped}――{self._about}この文を完成させて、全体を教えてください。",
        )[wording]

    def figures(self, fact: str) -> Iterator[tuple[_Gap, _Gap]]:
        """Each figure alone, and with its unit or counter."""
        for match in _FIGURE_JA.finditer(fact):
            name = "number" if match["number"] else "kanji"
            yield _Gap(*match.span(name)), _Gap(*match.span())

    def terms(self, fact: str) -> list[_Gap]:
        """The marked terms, then the katakana words, the longest first: a longer one is more often a term."""
        katakana = sorted(_KATAKANA.finditer(fact), key=lambda match: -len(match[0]))
        gaps = [*_find_marked_terms(fact), *(_Gap(*match.span()) for match in katakana)]
        return [gap for gap in gaps if _is_usable_term(fact[gap.start : gap.end], self._subject, fact)]
