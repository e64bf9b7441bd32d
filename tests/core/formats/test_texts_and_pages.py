"""Questions and answers in texts and pages without a table of their own: read, or refused with the reason and the way out."""

from pathlib import Path
from typing import Any

import pytest

from core import formats
from core.checks import LINE_LIMIT
from core.errors import FormatError
from core.formats import clipboard_text
from core.formats.reading_options import ReadingOptions
from core.progress import Reporter
from tests.core.formats.test_files_as_people_bring_them import texts_of


def read(path: Path, text: str, name: str, **options: Any) -> list[formats.FileRow]:
    (path / name).write_text(text)
    return list(formats.read(path / name, Reporter(), ReadingOptions(**options)))


QUESTIONS: dict[str, tuple[str, list[list[str]]]] = {
    "labels": ("Q: q\nA: a\nb\n\nQ: r\nA: c\n", [["q", "a\nb"], ["r", "c"]]),
    "numbers": ("Q1. q\nmore\nA1. a\nQ2) r\nA2) b", [["q\nmore", "a"], ["r", "b"]]),
    "numbers alone": ("Q1 q\nA1 a", [["q", "a"]]),
    "bold": ("**Q:** q\n**A:** a\n\n**Q: r**\nA: b", [["q", "a"], ["r", "b"]]),
    "lists": ("- Question: q\n  Answer: a, b\n- Question: r\n  Answer: c", [["q", "a, b"], ["r", "c"]]),
    "full width": ("Ｑ：何？\nＡ：これ。\n質問２：なぜ\n回答２：だから", [["何？", "これ。"], ["なぜ", "だから"]]),
    "lines between": ("Q: q\nA: a\n\n---\n\nQ: r\nA: b\n- c\n* * *\n", [["q", "a"], ["r", "b\n- c"]]),
    "brackets": ("【質問】何\n【回答】これ\n", [["何", "これ"]]),
    "other languages": ("Frage: q\nAntwort: a\n\n问：何\n答：是", [["q", "a"], ["何", "是"]]),
    "options": ("Q: Which?\nA. red\nB. blue\nAnswer: A\nQ: r\nA: b", [["Which?\nA. red\nB. blue", "A"], ["r", "b"]]),
}


@pytest.mark.parametrize("case", QUESTIONS)
def test_questions_with_labels_are_read(tmp_path: Path, case: str) -> None:
    text, pairs = QUESTIONS[case]
    for name in ("t.txt", "t.md"):
        assert [texts_of(row) for row in read(tmp_path, text, name)] == pairs
    found = clipboard_text.detect_pasted(text)
    assert found is not None
    assert found.format == "questions"


def test_headings_that_ask_are_read_and_the_rest_is_said(tmp_path: Path) -> None:
    text = "# FAQ\nHello\n## What is it?\nA thing.\n\n- small\n### Detail\nmore\n## Contact\nmail\n## Where？\nHere."
    rows = read(tmp_path, text, "t.md")
    assert [texts_of(row) for row in rows] == [
        ["What is it?", "A thing.\n\n- small\n### Detail\nmore"],
        ["Where？", "Here."],
    ]
    assert rows[1].line.number == 11
    said = formats.describe_reading(formats.detect(tmp_path / "t.md"))
    assert said == ["Text outside of questions and answers was left out."]


def test_half_a_pair_goes_to_the_quarantine(tmp_path: Path) -> None:
    first, half = read(tmp_path, "Q: q\nA: a\nQ: alone\n", "t.txt")
    assert (texts_of(first), half.line.number, half.text) == (["q", "a"], 3, None)
    assert half.problems[0].message == "It has a question without an answer."


@pytest.mark.parametrize(
    ("name", "text"), [("t.md", "# Gates\n\nThe gate opens at six.\n"), ("t.html", "<html><p>The gate.</p></html>")]
)
def test_a_text_without_rows_says_why(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(FormatError, match="Read it into the spec"):
        read(tmp_path, text, name)


@pytest.mark.parametrize(
    "text", ["Quick: a\nAnd: b\n", "Q and A\nnothing", "Dear all,\nA: one\nB: two\n", "question,answer\nQ: x,A: y\n"]
)
def test_other_texts_are_not_taken_for_questions(text: str) -> None:
    found = clipboard_text.detect_pasted(text)
    assert found is None or found.format != "questions"


def test_a_question_without_an_end_is_too_long(tmp_path: Path) -> None:
    first, long = read(tmp_path, "Q: q\nA: a\nQ: r\nA: b\n" + ("x" * 1023 + "\n") * (17 * 1024), "t.txt")
    assert (texts_of(first), long.text) == (["q", "a"], None)
    assert (long.problems[0].rule, long.line.length > LINE_LIMIT) == ("too-long", True)


def test_a_hostile_text_takes_no_longer_than_its_length() -> None:
    """Each would take minutes with a pattern that tries every split."""
    for text in (
        "## a " + "#" * 200_000 + " x",
        "Q: a\nA: b\n" + "- " * 100_000 + "x",
        "Q" + " " * 200_000,
        "<table" + " a" * 100_000,
    ):
        assert clipboard_text.detect_pasted(text) is None or text.startswith("Q: a")


PAGE = """<!DOCTYPE html><html><head><style>td {}</style></head><body><table><tr><td>Home</td></tr></table>
<table><thead><tr><th>Question</th><th>Answer</th></tr></thead><tbody>
<tr><td rowspan=2>What &amp; why?<br>Now</td><td>  It
is <b>so</b>.<script>x</script> </td></tr><tr><td>B</td></tr>
<tr><td colspan="2">all</td></tr><tr><td>1</td><td>2</td><td>3</td></tr><tr></tr></table></body></html>"""


def test_the_tables_of_a_page_are_read(tmp_path: Path) -> None:
    rows = read(tmp_path, PAGE, "t.html")
    assert [texts_of(row) for row in rows[:2]] == [["What & why?\nNow", "It is so."], ["What & why?\nNow", "B"]]
    assert [problem.rule for problem in rows[2].problems] == ["content-empty"]
    assert [problem.rule for problem in rows[3].problems] == ["cells-count"]
    assert "1 other table was left out." in formats.describe_reading(formats.detect(tmp_path / "t.html"))
    assert (
        len(
            read(
                tmp_path,
                f"<div>{'x' * 300_000}</div>{PAGE}".replace("<!DOCTYPE html>", "<!DOCTYPE html>" + " " * 300_000),
                "t.htm",
            )
        )
        == 4
    )
    with pytest.raises(FormatError, match="user=colour,assistant=shade"):
        read(tmp_path, "<table><tr><th>colour<th>shade<tr><td>red<td>dark</table>", "t.html")
    with pytest.raises(FormatError, match="million cells"):
        read(tmp_path, "<table>" + "<tr><td colspan=1000>x" * 6000 + "</table>", "t.html")
    wide = "<table><tr>" + "<td colspan=999999 rowspan=99999>x" * 50 + "</table>"
    with pytest.raises(FormatError):
        read(tmp_path, wide, "t.html")
