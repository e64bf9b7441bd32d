"""Finds questions and answers in lists: `- How many? — Three.`, or a question with its answer on the lines below."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from core.language import tr
from core.lazy_loading import lazy_pattern
from core.replies.kind_headings import read_kind_line, split_kind
from core.replies.questions_in_fields import RawPair, is_question

_ITEM = lazy_pattern(
    r"(?:[・●■◆○][ \t　]*|(?:[-*+•]|[(（]?[0-9０-９]{1,4}[.)、])[ \t　]+|[(（]?[0-9０-９]{1,4}[．）、][ \t　]*)(?=\S)"
)
_BOLD = lazy_pattern(r"\*\*([^*]++)\*\*[ \t]*[:：]?[ \t]*")
_QUESTION_AND_ANSWER = lazy_pattern(
    r"([^?？]*[?？]|.*?か。?)(?:[ \t]*(?:[—–→⇒]|[-=]+>|[:：])[ \t]*|[ \t]+-{1,2}[ \t]+)(?=\S)"
)
_QUESTION_FIRST = lazy_pattern(r"[^?？]*[?？][ \t　]+(?=\S)")
_NUMBERED_LINE = lazy_pattern(r"^[ \t]*[(（]?[0-9０-９]{1,3}[.)．）][ \t　]", re.MULTILINE)

# A request in English begins with its verb; verbs that are also nouns or adjectives (“State parks”) need an object.
_ENGLISH_REQUEST = lazy_pattern(
    r"\W{0,4}(?:please[ ,]+)?(?:(?:explain|describe|define|calculate|compute|identify|summari[sz]e|compare|recite|recall|mention|"
    r"specify|tell|give|rephrase|paraphrase|enumerate|write|provide)[ ]+\w"
    r"|(?:state|name|list|quote|show|say|outline|complete|repeat|find|finish|fill)[ ]+(?:the|an?|all|any|each|every|both|how|what|"
    r"when|where|which|who|whom|whose|why|whether|if|in|one|two|three|four|five|its|his|her|their|this|that|these|those|me|us|"
    r"your|some|[0-9]+)\b)",
    re.IGNORECASE,
)
_JAPANESE_REQUEST = lazy_pattern(
    r"(?:(?:くだ|下)さい|なさい|せよ|[べえげめ]よ|示せ|[てで]ほしい)[。．.!！*」』\")）\s]*$"
)
_SENTENCE_END = lazy_pattern(r"[.。．!！][*_\"”」』)）]{0,3}$")
_INNER_SENTENCE_END = lazy_pattern(r"[.!?][ \t]+\S|[。！？](?=[^\s*_\"”」』)）])")
_SEPARATOR = lazy_pattern(
    r"[ \t]*(?P<arrow>[→⇒]|[-=]{1,3}>)[ \t]*(?=\S)|[ \t]*(?!(?<=\d)[—–:：]\d)[—–:：][ \t]*(?=\S)|[ \t]+-{1,2}[ \t]+(?=\S)"
)
_ANNOUNCED = (":", "：")  # an answer that ends so goes on in the list below it
MAX_ENTRY_CHARACTERS = 1000  # of a line that are searched for a question and its answer
MAX_REQUEST_CHARACTERS = 300  # of a request without a question mark


class _Level(NamedTuple):
    """Where a line stands in a list: its bullet ('1' for any number, '' for none), and the columns before it."""

    bullet: str
    indent: int


class _Request(NamedTuple):
    """A request at the start of a line, and the answer after it on the line, '' where there is none.

    `is_sure`: the request is a whole sentence before its answer; an instruction such as `Name the machine: …` is not.
    """

    question: str
    answer: str
    is_sure: bool


@dataclass(slots=True)
class _Row:
    """A question of the list and the lines of its answer; `is_unclear` where it cannot be told what belongs to it."""

    question: str
    kind: str
    level: _Level
    lines: list[str] = field(default_factory=list)
    is_inline: bool = False  # the answer begins on the line of the question
    is_bulleted: bool = False  # the answer begins with an item beside the question's
    is_unclear: bool = False

    def build_raw_pair(self) -> RawPair:
        answer = "\n".join(self.lines)
        unclear = tr("It is unclear whether this is a question of its own or part of an answer.")
        reason = unclear if self.is_unclear else explain_run_on(answer)
        return RawPair(self.question, answer, self.kind, "", reason)


def explain_run_on(answer: str) -> str:
    """Why an answer cannot be used that goes on into a numbered line, in a translated sentence; '' where it does not."""
    return tr("The answer holds a numbered line: it may be the next question.") if _NUMBERED_LINE.search(answer) else ""


def find_list_pairs(text: str) -> list[RawPair]:
    """The pairs of a list such as `- How many? — Three.`, or of questions with answers on the lines below.

    A request (`- State the rule. — The ball is round.`) is a question, too. Where it may as well be a part of the answer
    before, or has no answer, it comes with a `reason`.
    """
    return _ListReader(text.split("\n")).read()


def is_entry(line: str) -> bool:
    """Whether an item of a list, without its kind, asks: a question, or a request."""
    item = _ITEM.match(line)
    return bool(item and (_split_entry(line)[0] or _read_request(line[item.end() :])))


class _ListReader:
    """Reads a list line by line. `_row` is the question whose answer is being read, `_level` that of the last one."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._pairs: list[RawPair] = []
        self._row: _Row | None = None
        self._level: _Level | None = None
        self._heading = ""  # the kind of the rows below it
        self._has_inline_answers = False

    def read(self) -> list[RawPair]:
        for at, line in enumerate(self._lines):
            if not line.strip():
                self._read_blank_line()
            elif named := read_kind_line(line.strip()):
                self._close()
                self._heading, self._level = named, None
            else:
                self._read_line(at, line)
        self._close()
        return self._pairs

    def _read_blank_line(self) -> None:
        if self._row and self._row.lines and not self._row.lines[-1].endswith(_ANNOUNCED):
            self._close()

    def _read_line(self, at: int, line: str) -> None:
        own, rest = split_kind(line.strip())
        level = _get_level(line, rest)
        question, answer = _split_entry(rest, bool(own))
        request = None if own else _read_request(_ITEM.sub("", rest, count=1), bool(level.bullet))
        if request and not (question and answer):
            self._read_request_line(at, level, request, line)
        elif question:
            self._open(question, answer, own, level)
        elif self._row:
            self._add_to_answer(line, level)

    def _read_request_line(self, at: int, level: _Level, request: _Request, line: str) -> None:
        part = self._sort_request(at, level, request)
        if part == "row":
            self._open(request.question, request.answer, "", level)
        elif part == "refused":
            self._open(request.question, request.answer, "", level, is_unclear=True)
        elif self._row:
            self._row.is_unclear |= part == "unclear"
            self._add_to_answer(line, level)

    def _sort_request(self, at: int, level: _Level, request: _Request) -> str:
        """What a request is: a 'row', a part of the 'answer' being read, or one of both.

        'refused': it cannot be told, but the row before has its answer. 'unclear': that row may be none, either.
        """
        row = self._row
        if row is None:
            return "refused" if self._level and level.indent > self._level.indent else "row"
        if row.lines and row.lines[-1].endswith(_ANNOUNCED):
            return "answer"
        if level != row.level:
            is_beside = level.indent <= row.level.indent and bool(level.bullet)
            return "refused" if is_beside and row.is_inline and request.answer and request.is_sure else "answer"
        if request.answer and (request.is_sure or row.is_inline or (not row.lines and self._has_inline_answers)):
            return "row"
        if not row.lines or row.is_bulleted:
            # Bullets beside the question: its answer, or every other one is a question.
            is_every_other = len(row.lines) == 1 and self._is_answer_beside(at, level)
            return "unclear" if request.answer or is_every_other else "answer"
        return "row" if request.answer or self._is_answer_below(at, level, request) else "refused"

    def _is_answer_beside(self, at: int, level: _Level) -> bool:
        """Whether the next line is an item beside this one that asks nothing."""
        following = self._get_next_line(at)
        return bool(following) and _get_level(following, following.strip()) == level and not is_entry(following.strip())

    def _is_answer_below(self, at: int, level: _Level, request: _Request) -> bool:
        following = self._get_next_line(at)
        below = _get_level(following, following.strip())
        if not following or below == level or _INNER_SENTENCE_END.search(request.question):
            return False
        is_answer = not is_entry(following.strip()) and not read_kind_line(following.strip())
        is_habit = level.bullet == "1" or bool(self._row and not self._row.is_inline)
        return is_answer and (below.indent > level.indent or is_habit)

    def _get_next_line(self, at: int) -> str:
        return next((line for line in self._lines[at + 1 : at + 3] if line.strip()), "")

    def _open(self, question: str, answer: str, kind: str, level: _Level, is_unclear: bool = False) -> None:
        self._close()
        self._level = level
        self._has_inline_answers |= bool(answer)
        lines = [answer] if answer else []
        self._row = _Row(question, kind or self._heading, level, lines, bool(answer), is_unclear=is_unclear)

    def _add_to_answer(self, line: str, level: _Level) -> None:
        assert self._row
        if not self._row.lines:
            self._row.is_bulleted = bool(level.bullet) and level == self._row.level
        self._row.lines.append(_strip_bullet(line.strip()))

    def _close(self) -> None:
        if self._row:
            self._pairs.append(self._row.build_raw_pair())
        self._row = None


def _get_level(line: str, text: str) -> _Level:
    """The level of a line whose `text` is without its kind."""
    item = _ITEM.match(text)
    bullet = item[0].strip() if item else "**" if _BOLD.match(text) else ""
    indent = len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip())
    return _Level("1" if item and any(char.isdigit() for char in bullet) else bullet, indent)


def _read_request(text: str, is_item: bool = True) -> _Request | None:
    """The request at the start of a line without its bullet; without one it has to be a sentence before its answer."""
    bold = _BOLD.match(text)
    if bold and _is_request(bold[1]) and not bold[1].rstrip().endswith(_ANNOUNCED):
        question, answer = _ITEM.sub("", bold[1].strip(), count=1), text[bold.end() :].lstrip("—–-→:： ").strip()
        return _Request(question, _strip_bullet(answer), bool(_SENTENCE_END.search(question)))
    for found in _SEPARATOR.finditer(text[:MAX_ENTRY_CHARACTERS]):
        question = text[: found.start()].strip()
        if _is_request(question):
            is_sentence = bool(_SENTENCE_END.search(question))
            request = _Request(question, text[found.end() :].strip(), is_sentence or bool(found["arrow"]))
            return request if is_item or is_sentence else None
        if _ENGLISH_REQUEST.match(text):
            break
    return _Request(text.strip(), "", False) if is_item and _is_request(text) else None


def _is_request(text: str) -> bool:
    if len(text) > MAX_REQUEST_CHARACTERS or text.rstrip(" *_").endswith(("?", "？")):
        return False
    return bool(_ENGLISH_REQUEST.match(text) or _JAPANESE_REQUEST.search(text[-20:]))


def _split_entry(line: str, has_kind: bool = False) -> tuple[str, str]:
    """A line's question and the answer after it; '' for both where the line is no question of a list.

    An item with a kind before it is one, also as a request: `2. (statement) State the rule.`
    """
    item = _ITEM.match(line)
    inner = line[item.end() :] if item else line
    if (bold := _BOLD.match(inner)) and is_question(bold[1]):
        return _ITEM.sub("", bold[1].strip(), count=1), _strip_bullet(inner[bold.end() :].lstrip("—–-→:： ").strip())
    match = _QUESTION_AND_ANSWER.match(inner[:MAX_ENTRY_CHARACTERS])
    if not match and item:
        match = _QUESTION_FIRST.match(inner[:MAX_ENTRY_CHARACTERS])
    if match:
        return match[0].strip().rstrip("—–-→⇒=>:： \t　"), inner[match.end() :].strip()
    if has_kind and (request := _read_request(inner)):
        return request.question, request.answer
    return (inner.strip(), "") if item and (has_kind or is_question(inner)) else ("", "")


def _strip_bullet(line: str) -> str:
    """A line of an answer without the bullet or the arrow before it."""
    return re.sub(r"^(?:[-*+•・→⇒]|->)[ \t　]+", "", line)
