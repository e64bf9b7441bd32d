"""Files of rows in several encodings, and what is read and checked of one."""

from collections import Counter
from pathlib import Path

from core.formats import jsonl
from core.formats.check_file import check_lines
from core.progress import Reporter

GOOD = '{"messages": [{"role": "user", "content": "返品は？"}, {"role": "assistant", "content": "表のとおりです。"}]}'
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "cp932"]


def texts(path: Path) -> list[str | None]:
    """The text of each row; None where a line cannot be read."""
    return [row.text for row in jsonl.read(path, Reporter())]


def rules(path: Path) -> Counter[str]:
    """How often each rule is broken."""
    return Counter(problem.rule for _number, problem in check_lines(path, Reporter()))


def chat_row(question: str, answer: str) -> str:
    """A row of one question and its answer, as one line."""
    return jsonl.new_row("", question, answer)
