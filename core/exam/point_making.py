"""Makes the key points of an exam question from its answer, its fact and the question: what a right answer says, with units."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from core.exam.asked_cells import find_asked_cell
from core.lazy_loading import lazy_pattern
from core.text import clauses, negation, quantities
from core.text.negation import NO, YES
from core.text.normalise import normalise
from core.text.question_words import CLOCK, COUNT, MONEY, TIME, Question
from core.text.row_templates import list_figures

MAX_POINTS = 4  # of a question, at most
MAX_ANSWER_CHARACTERS = 2000  # of an answer that points are made of
MAX_WORDS = 8  # alternatives of one point
MIN_TOPIC_FACTS, TOPIC_SHARE = 3, 0.1  # facts, and the share of a spec's facts, that have a word which tells nothing

_OPPOSITE = {YES: NO, NO: YES}
_JAPANESE = lazy_pattern("[\u3041-\u30ff]")
_KANJI = "\u3005\u3400-\u9fff"
_IN_BRACKETS = lazy_pattern(r"[(（][^()（）]*[)）]")
_VERDICT = lazy_pattern(
    r"\s*(?:(?:yes|no|neither|none)\b(?=[\s,.:;]+)(?![- ](?:one|of)\b)|(?:はい|いいえ|いえ|ええ)(?=[、。]))[\s,.:;、。]*",
    re.IGNORECASE,
)
# What is named only to be denied: 「延長戦ではなく、…」, "not a fine but …".
_CONTRAST = lazy_pattern(r"[^。、]*(?:では|じゃ)なく、?|\bnot (?:an? |the )?[^,.;]{1,40}? but\b", re.IGNORECASE)
# A condition that comes first, as in "Under 8, …" and 「…ので、…」, repeats what was asked, or says why.
_CONDITION = lazy_pattern(
    r"^(?:if|when|under|over|after|before|from|on|in|at|for|during|above|below|with|without|as)\b[^,]*,\s*"
    r"|^[^。]*?(?:ので|ため|[いるただすん]から|なら|たら|れば|とき[はに]|場合[はに])、",
    re.IGNORECASE,
)
_SENTENCE = lazy_pattern(
    r"[:;]\s|[.!?](?:\s|$)|,? (?:because|since)\b|, (?:as|so)\b|。|：(?!\d)|(?:ので|[いるただすん]から|ため)、"
)
_CONCLUDES = lazy_pattern(r", so$|(?:ので|[いるただすん]から|ため)、$")
_REASON = lazy_pattern(r"\b(?:because|since)\b|[:：]")
_IF = lazy_pattern(r"(?:if|as long as|provided|unless|only)\b|[^。]*(?:なら|れば|場合|だけ)", re.IGNORECASE)
_SUM = lazy_pattern(r"\b(?:altogether|in all|in total|total)\b|合わせて|合計|全部で", re.IGNORECASE)
_PART = lazy_pattern(r"ことと、?|, (?:and |but |or |which )?|(?<=\w{3}) and (?=(?:\S+ ){2})|、")
_JOINED = lazy_pattern(r"\band\b|\bby\b|[、と]")
_VERB = lazy_pattern(
    r"\b(?:is|are|was|were|must|may|can|should|goes?|gets?|costs?|lasts?|stays?|opens?|means?|makes?|takes?|has|have|had|needs?|comes?|covers?|measures?|ends?|gone)\b"
)
_SUBJECT = lazy_pattern(rf"^[^。、]*?[はが]、?(?=.)|^.*?{_VERB.pattern} ")
_SYNTAX = lazy_pattern("[;|!]")  # of key points
_MONEY_UNITS = frozenset(("yen", "dollar", "euro", "pound", "cent"))
_TIME_UNITS = frozenset(("second", "minute", "hour", "day", "week", "month", "year"))
_CONTRACTION = lazy_pattern(r"\b\w+n['’]t\b|['’](?:s|re|ve|ll|d|m)\b")
_NAME = lazy_pattern(r"\b[A-Z][\w’'-]+(?: [A-Z][\w’'-]+)*")
_NAME_PAIR = lazy_pattern(rf"(?<=[a-z] )({_NAME.pattern}) and (?:the )?({_NAME.pattern})(?=[ .,;]|$)")
_PLACE_WORDS = frozenset((
    "port", "island", "street", "road", "hall", "house", "bridge", "park", "square", "room", "gate", "tower",
    "lake", "river", "hill", "station", "church", "school", "market", "bay", "beach", "cove", "centre", "center",
    "club", "harbour", "harbor", "pier", "quay", "north", "south", "east", "west", "old", "new", "saint", "st",
    "mount", "lane",
))  # fmt: skip
_DAY = lazy_pattern(r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|[月火水木金土日]曜", re.IGNORECASE)
_RANGE = lazy_pattern(r"\b(?:from|to|until|through)\b|から|まで")
_LIST = lazy_pattern(
    r"(?:(?:the |an? )?[\w’'-]+(?: [\w’'-]+){0,2}, )*(?:the |an? )?[\w’'-]+(?: [\w’'-]+){0,2},? and (?:the |an? )?[\w’'-]+(?: [\w’'-]+){0,2}",
    re.IGNORECASE,
)
_JA_LIST = lazy_pattern(rf"(?<=[{_KANJI}\u30a1-\u30fcさねみ])と、?(?=[^\u3041-\u3096]|[\u3041-\u3096]{{2,}}[{_KANJI}])")
_JA_WORD = lazy_pattern(
    rf"[\u30a1-\u30fa\u30fc]{{2,}}|[{_KANJI}]{{2,}}|[{_KANJI}][\u3041-\u3096]?|[\u3041-\u3096]{{3,}}"
)
_JA_BEFORE = lazy_pattern(
    "^(?:とは|では|には|からは|から|まで|より|それぞれ|および|または|です|ます|ません|して|した|する|その|この|あと|もう|すぐ|[はがをにのともでへや])+"
)
_JA_AFTER = lazy_pattern(
    "(?:とします|とする|になります|となります|であること|である|でした|ません|ましょう|ください|です|します|する|した|して|あります|います|ます"
    "|ある|いる|だけ|とは|では|には|から|まで|より|ので|こと|とき|なら|たら|れば|[はがをにのともでへやてたいくうるすだ])+$"
)
# Words that carry no answer of their own.
_LIGHT = frozenset((
    "put", "most", "least", "pay", "pays", "cost", "costs", "price", "gone", "goes", "got", "comes", "came",
    "done", "taken", "brought", "bring", "over", "out", "off", "back", "up", "down", "away", "along", "lets",
    "gets", "used", "own", "really", "simply", "day", "days", "somebody", "someone", "person", "people", "kept",
    "or", "and", "yet", "stays", "stay", "makes", "made", "never", "nobody", "nothing", "without", "neither", "cannot", "cant",
    "なり", "はなり", "なっ", "になっ", "のところ", "ころ", "でき", "あり", "はあり", "すぐ", "さん", "自分", "側", "人", "場合", "中", "前", "後",
    "時", "日", "方", "所", "間", "必", "ください", "その", "この", "これ", "それ", "ところ", "ます", "です", "ません",
))  # fmt: skip
_AGE = lazy_pattern(r"[\d\w] years?$", re.IGNORECASE)
_FREE = lazy_pattern(
    r"\b(?:nothing(?! to)|free|no charge|without charge)\b|無料|ただ(?:です|で)|タダ|[^0-9]0円", re.IGNORECASE
)
_FREE_EN = "nothing|free|no charge|not charged|won't be charged|without charge|no cost|£0|€0|$0"
_FREE_JA = "無料|ただ|タダ|かかりません|かからない|いりません|0円"
_SAME_COUNTERS = {"人": "名", "名": "人"}


def suggest_points(answer: str, fact: str, question: str = "", kind: str = "", others: tuple[str, ...] = ()) -> str:
    """What a right answer must say, in the syntax of `normalise.parse_key_points`; '' for the kind `not_stated`.

    The figures that the question asks for, each with its unit; else the words of the answer that the question does not
    have, any of which will do. Where the question asks whether something is so, the verdict does as well, and the
    opposite must not be said. `fact` is what the answer stands on, `others` are the spec's other facts: a word that
    many of them have tells nothing.
    """
    if kind == "not_stated" or not answer.strip():
        return ""
    answer = answer[:MAX_ANSWER_CHARACTERS]
    text = _IN_BRACKETS.sub("", answer).strip() or answer
    if concluded := negation.read_conclusion(text):  # a wrong answer has its reasons, too
        return f"{concluded} ; !{_OPPOSITE[concluded]}"
    cell = "" if kind in ("combined", "false_premise") else find_asked_cell(text, question)
    if cell and not _SYNTAX.search(cell):
        return _make_points_of_cell(cell)
    given = _VERDICT.match(text)
    asks = Question(question)
    verdict = _find_verdict(text, asks, kind)
    told = (text[given.end() :] if given else "") or text
    points = _PointMaker(told, fact, asks, _find_topics(others)).make(verdict, kind)
    return " ; ".join([*(points or [verdict] * bool(verdict)), *([f"!{_OPPOSITE[verdict]}"] if verdict else [])])


def _make_points_of_cell(cell: str) -> str:
    """All figures of a table's cell; without any, its words, any of which will do, or in Japanese the whole of it."""
    figures = [one for one in map(_read_figure, list_figures(cell)) if one.number][:MAX_POINTS]
    words = "|".join(_list_english_words(cell)[:MAX_WORDS]) if cell.isascii() else cell
    return " ; ".join(map(_format_figure, figures)) or words or cell


@lru_cache(maxsize=4096)  # the rows of a page are looked at several times while they are chosen
def gives_answer_away(question: str, answer: str) -> bool:
    """Whether a question has all that its answer says, or a figure of the kind that it asks for."""
    asks = Question(question)
    answer = answer[:MAX_ANSWER_CHARACTERS]
    if answer.casefold().strip(" .!。") in question.casefold():
        return True
    if any(one.number in asks.numbers and one.kind in asks.kinds for one in map(_read_figure, list_figures(answer))):
        return True
    return not _PointMaker(answer, answer, asks, frozenset()).tells_new()


@lru_cache(maxsize=64)  # the facts of a spec, for each of its rows
def _find_topics(facts: tuple[str, ...]) -> frozenset[str]:
    """Stems of words that many facts have."""
    counts = Counter(stem for fact in facts for stem in clauses.extract_content_words(normalise(fact)))
    least = max(MIN_TOPIC_FACTS, TOPIC_SHARE * len(facts))
    return frozenset(stem for stem, count in counts.items() if count >= least)


def _find_verdict(text: str, asks: Question, kind: str) -> str:
    """'yes' or 'no', where the question asks whether something is so, or supposes what is not so."""
    given = _VERDICT.match(text)
    if not (given or asks.whether or kind == "false_premise") or asks.is_negative:
        return ""
    found = negation.read_verdict(text)
    return found if given or found == NO else ""


@dataclass(frozen=True, slots=True)
class _Figure:
    """A figure with its unit as the answer has it, its number in digits, and what it measures."""

    text: str
    number: str
    kind: str
    is_plain: bool  # whether it counts, without a unit that measures


class _PointMaker:
    """Makes the points of one answer, from which its verdict was taken."""

    def __init__(self, text: str, fact: str, asks: Question, topics: frozenset[str]) -> None:
        self._text, self._fact, self._asks, self._topics = text, normalise(fact), asks, topics
        self._fact_stems = clauses.extract_content_words(self._fact)
        text = _CONTRAST.sub("", text) or text
        self._sentences = _split_conclusions(text)

    def make(self, verdict: str, kind: str) -> list[str]:
        """The points, the most important first, for an answer with this verdict."""
        things = self._asks.things
        if verdict == NO and kind == "false_premise":
            return ["|".join([NO, *self._list_reason()])]
        if MONEY in self._asks.kinds and (free := _FREE.search(self._text)) and not self._find_asked_figures():
            return [_FREE_JA if not free[0].isascii() else _FREE_EN]
        if figures := self._find_asked_figures() if self._asks.kinds else []:
            points = list(map(_format_figure, figures))
            parts = self._make_parts(max(0, things - len(figures)), figures)
            if kind == "combined" and things < 2 and not verdict:
                parts = self._make_parts(1, figures, within=True)
            return [*points, *parts][:MAX_POINTS]
        if verdict and not (verdict == YES and (self._asks.asks_something or _IF.match(self._text))):
            others = self._make_parts(things, [], skipped=1)
            return ["|".join([verdict, *self._list_reason()]), *others][:MAX_POINTS]
        least = 2 if kind == "combined" and self._asks.asks_each else 1
        return self._make_parts(max(things, least), [])[:MAX_POINTS] or self._fall_back()

    def tells_new(self) -> bool:
        """Whether the answer has figures or words that the question does not have."""
        is_free = _FREE.search(self._text) and not _FREE.search(self._asks.text)
        return bool(is_free or self._list_new_figures(self._text) or self._list_words(self._text))

    def _find_asked_figures(self) -> list[_Figure]:
        asks = self._asks
        for text in (*self._sentences, self._text):
            new = self._list_new_figures(_strip_conditions(text))
            wanted = [figure for figure in new if figure.kind in asks.kinds] or (new if COUNT in asks.kinds else [])
            if not wanted:
                continue
            if asks.asks_range:
                return new
            if asks.asks_sum and (sum_of := _SUM.search(text)):
                after = [figure for figure in wanted if figure.text in text[sum_of.end() :]]
                wanted = (
                    [*after[:1], *(figure for figure in wanted if figure.text[-1] != after[0].text[-1])]
                    if after
                    else wanted
                )
            same = [figure for figure in wanted if asks.counter and figure.text.endswith(asks.counter)]
            plain = [figure for figure in wanted if asks.asks_many and figure.is_plain]
            return (same if asks.things < 2 else []) or plain or wanted
        return []

    def _list_new_figures(self, text: str) -> list[_Figure]:
        found = [_read_figure(figure) for figure in list_figures(text)]
        new = [figure for figure in found if figure.number and figure.number not in self._asks.numbers]
        if not self._asks.asks_name:
            new = [figure for figure in new if figure.text[-1] not in "番号"] or new
        return [figure for figure in new if figure.number != "1"] or new

    def _make_parts(self, count: int, used: Sequence[_Figure], skipped: int = 0, within: bool = False) -> list[str]:
        """The points of the first `count` parts that say anything new; in a sentence those first that have no used figure.

        `within`: only of the sentence that has a used figure, and only of parts without one.
        """
        points: list[str] = []
        made = 0
        for sentence in self._sentences:
            if within and not any(figure.text in sentence for figure in used):
                continue
            whole = _strip_conditions(sentence)
            parts = [part for part in (_PART.split(whole) if count > 1 or used or skipped else (whole,)) if part]
            free = [part for part in parts if not any(figure.text in part for figure in used)]
            for part in (free if within else free or parts)[skipped:]:
                if made < count and (new := self._make_part(part, used)):
                    points += new
                    made += 1
            skipped = max(0, skipped - len(parts))
        return points

    def _make_part(self, part: str, used: Sequence[_Figure]) -> list[str]:
        for figure in used:
            part = part.replace(figure.text, " ")
        figures = self._list_new_figures(part)
        if len(figures) > 1 and not _JOINED.search(part):
            figures = figures[:1]
        words = self._list_words(part)
        if figures:
            texts = list(map(_format_figure, figures))
            return texts if len(texts) > 1 or not words else ["|".join([*texts, *words])]
        if len(days := _DAY.findall(part)) > 1 and not _RANGE.search(part):
            return list(dict.fromkeys(days))
        return self._list_items(part) or (["|".join(self._list_predicate(part) or words)] if words else [])

    def _list_predicate(self, part: str) -> list[str]:
        """The new words after the verb: its subject only repeats what was asked, unless a person or thing is asked for."""
        verb = _VERB.search(part)
        if not verb or self._asks.asks_subject:
            return []
        return self._list_words(part[verb.end() :])

    def _list_items(self, part: str) -> list[str]:
        """A point for each thing of a list: nails, screws and sandpaper."""
        if _JAPANESE.search(part):
            sides = _JA_LIST.split(part)
        else:
            sides = re.split(r", (?:and )?| and ", part) if _LIST.fullmatch(part) else []
            if pair := _NAME_PAIR.search(part):
                sides = [f". {pair[1]}", f". {pair[2]}"]
        points = ["|".join(self._list_words(side)) for side in sides]
        return points if len(points) > 1 and all(points) else []

    def _list_reason(self) -> list[str]:
        """Words and figures of the whole answer, any of which tells that the asked one knows."""
        for text in (self._sentences[0] if self._sentences else "", self._text):
            figures = [_format_figure(figure) for figure in self._list_new_figures(text)]
            if found := [*figures, *self._list_words(text)]:
                return list(dict.fromkeys(found))[:MAX_WORDS]
        return []

    def _list_words(self, text: str) -> list[str]:
        """The words of a text that the question does not have, names first; without any, those that every text has."""
        for figure in list_figures(text):
            text = text.replace(figure, " ")
        words = _list_japanese_words(text) if _JAPANESE.search(text) else _list_english_words(text)
        new = list(dict.fromkeys(word for word in words if not self._asks.has(word)))
        heavy = [word for word in new if not _is_light(word)]
        telling = [word for word in heavy if clauses.stem(word.casefold()) not in self._topics]
        # Stable: names stay before other words.
        rest = [word for word in new if word.casefold() not in _LIGHT]
        return sorted(telling or heavy or rest, key=lambda word: not self._is_of_fact(word))[:MAX_WORDS]

    def _is_of_fact(self, word: str) -> bool:
        return clauses.stem(word.casefold()) in self._fact_stems if word.isascii() else word in self._fact

    def _fall_back(self) -> list[str]:
        """Points of an answer whose sentences repeat the question: what its conditions add; a yes; or all of its words.

        Any one of the words would also be in an answer that only repeats the question, or that refuses it.
        """
        if figures := self._list_new_figures(self._text):
            return list(map(_format_figure, figures))[:MAX_POINTS]
        if new := self._list_words(self._text):
            return ["|".join(new)]
        if self._asks.whether and not self._asks.is_negative and self._sentences:
            told = _SUBJECT.sub("", self._sentences[0], count=1)
            return ["|".join([YES, *([told] if not _SYNTAX.search(told) else [])]), f"!{NO}"]
        words = _list_japanese_words(self._text) if _JAPANESE.search(self._text) else _list_english_words(self._text)
        return list(dict.fromkeys(words))[:MAX_POINTS]


def _strip_conditions(text: str) -> str:
    """A sentence without the conditions that come first."""
    while (shorter := _CONDITION.sub("", text)) and shorter != text:
        text = shorter
    return text


def _split_conclusions(text: str) -> list[str]:
    """The sentences of an answer, and its reasons as sentences of their own; what it concludes ("…, so …") comes first."""
    found: list[str] = []
    at = 0
    for match in (*_SENTENCE.finditer(text), None):
        sentence = text[at : match.start() if match else len(text)].strip(" ,、。.:;!?")
        if sentence:
            # "A, so B" and 「Aので、B」 conclude B.
            concludes = _CONCLUDES.search(text[:at]) and not _REASON.search(text[:at])
            found.insert(0 if concludes else len(found), sentence)
        at = match.end() if match else at
    return found


def _is_light(word: str) -> bool:
    folded = word.casefold()
    if len(word) == 2 and all("\u3041" <= char <= "\u3096" for char in word):
        return True  # more often the end of a word than one
    return folded in _LIGHT or (clauses.stem(folded) in clauses.COMMON_STEMS)


def _list_english_words(text: str) -> list[str]:
    found = [match[0].split() for match in _NAME.finditer(text) if match.start()]
    names = [word for name in found for word in _list_own_words(name)]
    words = clauses.list_content_words(normalise(_CONTRACTION.sub("", text)))
    named = {word.casefold() for name in found for word in name}
    return list(dict.fromkeys([*names, *(word for word in words if word not in named)]))


def _list_own_words(name: Sequence[str]) -> list[str]:
    """The words of a name that no other place has: Ostrel of Ostrel Island."""
    return [word for word in name if word.casefold() not in _PLACE_WORDS] or list(name)


def _list_japanese_words(text: str) -> list[str]:
    quoted = re.findall("「([^「」]{2,20})」", text)
    words = list(quoted)
    for match in _JA_WORD.finditer(text):
        word = match[0]
        if "\u3041" <= word[0] <= "\u3096":
            # Where a particle ends and a word begins is not known: はだし, は + だし.
            ends = (_JA_AFTER.sub("", word), _JA_AFTER.sub("", _JA_BEFORE.sub("", word)))
            words += [one for one in dict.fromkeys(ends) if len(one) > 1]
        elif len(word) == 2 and word[1] in "はがをにのともでへやだ":
            words.append(word[0])
        elif len(word) == 2 and "\u3041" <= word[1] <= "\u3096" and word[0] not in clauses.COMMON_STEMS:
            words.append(word[0])  # of a verb, whose endings differ: 閉め, 閉まり
        else:
            words.append(word)
    return list(dict.fromkeys(words))


def _read_figure(text: str) -> _Figure:
    normal = quantities.normalise_quantities(normalise(quantities.spell_out(text)))
    if match := re.search(r"\d+h\d\d", normal):
        return _Figure(text, match[0], CLOCK, False)
    if match := quantities.QUANTITY.search(normal):
        unit = match[2]
        kind = MONEY if unit in _MONEY_UNITS else TIME if unit in _TIME_UNITS else COUNT
        return _Figure(text, match[1], kind, False)
    number = re.search(r"\d+(?:[./]\d+)*", normal)
    return _Figure(text, number[0] if number else "", COUNT, True)


def _format_figure(figure: _Figure) -> str:
    """A figure as a key point, with what else may be written for it."""
    text = figure.text.strip()
    if figure.kind == CLOCK:
        hour, minute = map(int, figure.number.split("h"))
        return f"{text}|{hour - 12}:{minute:02}" if hour > 12 else text
    if _AGE.search(text):
        return f"{text}|{figure.number}"
    other = _SAME_COUNTERS.get(text[-1])
    return f"{text}|{text[:-1]}{other}" if other else text
