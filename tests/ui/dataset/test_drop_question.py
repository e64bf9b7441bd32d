"""A file of questions and answers that is dropped over the spec: asked what it is to become."""

import pytest
from PySide6.QtWidgets import QMessageBox

from tests.support.until import until
from ui.dataset.drop_question import holds_rows
from ui.dataset.import_dialog import ImportDialog
from ui.spec.document_import_dialog import DocumentImportDialog

TABLE = "| 質問 | 回答 |\n|---|---|\n| 何時に開きますか。 | 6時です。 |\n"
PROSE = "# Pool\n\nThe pool opens at six. It closes, at nine.\n\n| Day | Hours |\n|---|---|\n| Monday | 6 to 8 |\n"


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("a.md", TABLE, True),
        ("a.md", PROSE, False),
        ("a.txt", "question,answer\nWhen?,At six.\n", True),
        ("a.txt", "The pool opens at six, daily.\nDogs may come, too.\n", False),
        ("a.txt", '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n', True),
        ("a.txt", "", False),
        ("a.md", "Just a sentence.\n", False),
        ("a.txt", "Just a sentence.\nAnd another one.\n", False),
        ("a.txt", "[1] is a footnote.\n", False),
        ("a.txt", "Q: When?\nA: At six.\n", True),
        ("a.md", "# Pool\n\n## When?\n\nAt six.\n\n## Where?\n\nIn the park.\n", True),
        (
            "a.md",
            "# Pool\n\nThe pool has many rules for all.\n\n## Why?\n\nSafety.\n\n## More\n\nDogs may come.\n",
            False,
        ),
        ("a.html", "<table><tr><th>Question<th>Answer<tr><td>When?<td>At six.</table>", True),
        ("a.html", "<html><body><p>The pool opens at six.</p></body></html>", False),
    ],
)
def test_what_holds_rows(run, tmp_path, name, text, wanted):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert run(holds_rows(path)) is wanted


def boxes(window):
    return [box for box in window.findChildren(QMessageBox) if box.isVisible()]


@pytest.mark.parametrize(("button", "kind"), [(0, ImportDialog), (1, DocumentImportDialog)])
def test_the_person_decides(run, window, tmp_path, button, kind):
    path = tmp_path / "questions.md"
    path.write_text(TABLE, encoding="utf-8")

    async def go():
        window.tabs.setCurrentWidget(window.spec_tab)
        window.open_paths([path])
        await until(lambda: boxes(window))
        (box,) = boxes(window)
        assert "questions.md" in box.text()
        assert not window.findChildren(DocumentImportDialog)
        acts = [one for one in box.buttons() if box.buttonRole(one) != QMessageBox.ButtonRole.RejectRole]
        acts.sort(key=lambda one: box.buttonRole(one) != QMessageBox.ButtonRole.AcceptRole)
        acts[button].click()
        await until(lambda: window.findChildren(kind))
        window.findChildren(kind)[0].close()

    run(go())


def test_prose_is_read_without_a_question(run, window, tmp_path):
    path = tmp_path / "prose.md"
    path.write_text(PROSE, encoding="utf-8")

    async def go():
        window.tabs.setCurrentWidget(window.spec_tab)
        window.open_paths([path])
        await until(lambda: window.findChildren(DocumentImportDialog))
        assert not boxes(window)
        window.findChildren(DocumentImportDialog)[0].close()

    run(go())
