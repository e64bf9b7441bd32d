"""The spec and the report of an exam, printed and as PDF."""

import io
import unicodedata

import pytest
from PySide6.QtGui import QTextDocument
from PySide6.QtPrintSupport import QPrintDialog

from core.exam import runs
from core.exam.runs import ExamPlan, ExamSubject
from core.spec import facts, spec
from tests.support.projects import write
from tests.support.until import until
from ui.tab_base import ALL_TABLES
from ui.widgets import printing
from ui.widgets.message_bar import Notice

pypdf = pytest.importorskip("pypdf", reason="reads back what was written")


def read_text(data):
    """The text without its spaces, which a PDF does not keep."""
    found = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages)
    return "".join(unicodedata.normalize("NFKC", found).split())


def test_the_spec_becomes_a_pdf(run, window, tmp_path):
    text = "Twelve gates. <b>no markup</b>\n\n![](file:///etc/passwd)\n\n| a | b |\n|---|---|\n| 火曜日 | 休み |\n"
    write(window.workspace.project, facts.save, spec.Spec(name="Hobannu & co", text=text))

    async def go():
        window.refresh(ALL_TABLES)
        window.tabs.setCurrentWidget(window.spec_tab)
        await until(lambda: "Twelve gates" in window.spec_tab.editor.toPlainText())
        window.printing.save_pdf(tmp_path / "spec.pdf")
        await until(lambda: (tmp_path / "spec.pdf").exists())
        found = read_text((tmp_path / "spec.pdf").read_bytes())
        assert "Hobannu&co" in found and "Twelvegates.<b>nomarkup</b>" in found and "休み" in found
        window.printing.save_pdf(tmp_path / "no-folder" / "spec.pdf")
        await until(lambda: "The PDF cannot be written" in window.messages.text())

    run(go())


def test_a_report_keeps_its_texts_and_its_charts():
    chart = (
        '<svg class="bar" viewBox="0 0 100 12" preserveAspectRatio="none">'
        '<rect class="track" width="100" height="12"></rect><rect class="fill tuned" width="60" height="12"></rect></svg>'
    )
    document = printing.build_report_document(
        f"<html><head><style>body {{ color: var(--x) }}</style></head><body><h1>A &lt;b&gt;</h1>{chart}</body></html>"
    )
    picture = document.resource(QTextDocument.ResourceType.ImageResource.value, "chart:0")
    assert picture.pixelColor(30, 20).name() == "#0f8a7e" and picture.pixelColor(340, 20).name() == "#e6e9ed"
    data = printing.build_pdf(document, "A")
    assert "A<b>" in read_text(data) and "var(" not in read_text(data)


def test_the_margins_of_a_page_are_not_added_twice():
    """The paper had 18 mm, and the text on it 20 more: a table of ten columns was broken between letters."""
    chart = '<div><svg viewBox="0 0 100 230"><rect width="100" height="230"></rect></svg></div>'
    data = printing.build_pdf(printing.build_report_document(f"<body>{chart * 4}</body>"), "A")  # 243 mm high in all
    assert data.count(b"/Type /Page\n") == 1


def test_the_exam_prints_its_report_and_other_tabs_say_that_they_have_none(run, window):
    subjects = [ExamSubject("nowhere", "base"), ExamSubject("nowhere", "tuned")]
    write(window.workspace.project, lambda db: runs.add_run(db, ExamPlan(subjects)))

    async def go():
        window.tabs.setCurrentWidget(window.exam_tab)
        window.exam_tab.refresh(ALL_TABLES)
        await until(window.exam_tab.run)
        assert window.printing.can_print()
        window.printing.print_tab()
        await until(lambda: window.findChild(QPrintDialog))
        window.findChild(QPrintDialog).reject()
        window.tabs.setCurrentWidget(window.training_tab)
        assert not window.printing.can_print()
        window.printing.print_tab()
        await until(lambda: window.findChild(Notice) and "nothing to print" in window.findChild(Notice).text.text())

    run(go())
