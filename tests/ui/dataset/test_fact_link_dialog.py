"""Rows and their facts in one list: accepted, refused, changed by the keyboard, saved in one step; and after an import."""

import asyncio
import dataclasses

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton, QStyleOptionViewItem, QWidget

from core.dataset import examples
from core.dataset.import_reader_process import ImportOptions
from core.spec import facts, spec
from tests.support.pages.dialogs import is_settled, settle
from tests.support.projects import new_example
from tests.support.until import until
from ui.dataset import import_and_outcome
from ui.dataset.fact_link_dialog import FactLinkDialog
from ui.dataset.fact_link_model import CONFIDENCE_COLUMN, DECISION_COLUMN, FACT_COLUMN
from ui.dataset.import_and_outcome import ImportFile, ImportOutcome
from ui.widgets.message_bar import Notice

TEXT = "A plot measures 50 square metres.\nDogs are welcome on a lead.\nBonfires are forbidden all year round.\n"
ROWS = [
    ("How big is one plot?", "Fifty square metres."),
    ("May my dog come along?", "Yes, on a lead."),
    ("Name a primary colour.", "Red."),
]


@pytest.fixture
def garden(run, workspace):
    def fill(db):
        db.execute("DELETE FROM example")
        db.execute("DELETE FROM fact")
        spec.store(db, spec.Spec("Allotment", "en", "", TEXT))
        facts.accept_missing(db)
        examples.add(db, [new_example(*one) for one in ROWS])

    run(workspace.project.write("fill", fill))
    return workspace


@pytest.fixture
def dialog(qtbot, run, garden):
    async def make():
        dialog = FactLinkDialog(garden)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        dialog.open()
        await settle(dialog)
        return dialog

    dialog = run(make())
    qtbot.addWidget(dialog)
    return dialog


def shown(dialog, column):
    links = dialog.table.links
    return [links.index(row, column).data() for row in range(links.rowCount())]


def linked(workspace):
    return [one.facts for one in examples.iterate(workspace.project.rows)]


def test_each_row_has_a_proposal_with_its_confidence(dialog):
    assert dialog.count.text() == "3 rows to review"
    assert shown(dialog, FACT_COLUMN)[-1] == "no fact"
    assert sorted(text.split(":")[0] for text in shown(dialog, FACT_COLUMN)) == ["f01", "f02", "no fact"]
    assert shown(dialog, CONFIDENCE_COLUMN)[-1] == "–"
    assert shown(dialog, CONFIDENCE_COLUMN)[0].endswith("%")
    assert not dialog.save.isEnabled()


def test_all_above_are_accepted_and_saved_in_one_step(run, garden, dialog):
    async def go():
        dialog.accept_all.click()
        assert shown(dialog, DECISION_COLUMN) == ["accepted", "accepted", ""]
        assert dialog.save.text() == "Save 2 decisions"
        dialog.save.click()
        await settle(dialog)
        assert dialog.count.text() == "1 row to review"
        assert garden.project.undo_label == "Link rows to facts"

    run(go())
    assert linked(garden) == ["f01", "f02", ""]
    run(garden.project.undo())
    assert linked(garden) == ["", "", ""]


def test_what_is_to_be_decided_comes_first(qtbot, run, garden):
    async def go():
        await garden.project.write("", lambda db: db.execute("UPDATE example SET facts = 'f01' WHERE id = 1") and None)
        dialog = FactLinkDialog(garden)
        qtbot.addWidget(dialog)
        await settle(dialog)
        links = dialog.table.links
        linked = [bool(links.row(place).facts) for place in range(links.rowCount())]
        assert linked == sorted(linked) and len(linked) >= 2

    run(go())


def test_the_keyboard_decides_row_by_row(qtbot, run, garden, dialog):
    async def go():
        dialog.activateWindow()
        dialog.table.setFocus()
        await until(dialog.table.hasFocus)
        qtbot.keyClick(dialog.table, Qt.Key.Key_Space)
        qtbot.keyClick(dialog.table, Qt.Key.Key_N)
        assert shown(dialog, DECISION_COLUMN) == ["accepted", "no fact", ""]
        assert dialog.table.places() == [2]
        dialog.table.selectRow(1)
        qtbot.keyClick(dialog.table, Qt.Key.Key_Backspace)
        assert shown(dialog, DECISION_COLUMN) == ["accepted", "", ""]
        dialog.table.links.setData(dialog.table.links.index(2, FACT_COLUMN), "f03")
        assert shown(dialog, DECISION_COLUMN) == ["accepted", "", "other fact"]
        assert shown(dialog, FACT_COLUMN)[2].startswith("f03: Bonfires")
        dialog.save.click()
        await settle(dialog)

    run(go())
    assert linked(garden)[2] == "f03"
    assert sorted(linked(garden)) == ["", *sorted(one for one in linked(garden) if one)]


def test_a_decision_is_on_the_row_the_keys_lead_to(qtbot, run, dialog):
    async def go():
        dialog.activateWindow()
        dialog.table.setFocus()
        await until(dialog.table.hasFocus)
        qtbot.keyClick(dialog.table, Qt.Key.Key_End, Qt.KeyboardModifier.ControlModifier)
        qtbot.keyClick(dialog.table, Qt.Key.Key_N)
        assert shown(dialog, DECISION_COLUMN) == ["", "", "no fact"]

    run(go())


def test_a_proposal_counts_by_the_percentage_that_is_shown(dialog):
    links = dialog.table.links
    one = dataclasses.replace(links.row(0), confidence=0.796)
    links.show_rows([one], links.facts())
    assert shown(dialog, CONFIDENCE_COLUMN) == ["80%"]
    assert links.count_from(0.8) == 1
    links.accept_from(0.8)
    assert len(links.decisions()) == 1


def test_no_decision_moves_the_columns(qtbot, dialog):
    dialog.show()
    header = dialog.table.horizontalHeader()
    places = [header.sectionPosition(column) for column in range(header.count())]
    for names in ("", "f03", dialog.table.links.row(0).proposed):
        dialog.table.links.decide([0], names)
        QApplication.processEvents()
        assert [header.sectionPosition(column) for column in range(header.count())] == places
        assert dialog.table.sizeHintForColumn(DECISION_COLUMN) <= header.sectionSize(DECISION_COLUMN)


def test_an_import_says_how_many_rows_were_linked(qtbot, run, garden, window, tmp_path):
    path = tmp_path / "more.csv"
    path.write_text("question,answer\nHow large is a plot?,50 square metres\nIs red a colour?,Yes\n", encoding="utf-8")

    async def go():
        outcome = ImportOutcome()
        await import_and_outcome.import_files(
            garden, [ImportFile(path, ImportOptions(source="more.csv"), "more.csv")], window, outcome
        )
        assert outcome.format_text() == "2 rows imported. 1 of 2 rows linked to facts."
        notice = window.findChildren(Notice)[-1]
        button = next(one for one in notice.findChildren(QPushButton) if one.text() == "Review links…")
        button.click()
        (dialog,) = window.findChildren(FactLinkDialog)
        await settle(dialog)
        assert "linked" in shown(dialog, DECISION_COLUMN)
        dialog.close()

    run(go())
    assert linked(garden)[3:] == ["f01", ""]


def test_decisions_are_not_lost_by_closing(run, dialog):
    async def go():
        dialog.table.links.accept([0])
        dialog.close()
        (box,) = dialog.findChildren(QMessageBox)
        assert box.text() == "Close without saving 1 decision?"
        assert dialog.isVisible()
        box.reject()
        dialog.table.links.reopen([0])
        dialog.close()
        assert not dialog.isVisible()

    run(go())


def test_many_rows_are_decided_on_at_once(qtbot, run, dialog):
    """Who hears of a decision looks at each row: with 20,000 selected the window stood still for minutes."""
    told = []
    dialog.table.links.decided.connect(lambda: told.append(len(dialog.table.links.decisions())))

    async def go():
        dialog.table.setFocus()
        dialog.table.selectAll()
        dialog.table.accept()
        assert shown(dialog, DECISION_COLUMN) == ["accepted", "accepted", "no fact"]
        dialog.table.reopen()
        dialog.table.refuse()
        assert shown(dialog, DECISION_COLUMN) == ["no fact"] * 3

    run(go())
    assert told == [3, 0, 3]


def test_what_is_saved_is_told_before_the_rows_are_read_anew(run, garden, dialog):
    """Whoever closed the dialog meanwhile had the fact table and the menu as they were before."""
    told = []
    garden.tasks.changed.connect(lambda changes: told.append((changes.label, is_settled(dialog))))

    async def go():
        dialog.accept_all.click()
        dialog.save.click()
        await settle(dialog)

    run(go())
    assert told == [("Link rows to facts", False)]


def test_an_import_goes_on_when_the_dialog_that_began_it_is_closed(run, garden, tmp_path):
    path = tmp_path / "more.csv"
    path.write_text("question,answer\nIs red a colour?,Yes\n", encoding="utf-8")

    async def go():
        dialog = QWidget()
        task = asyncio.ensure_future(
            import_and_outcome.import_files(garden, [ImportFile(path, ImportOptions(), "more.csv")], dialog)
        )
        dialog.deleteLater()
        await task
        assert not shiboken6.isValid(dialog)

    run(go())
    assert len(linked(garden)) == len(ROWS) + 1


@pytest.mark.parametrize(
    ("typed", "fact"), [("f03", "f03"), ("bonfires", "f03"), ("are", None), ("nothing like it", None)]
)
def test_a_fact_is_chosen_by_its_name_or_a_part_that_only_it_has(dialog, typed, fact):
    table = dialog.table
    index = table.links.index(2, FACT_COLUMN)
    before = index.data(Qt.ItemDataRole.EditRole)
    box = table.itemDelegateForColumn(FACT_COLUMN).createEditor(table, QStyleOptionViewItem(), index)
    box.setEditText(typed)
    table.itemDelegateForColumn(FACT_COLUMN).setModelData(box, table.links, index)
    assert index.data(Qt.ItemDataRole.EditRole) == (before if fact is None else fact)
