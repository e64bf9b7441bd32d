"""Exports conversations: as Markdown to read, and as JSON Lines in the format of training rows."""

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from core.chat import conversations
from core.chat.conversations import ChatAnswer, ConversationThread
from core.checks.json_positions import dumps
from core.exam.prompt_conditions import CONDITIONS
from core.formats.output_files import replace_file
from core.language import tr

_MARKDOWN_CHARACTERS = re.compile(r"([\\`*_{}\[\]<>#|~])")


def to_markdown(thread: ConversationThread, leaf: int, title_of: Callable[[str], str] = str) -> str:
    """One branch with all answers as Markdown; `title_of` returns a provider's title. Texts are quoted unchanged."""
    day = time.strftime("%Y-%m-%d %H:%M", time.localtime(thread.conversation.created_at))
    lines = [f"# {_escape_line(thread.conversation.title)}", "", day, ""]
    for number, turn in enumerate(thread.path(leaf), 1):
        lines += [f"## {tr('Question {number}', number=number)}", "", *_quote_lines(turn.text), ""]
        for answer in (one for one in thread.answers if one.turn == turn.id):
            lines += _format_answer(answer, title_of)
    return "\n".join(lines)


def _format_answer(answer: ChatAnswer, title_of: Callable[[str], str]) -> Iterator[str]:
    pane = answer.pane
    title = CONDITIONS[pane.condition].title() if pane.condition in CONDITIONS else pane.condition
    parts = [title_of(pane.provider), pane.model, title]
    parts += [tr("Sample {number}", number=answer.sample + 1)] if answer.sample else []
    yield f"### {_escape_line(' · '.join(parts))}"
    yield ""
    yield from _quote_lines(answer.text)
    yield ""
    parts_reported = [answer.reported, answer.fingerprint, tr("{seconds} s", seconds=f"{answer.seconds:.1f}")]
    if not answer.complete:
        parts_reported.append(tr("incomplete"))
    yield _escape_line(" · ".join(part for part in parts_reported if part))
    yield ""
    if answer.mark is not None or answer.note:
        mark = "" if answer.mark is None else f"{answer.mark}/100"
        yield tr("Mark: {mark}", mark=_escape_line(" – ".join(part for part in (mark, answer.note) if part)))
        yield ""
    for one in answer.passages:
        yield f"- {_escape_line(one.passage.heading or one.passage.text)}"
    if answer.passages:
        yield ""


def _quote_lines(text: str) -> list[str]:
    return [f"> {line}".rstrip() for line in text.splitlines()] or [">"]


def _escape_line(text: str) -> str:
    """On one line, with Markdown's own characters shown as they are."""
    return _MARKDOWN_CHARACTERS.sub(r"\\\1", " ".join(text.split()))


def to_jsonl(db: sqlite3.Connection, thread: ConversationThread, leaf: int) -> str:
    """One line for each pane: the messages as they were sent to it last on this branch, and its answer."""
    lines: list[str] = []
    path = thread.path(leaf)
    numbers = {answer.pane.number for answer in thread.answers}
    for number in sorted(numbers):
        for turn in reversed(path):
            if answers := thread.answers_of(turn.id, number):
                messages = conversations.load_request(db, turn.id, number).get("messages", [])
                whole = [*messages, {"role": "assistant", "content": answers[0].text}]
                lines.append(f"{dumps({'messages': whole})}\n")
                break
    return "".join(lines)


def write_file(path: Path, text: str) -> None:
    """Write a file, whole or not at all. Raises `FormatError`."""
    with replace_file(path) as file:
        file.write(text.encode("utf-8", "replace"))
