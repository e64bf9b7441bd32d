"""Reads questions and answers from texts without a table: “Q: …” and “A: …”, or headings that ask, with their answers below."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from core.checks import LINE_LIMIT, problem, too_long
from core.formats.csv_parser import TableRecord, encoding_problem, is_invalid_utf8, join_lines
from core.formats.encoded_text_lines import FileLine
from core.formats.encoded_text_stream import split_lines
from core.formats.forms.losses import format_loss
from core.language import tr

HEAD = ["question", "answer"]
MIN_SHARE = 0.5  # of the words of a text that must be below headings that ask
_LABELS = {
    "question": "q question questions 質問 問 問い 問題 設問 问 问题 提问 frage pregunta domanda pergunta вопрос 질문",
    "answer": "a answer answers 回答 答 答え 解答 答案 antwort respuesta risposta resposta ответ 답변 답",
}
_FIELD_BY_LABEL = {label: field for field, labels in _LABELS.items() for label in labels.split()}
# A list's or a heading's mark, bold, the label with a number, and a colon or what people write instead.
_LABEL = re.compile(
    r"\s{0,8}(?:[-*+>]\s+)?(?:#{1,6}\s+)?(?:\*\*|__)?[\[【]?([^\W\d_]{1,12})\s?([0-9]{0,5})"
    r"(?:[\]】]\s?[:.]?|\s?[:.)]|(?<=[0-9])(?=\s))(?:\*\*|__)?"
)
_FIRST_OPTION, _SECOND_OPTION = re.compile(r"\s*A[.)]"), re.compile(r"\s*B[.)]\s*\S")  # of a multiple choice question
_HEADING = re.compile(r"(#{1,6})\s+(\S.*)")
_MAX_LABEL = 40  # characters of a line in which its label stands


class _Open(NamedTuple):
    """A question that is being read, with the lines of its parts."""

    lines: list[FileLine]
    question: list[str]
    answer: list[str] | None
    level: int  # of its heading; 0 for a label
    options: str = ""  # the line that may be an answer, or the first option of the question


def iterate_records(lines: Iterable[FileLine]) -> Iterator[TableRecord]:
    """Yield a record with the head, then one for each question with its answer; other text is skipped."""
    first = FileLine(1, 0, b"", 0)
    yield TableRecord(first, HEAD, is_head=True)
    current: _Open | None = None
    for line in lines:
        text = line.raw.decode(errors="replace").rstrip("\r\n") if line.length <= LINE_LIMIT else ""
        label, rest = _split_label(text)
        heading = _HEADING.fullmatch(text) if not label else None
        if label == "question" or (heading and _asks(_title(heading))):
            yield from _close(current)
            title, level = (_title(heading), len(heading[1])) if heading else (rest, 0)
            current = _Open([line], [title], [] if level else None, level)
        elif label == "answer" and (current is None or not current.level):
            if current is None or current.answer is not None:
                yield from _close(current)
                current = _Open([line], [], None, 0)
            current = current._replace(answer=[rest], options=text if _FIRST_OPTION.match(text) else "")
            current.lines.append(line)
        elif current and current.options and _SECOND_OPTION.match(text):
            current.lines.append(line)
            asked = [*current.question, current.options, *(current.answer or [])[1:], text]
            current = current._replace(question=asked, answer=None, options="")
        elif heading and current and (not current.level or len(heading[1]) <= current.level):
            yield from _close(current)
            current = None
        elif current and line.offset - current.lines[0].offset > LINE_LIMIT:
            current.lines[-1] = line._replace(raw=b"")  # told as too long: its text is not kept
        elif current:
            current.lines.append(line)
            (current.question if current.answer is None else current.answer).append(text)
    yield from _close(current)


def _join(part: list[str]) -> str:
    """The lines of a part, without a line drawn below it."""
    lines = list(part)
    while lines and _is_rule(lines[-1]):
        lines.pop()
    return "\n".join(lines).strip()


def _is_rule(line: str) -> bool:
    characters = "".join(line.split())
    return not characters or (len(characters) > 2 and len(set(characters)) == 1 and characters[0] in "-*_=")


def looks_like_questions(text: str, is_named: bool) -> bool:
    """Whether a text has questions and answers: with labels, or most of it below headings that ask.

    `is_named`: its name says that it is Markdown; else one heading that asks is not enough.
    """
    records = list(iterate_records(split_lines([text.encode("utf-8", "replace")])))[1:]
    sound = [record for record in records if record.problem is None]
    if not sound or 2 * len(sound) < len(records):
        return False
    if _split_label(sound[0].line.raw.decode(errors="replace"))[0]:
        return True
    return (is_named or len(sound) > 1) and count_words(records) >= MIN_SHARE * len(text.split())


def count_words(records: Iterable[TableRecord]) -> int:
    """How many words of the text the records hold."""
    return sum(len(record.line.raw.split()) for record in records)


def _split_label(text: str) -> tuple[str, str]:
    """The field that a line's label names, and the text after it; '' and the text itself without a label."""
    start = unicodedata.normalize("NFKC", text[:_MAX_LABEL])
    match = _LABEL.match(start)
    field = _FIELD_BY_LABEL.get(match[1].casefold(), "") if match else ""
    if not match or not field:
        return "", text
    # The label can be shorter or longer once it is normalised: its length is found in the text itself.
    length = next(
        (
            n
            for n in range(1, len(text[:_MAX_LABEL]) + 1)
            if len(unicodedata.normalize("NFKC", text[:n])) >= match.end()
        ),
        0,
    )
    rest = text[length:].strip()
    return field, rest.removesuffix("**").rstrip() if rest.count("**") == 1 else rest


def _title(heading: re.Match[str]) -> str:
    return heading[2].rstrip("# \t")


def _asks(heading: str) -> bool:
    return heading.rstrip("*_ ").endswith(("?", "？"))


def _close(current: _Open | None) -> Iterator[TableRecord]:
    if current is None:
        return
    line = join_lines(current.lines)
    question, answer = _join(current.question), _join(current.answer or [])
    cells = [question, answer]
    if line.length > LINE_LIMIT:
        yield TableRecord(line, [], too_long(line.length))
    elif is_invalid_utf8(line.raw):
        yield TableRecord(line, [], encoding_problem())
    elif all(cells):
        yield TableRecord(line, cells)
    else:
        what = format_loss("no-answer" if question else "no-question")
        yield TableRecord(line, [], problem("form-unsupported", "", tr("It has {what}.", what=what)))
