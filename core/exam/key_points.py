"""Judges which key points an answer makes: said, in whatever unit or wording, and neither denied nor left open."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from core.language import tr
from core.text import clauses, negation, quantities, row_templates
from core.text.negation import CLAUSE, SENTENCE
from core.text.normalise import KeyPoint, grade, normalise, parse, pattern

READ = 8000  # characters of an answer that are read: one that loops says nothing new after them
SUGGESTED = 3  # figures and terms that an exam answer must have, at most
PLACES = 20  # places of one point that are looked at
MISSING, DENIED, TURNED, OPEN, FORBIDDEN = "missing", "denied", "turned", "open", "forbidden"

_BREAK = re.compile(r"(?P<sentence>[。！？!?\n]|\.(?=\s|$))|(?<!\d)[,:，：]|[,:，：](?!\d)|[、;；()（）「」『』“”\"—…]")
_NUMBER = re.compile(r"(?<![\d.])\d+(?:\.\d+)?")
_COUNTED = re.compile(r"(\d+(?:\.\d+)?) ?(\D+)")
_OR = "(?:to|or|から|か|または|あるいは|もしくは|ないし)"
_OR_BEFORE = re.compile(rf"(?<![\d.])(\d+(?:\.\d+)?)[^\d{CLAUSE}{SENTENCE}]{{0,12}}?(?<![a-z]){_OR} ?$")
_OR_AFTER = re.compile(rf"^[^\d{CLAUSE}{SENTENCE}]{{0,3}}?(?<![a-z]){_OR} ?(?:maybe |perhaps )?(\d+(?:\.\d+)?)")
_UNSURE = re.compile(
    r"\b(?:actually|no wait|correction|maybe|perhaps|might|possibly|not sure)\b|いや(?!な)|訂正|もしかし|かもしれ|やっぱり|たぶん|おそらく"
)
_WORKED = re.compile(
    r"\b(?:so|therefore|thus|total|altogether|makes?|plus|times|equals|x|because|since)\b|なので|ので|だから|よって|合計|合わせて|足"
)
# After a bare number no noun may come that it counts.
_ENDED = (
    rf"(?= ?(?:$|[{CLAUSE}{SENTENCE}]|(?:on|per|in|for|each|at|since|because|as|max|maximum|altogether)\b"
    r"|です|だ|でし|にな|とな|まで))"
)
_ONLY = re.compile(r"\b(?:only|solely|nothing else|alone|exclusively)\b|だけ|のみ|しか|以外")
_ANOTHER = re.compile(
    rf"^ ?(?:{CLAUSE} )?(?:(?:and|or) )?(?:also )?(?:your |their |the |his |her )?(?P<item>[a-z]+)(?= ?(?:$|[{CLAUSE}{SENTENCE}]|and|or))"
    r"|^(?:と|や|か|または|も)(?!は)(?P<thing>[\u3400-\u9fff\u30a1-\u30fc]+)"
)
_DAY = re.compile(r"^ (?:and|or) (?P<day>[a-z]+days?)|^日?(?:と|や|か)(?P<youbi>[月火水木金土日]曜)")
_SPELLINGS = {
    "center": "centre", "theater": "theatre", "color": "colour", "gray": "grey", "program": "programme", "defense": "defence",
}  # fmt: skip
_AMERICAN = re.compile(rf"(?<![a-z])({'|'.join(_SPELLINGS)})(?=s?(?![a-z]))")


@dataclass(frozen=True, slots=True)
class Point:
    """A key point as it was written, and why it is not met: '' where it is. `said` is the wording that the answer has."""

    text: str
    why: str = ""
    said: str = ""

    @property
    def is_met(self) -> bool:
        return not self.why


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the question and the right answer tell about how to read an answer."""

    question: str
    known: str  # question, reference and points: their numbers and words are no other answer
    reference: str
    is_exclusive: bool
    kilo: str
    bans_count: bool
    denials_count: bool
    numbers: frozenset[str]


def judge(answer: str, key_points: str, question: str = "", reference: str = "") -> list[Point]:
    """Each of the `key_points` (see `grading.parse`) with whether `answer` makes it.

    It is said in any of its wordings, in any unit that measures the same, or as a bare number whose noun the question
    names. It does not count where it is denied, unless `question` or `reference` deny it too, nor where another number
    is offered beside it.
    """
    asked = _asked(key_points, question, reference)
    texts = _texts(answer[:READ], asked.kilo)
    return [_judged(point, texts, asked) if texts[0] else Point(point.text, MISSING) for point in parse(key_points)]


@lru_cache(maxsize=512)  # a question is asked of several models, several times
def _asked(key_points: str, question: str, reference: str) -> _Asked:
    kilo = "kilometre" if re.search(r"キロメートル|km|kilomet", key_points + reference + question) else "kilogram"
    texts = [written(text, kilo) for text in (question.replace("何", "1"), reference, key_points)]
    both = normalise(f"{question}\n{reference}")
    return _Asked(
        texts[0],
        " ".join(texts),
        _texts(reference, kilo)[0],
        _ONLY.search(texts[1]) is not None,
        kilo,
        not negation.is_about_bans(both),
        not negation.is_about_absence(normalise(question)),
        frozenset(_NUMBER.findall(" ".join([*texts, *map(quantities.in_smallest, texts)]))),
    )


def written(text: str, kilo: str = "kilogram") -> str:
    """`text` normalised, its quantities and spellings written one way."""
    normal = _AMERICAN.sub(lambda found: _SPELLINGS[found[1]], normalise(quantities.spelled(text)))
    return quantities.written(normal, kilo)


def _texts(text: str, kilo: str) -> list[str]:
    """A text with its clauses marked, the same in the smallest units, the same without marks, and only normalised."""
    marked, at = [], 0
    spelled = quantities.spelled(text)
    for found in _BREAK.finditer(spelled):
        marked += [normalise(spelled[at : found.start()]), SENTENCE if found["sentence"] else CLAUSE]
        at = found.end()
    marked.append(normalise(spelled[at:]))
    joined = _AMERICAN.sub(lambda found: _SPELLINGS[found[1]], " ".join(filter(None, marked)))
    plain = quantities.written(joined, kilo)
    if not plain.strip(CLAUSE + SENTENCE + " "):
        return [""]
    return [plain, quantities.in_smallest(plain), written(text, kilo), normalise(text)]


def _judged(point: KeyPoint, texts: list[str], asked: _Asked) -> Point:
    parts = [part for part in point.text.removeprefix("!").split("|") if written(part)]
    whys = [(why, part.strip()) for part in parts for why in _places(part, texts, asked)]
    said = next((part for why, part in whys if not why), "")
    if point.forbidden:
        return Point(point.text, FORBIDDEN if said else "", said)
    why, found = ("", said) if said else next(iter(whys), (MISSING, ""))
    return Point(point.text, why, found)


def _places(part: str, texts: list[str], asked: _Asked) -> Iterator[str]:
    """What speaks against each place where a text says an alternative: '' where nothing does."""
    alternative = written(part, asked.kilo)
    told = re.search(pattern(alternative, inflected=True), asked.reference)
    limit = negation.bound(asked.reference, *told.span()) if told and _NUMBER.search(told[0]) else 0
    denials = asked.denials_count and not (told and negation.is_denied(asked.reference, *told.span()))
    for text, sought in _patterns(alternative, normalise(part), texts, asked):
        for _count, found in zip(range(PLACES), re.finditer(sought, text), strict=False):
            if denials and negation.is_denied(text, found.start(), found.end(), asked.bans_count):
                yield DENIED
            elif limit and negation.bound(text, found.start(), found.end()) == -limit:
                yield TURNED
            else:
                yield OPEN if _is_open(text, found, asked) else ""


def _patterns(alternative: str, normal: str, texts: list[str], asked: _Asked) -> Iterator[tuple[str, str]]:
    """Each text with a pattern of how it may say an alternative."""
    sought, smallest = pattern(alternative, inflected=True), quantities.in_smallest(alternative)
    yield texts[0], sought
    if quantities.QUANTITY.search(alternative):
        yield texts[1], pattern(smallest)
    if not re.search(sought, texts[0]):
        yield texts[2], sought  # over a comma
        if normal and not _NUMBER.search(alternative):
            yield texts[3], pattern(normal)  # a unit alone, which stands beside a number in the others
    if bare := _bare(alternative, asked):
        yield texts[0], bare


def _bare(alternative: str, asked: _Asked) -> str:
    """A pattern for the number alone, where the question already names what is counted."""
    counted = _COUNTED.fullmatch(alternative)
    if not counted or not re.search(pattern(counted[2].strip()), asked.question):
        return ""
    return rf"(?<![\d.])(?<!\d ){re.escape(counted[1])}{_ENDED}"


def _is_open(text: str, found: re.Match[str], asked: _Asked) -> bool:
    """Whether something else is offered beside what was found."""
    before, after = text[max(0, found.start() - 40) : found.start()], text[found.end() : found.end() + 40]
    if _NUMBER.search(found[0]):
        beside = [match[1] for match in (_OR_BEFORE.search(before), _OR_AFTER.search(after)) if match]
        others = any(number not in asked.numbers for number in beside)
        return others or _is_taken_back(text, found[0], asked) or _is_second(text[: found.start()], found[0], asked)
    if (day := _DAY.search(after)) and not _is_known(day["day"] or day["youbi"], asked):
        return True
    other = _ANOTHER.search(after) if asked.is_exclusive else None
    return other is not None and not _is_known(other["item"] or other["thing"], asked)


def _is_taken_back(text: str, said: str, asked: _Asked) -> bool:
    """Whether the answer wavers between this quantity and another one of its unit."""
    if not _UNSURE.search(text):
        return False
    units = {unit for _number, unit in quantities.quantities(said)}
    others = {number for number, unit in quantities.quantities(text) if unit in units}
    others |= set(re.findall(rf"(?<![\d.])\d+(?:\.\d+)?{_ENDED}", text))
    return bool(others - asked.numbers)


def _is_second(before: str, said: str, asked: _Asked) -> bool:
    """Whether another quantity of this unit is said first, and none is worked out: "1,500 yen, 1,200 for children"."""
    units = {unit for _number, unit in quantities.quantities(said)}
    if not units or _WORKED.search(before):
        return False
    return any(
        match[2] in units and match[1] not in asked.numbers and not negation.is_denied(before + " ", *match.span())
        for match in quantities.QUANTITY.finditer(before)
    )


def _is_known(word: str, asked: _Asked) -> bool:
    return word in clauses.USUAL or clauses.stem(word) in clauses.content(asked.known) or word in asked.known


def stand_in(answer: str, key_points: str) -> list[Point]:
    """Each of the `key_points` with whether it stands in `answer`, said or denied."""
    text = written(answer[:READ])
    found = []
    for point in parse(key_points):
        parts = [part.strip() for part in point.text.removeprefix("!").split("|")]
        said = next((part for part in parts if (raw := written(part)) and re.search(pattern(raw), text)), "")
        why = (FORBIDDEN if said else "") if point.forbidden else ("" if said else MISSING)
        found.append(Point(point.text, why if text else MISSING, said))
    return found


def point_words(point: str) -> str:
    """A key point as a person reads it: “team” or “side”; must not contain “five”."""
    parts = filter(None, (part.strip() for part in point.removeprefix("!").split("|")))
    words = tr(" or ").join(tr("“{word}”", word=part) for part in parts)
    return tr("must not contain {words}", words=words) if point.startswith("!") else words


def in_words(key_points: str) -> str:
    """Key points (see `grading.parse`) as a person reads them."""
    return tr("; ").join(point_words(point.text) for point in parse(key_points))


def suggest(answer: str, fact: str, question: str = "") -> str:
    """What an exam answer must say (in the words of `parse`): the figures and terms of `answer` that are the fact's, and that are
    not in the question already."""
    gaps = dict.fromkeys(draft.key_points for draft in row_templates.drafts(answer, "") if draft.kind == "direct")
    shared = [points for points in gaps if grade(fact, points).passed]
    told = clauses.content(normalise(fact))
    words = dict.fromkeys(word for word in clauses.spoken(normalise(answer)) if clauses.stem(word) in told)
    longest = sorted(words, key=lambda word: -len(word))
    for found in (shared, longest):
        if new := [points for points in found if not grade(question, points).passed]:
            return " ; ".join(new[:SUGGESTED])
    return " ; ".join((shared or longest)[:SUGGESTED])
