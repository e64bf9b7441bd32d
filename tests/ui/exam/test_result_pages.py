"""The result of a stored exam: pages, whose marks count, blind marking, what leaked, and the chart."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QPlainTextEdit

from core.exam import answers, checkpoint_trends
from core.exam.answers import ExamAnswer
from core.exam.judges import PERSON, AnswerMark
from core.exam.statistics import PassRate
from tests.support.pages.controls import choose, choose_at
from tests.support.pages.dialogs import settle
from tests.support.until import until
from tools import exam_rows
from ui import style
from ui.charts.trend_lines import TrendPoint
from ui.exam import trend_chart
from ui.exam.answer_comparison import format_answers
from ui.exam.heat_map import TEXT_WIDTH
from ui.exam.heat_map_model import FACT_LEVEL, KIND_LEVEL, QUESTION_LEVEL, SHOW_NEVER_RIGHT, is_wanted, rate_colour
from ui.exam.result_pages import HEAT_MAP_PAGE, MARKING_PAGE, TREND_PAGE, ResultPages
from ui.exam.start_page import ExamProgressLine
from ui.exam.tab import ExamTab
from ui.exam.totals_table import (
    CHANCE_COLUMN,
    CHANGED_COLUMN,
    CORRECTED_COLUMN,
    GAP_COLUMN,
    GENERAL_COLUMN,
    HELD_OUT_COLUMN,
    LEAKED_COLUMN,
    MEMORISED_COLUMN,
    RATE_GAP_COLUMN,
)
from ui.generation.generation_dialog import GenerationDialog

FOCUS_MARGIN = 3  # pixels of Qt's own on either side of a text


@pytest.fixture
def result(qtbot, run, workspace):
    """A run of twelve questions, five subjects and two repeats, marked in part by a judge and a person."""

    async def make():
        await workspace.project.write("", lambda db: exam_rows.fill(db) and None)
        result = ResultPages(workspace)
        result.resize(1200, 700)
        result.show()
        result.show_run(1)
        await until(lambda: result.overview.compared)
        return result

    result = run(make())
    qtbot.addWidget(result)
    return result


def lines(result, name):
    result.heat.level.setCurrentIndex(result.heat.level.findData(name))
    rates = result.heat.table.rates
    return [rates.entry(row) for row in range(rates.rowCount())]


def test_the_overview_has_sentences_totals_and_agreement(result):
    overview = result.overview
    assert all(label.textFormat() == Qt.TextFormat.PlainText for label in overview.sentences)
    assert "small sample" in " ".join(label.text() for label in overview.sentences)
    totals = overview.table.totals
    assert [totals.index(row, 0).data().splitlines()[1] for row in range(5)] == [
        "Closed book", "Open book", "Retrieved", "Few-shot", "Closed book",
    ]  # fmt: skip
    held = [int(totals.index(row, HELD_OUT_COLUMN).data().split("·")[1].strip(" %")) for row in (0, 4)]
    assert abs(int(totals.index(4, RATE_GAP_COLUMN).data()) - (held[1] - held[0])) <= 1  # which both are rounded
    gap = totals.index(4, GAP_COLUMN).data()
    assert gap.startswith("+") and "…" in gap
    assert overview.table.subject() == 4 and overview.table.isColumnHidden(CORRECTED_COLUMN)
    assert "Marked by: Key points. Only 3 marks of yours check it" in "\n".join(
        one.text() for one in overview.sentences
    )
    assert [line.split(".")[0] for line in overview.checks.text().splitlines()] == [
        "Marked by: Judge", "Key points and Judge: κ = 1",
    ]  # fmt: skip


def test_from_twenty_marks_on_a_corrected_rate_stands_beside_the_raw_one(run, workspace, result):
    def mark(db):
        sql = "INSERT OR REPLACE INTO eval_mark SELECT id, 'person', passed, (id % 10 = 0) <> passed, '', 0 FROM eval_answer"
        db.execute(sql)

    async def go():
        await workspace.project.write("", mark)
        result.note_marks()
        await until(lambda: "agrees in" in result.overview.sentences[2].text())

    before = result.overview.table.totals.index(4, HELD_OUT_COLUMN).data()
    run(go())
    table = result.overview.table
    assert table.totals.index(4, HELD_OUT_COLUMN).data() == before
    assert "% (" in table.totals.index(4, CORRECTED_COLUMN).data() and not table.isColumnHidden(CORRECTED_COLUMN)


def test_another_subject_can_be_compared_with(run, result):
    async def go():
        choose_at(result.overview.against, 1)
        await until(lambda: result.overview.compared.against == 1)

    run(go())
    totals = result.overview.table.totals
    assert totals.index(1, GAP_COLUMN).data() == "–" != totals.index(0, GAP_COLUMN).data()


def test_a_persons_marks_can_count(run, result):
    async def go():
        choose(result.by, PERSON)
        await until(lambda: result.outcome().by == PERSON)

    before = sum(entry.line.rates[0].asked for entry in lines(result, KIND_LEVEL))
    run(go())
    assert 0 < sum(entry.line.rates[0].asked for entry in lines(result, KIND_LEVEL)) < before


def test_what_leaked_is_named_and_not_counted(result):
    assert "Training row 8 asks the same (97 % similar)" in result.overview.leaks.text()
    result.overview.show_leaks.click()
    assert [entry.texts[1] for entry in lines(result, QUESTION_LEVEL)] == ["How many points is rule 2 worth (7)?"]
    assert all(entry.aside for entry in lines(result, QUESTION_LEVEL))
    assert "Training row 8" in result.heat.answers.leak.text()
    kinds = {
        entry.key: (entry.texts[0], entry.line.rates[0].asked, entry.aside) for entry in _entries(result, KIND_LEVEL)
    }
    assert kinds["kind:leaked"] == ("Leaked: also in the training rows, not counted in the result", 2, True)
    assert kinds["kind:reworded"][1] == 2  # of two reworded ones the leaked one is out
    table = result.overview.table
    leaked = (
        table.totals.headerData(LEAKED_COLUMN, Qt.Orientation.Horizontal),
        table.totals.index(0, LEAKED_COLUMN).data(),
    )
    assert leaked[0] == "Leaked" and "/2" in leaked[1] and not table.isColumnHidden(LEAKED_COLUMN)


def _entries(result, level):
    return result.outcome().entries[level]


def test_a_running_exam_shows_no_verdict(run, workspace, result):
    async def go():
        await workspace.project.write("", lambda db: db.execute("UPDATE eval_run SET status = 'running'") and None)
        await workspace.project.write("", lambda db: db.execute("DELETE FROM eval_mark") and None)
        await workspace.project.write("", lambda db: db.execute("DELETE FROM eval_answer WHERE subject = 5") and None)
        result.show_run(1)
        await until(lambda: result.overview.compared.waiting)

    run(go())
    overview = result.overview
    assert [label.text() for label in overview.sentences] == [
        "The exam is running. The verdict appears when all subjects have answered the same questions."
    ]
    totals = overview.table.totals
    assert {
        totals.index(row, column).data() for row in range(5) for column in (GAP_COLUMN, CHANCE_COLUMN, CHANGED_COLUMN)
    } == {"–"}
    assert overview.gained.lines.stringList() == overview.missing.lines.stringList() == []
    assert overview.lists.isHidden() and overview.named.isHidden()  # no empty boxes


def test_general_questions_stay_below_the_facts(result):
    result.heat.table.sortByColumn(2, Qt.SortOrder.DescendingOrder)
    shown = [entry.key.split(":")[0] for entry in lines(result, FACT_LEVEL)]
    assert shown == ["fact"] * 4 + ["question"] * 2
    result.heat.table.sortByColumn(2, Qt.SortOrder.AscendingOrder)
    assert [entry.key.split(":")[0] for entry in lines(result, FACT_LEVEL)] == shown


def test_never_right_is_what_nobody_has_right(result):
    entries = result.outcome().entries[QUESTION_LEVEL]
    wanted = [entry for entry in entries if is_wanted(entry, SHOW_NEVER_RIGHT, 0)]
    assert wanted == [entry for entry in entries if not sum(rate.passed for rate in entry.line.rates)]


def words(page):
    found = [label.text() for label in page.findChildren(QLabel)]
    return " ".join([*found, *(text.toPlainText() for text in page.findChildren(QPlainTextEdit))])


async def shown(marking, number):
    await until(lambda: marking.progress.text().startswith(f"Answer {number} of ") and marking.sheet)


def test_a_person_marks_blind_by_keys_and_takes_back(run, qtbot, workspace, result):
    marking = result.marking

    def mark(answer):
        return answers.load_blind_answer(workspace.project.rows, answer).score

    async def go():
        await workspace.project.write(
            "", lambda db: db.execute("DELETE FROM eval_mark WHERE grader = 'person'") and None
        )
        result.pages.setCurrentIndex(MARKING_PAGE)
        await shown(marking, 1)
        first = marking.sheet.answer
        qtbot.keyClick(marking, Qt.Key.Key_7)
        await shown(marking, 2)
        second = marking.sheet.answer
        assert mark(first) == 70
        marking.note.setText("Says too little.")
        marking.slider.setValue(35)
        marking.save.click()
        await shown(marking, 3)
        assert answers.load_blind_answer(workspace.project.rows, second).note == "Says too little."
        qtbot.keyClick(marking, Qt.Key.Key_Backspace)
        await shown(marking, 2)
        assert (mark(second), marking.note.text()) == (None, "")
        qtbot.keyClick(marking, Qt.Key.Key_Left)
        await shown(marking, 1)
        assert marking.mark.text() == "Your mark: 70"
        qtbot.keyClick(marking, "+")
        await shown(marking, 2)
        assert mark(first) == 100
        marking.undo.click()
        await shown(marking, 1)
        assert mark(first) == 70
        return words(marking)

    told = run(go())
    assert not any(name in told for name in (exam_rows.BASE, exam_rows.TUNED, "study", "book", "Retrieved"))
    assert "Reference: " in told


def test_digits_in_the_note_are_no_marks(run, qtbot, result):
    async def go():
        result.pages.setCurrentIndex(MARKING_PAGE)
        await until(lambda: result.marking.sheet)
        place = result.marking.progress.text()
        qtbot.keyClicks(result.marking.note, "7 of 9")
        assert (result.marking.note.text()[-6:], result.marking.progress.text()) == ("7 of 9", place)

    run(go())


def test_marks_are_reckoned_in_when_the_page_is_left(run, qtbot, result):
    async def go():
        result.pages.setCurrentIndex(MARKING_PAGE)
        await until(lambda: result.marking.sheet)
        before = result.outcome()
        qtbot.keyClick(result.marking, Qt.Key.Key_3)
        await until(lambda: result.marking.sheet)
        result.note_marks()
        assert result.outcome() is before
        result.pages.setCurrentIndex(HEAT_MAP_PAGE)
        await until(lambda: result.outcome().marked["person"] > before.marked["person"])

    run(go())


def answer(id, text, passed=True, **more):
    usual = {"question": 1, "subject": 1, "sample": id, "score": float(passed or 0), "reason": "", "reported": "m",
             "fingerprint": "f", "seconds": 1.0, "sent": 3, "received": 2, "passages": []}  # fmt: skip
    return ExamAnswer(id=id, text=text, passed=passed, **usual | more)


def test_repeats_that_are_alike_stand_there_once():
    given = [answer(1, "3"), answer(2, "4", passed=False, reason="Not 3."), answer(3, "3")]
    marks = {1: [AnswerMark(1, "judge", 0.8, True, "Yes.")]}
    pieces = format_answers(given, marks, 200)
    assert [text.strip() for text, _meaning in pieces] == [
        "✓ Right   2×", "3", "Judge: 80 of 100 – Yes.", "✗ Wrong", "4", "Not 3.",
        "Answered by m · f · 1.0 s · 3 tokens sent, 2 received",
    ]  # fmt: skip
    loop = answer(4, "Nine hits. " * 30, received=200)
    assert ("\nRepeats itself until the token limit", "warning") in format_answers([loop], {}, 200)
    assert format_answers([answer(1, "?", passed=None, score=None)], {}, 200)[0] == ("Not marked", "")


def test_a_chart_of_checkpoints_and_versions(run, workspace, result):
    async def go():
        def checkpoints(db):
            for position, step in enumerate((20, 10)):
                model = f"{exam_rows.TUNED}:ckpt-step-{step}"
                db.execute(
                    "UPDATE eval_subject SET model = ?, condition = 'closed' WHERE position = ?", (model, position)
                )

        await workspace.project.write("", checkpoints)
        result.pages.setCurrentIndex(TREND_PAGE)
        await until(lambda: result.chart.lines())

    run(go())
    (line,) = result.chart.lines()
    assert (line.title, [point.x for point in line.points]) == ("study · Closed book", [10, 20, 30])
    assert isinstance(line.points[0], TrendPoint) and line.points[0].held.asked
    assert len(result.chart.plot.plotItem.listDataItems()) >= 2
    result.chart.axis.setCurrentIndex(1)
    (line,) = result.chart.lines()
    assert [point.label for point in line.points] == ["First rows"]
    result.chart.plot.show_lines([replace(line, points=[replace(line.points[0], label="", x=120)])], "step")
    ticks = result.chart.plot.getAxis("bottom")._tickLevels
    assert ticks == [[(120, "120")]], "there are no parts of steps"


def test_a_chart_without_points_says_what_is_missing(result):
    assert trend_chart.lines_by_step([]) == trend_chart.lines_by_version([]) == []
    assert checkpoint_trends.load_points(result._workspace.project.rows)
    result.chart.show_points([])
    assert result.chart.pages.currentIndex() == 0


def test_facts_not_learned_are_given_more_wordings(run, workspace, result, qtbot):
    result.overview.table.selectRow(0)
    with qtbot.waitSignal(result.wordings_wanted) as wanted:
        result.overview.wordings.click()
    names = wanted.args[0]
    assert names and [text.split()[0] for text in result.overview.missing.lines.stringList()] == names

    async def go():
        tab = ExamTab(workspace)
        qtbot.addWidget(tab)
        tab.result.wordings_wanted.emit(names)
        (dialog,) = tab.findChildren(GenerationDialog)
        await until(lambda: dialog.is_loaded)
        assert dialog.more.isChecked(), "facts that were not learned often have what the plan wants"
        assert (dialog.plan.facts, len(dialog.plan.requests)) == (len(names), len(names))
        await settle(dialog)
        dialog.close()

    run(go())


def test_a_rate_is_coloured_by_its_share(qapp):
    worst, best = rate_colour(PassRate.of([0] * 4, [1] * 4)), rate_colour(PassRate.of([1] * 4, [1] * 4))
    assert worst.red() > worst.green()
    assert best.green() > best.red()
    assert rate_colour(PassRate()) is None


def test_until_the_first_answer_an_exam_says_that_the_model_is_made_ready(qtbot):
    line = ExamProgressLine()
    qtbot.addWidget(line)
    line.show()
    line.begin(0.0, converts=True)
    line.show_counts(0, 6, 1.0)
    assert line.text.text() == "Preparing the model for its first use…"
    line.show_counts(1, 6, 60.0)
    assert line.text.text() == "1 of 6 answers"
    line.begin(70.0)
    line.show_counts(1, 6, 71.0)
    assert line.text.text() == "1 of 6 answers" and line.seconds_left is None
    line.show_counts(4, 6, 131.0)
    assert line.text.text() == "4 of 6 answers · less than a minute left" and line.seconds_left == 40.0


def test_the_lists_begin_at_one_height(result):
    overview = result.overview
    overview.titles[1].setText("Lost by a model with a name that needs several lines: " * 6)
    result.resize(900, 900)
    result.show()
    QApplication.processEvents()
    lists = [one for one in (overview.gained, overview.lost, overview.missing) if one.isVisible()]
    assert len(lists) > 1
    assert len({one.mapTo(result, one.rect().topLeft()).y() for one in lists}) == 1


def test_figures_are_not_wrapped(result, qapp):
    style.apply(qapp, "light")
    table = result.overview.table
    for column, widest in (
        (CHANCE_COLUMN, "< 0.001"),
        (MEMORISED_COLUMN, "42/42 · 100%"),
        (GENERAL_COLUMN, "42/42 · 100%"),
    ):
        need = table.fontMetrics().horizontalAdvance(widest) + 2 * style.CELL_PADDING + 2 * FOCUS_MARGIN
        assert need <= table.columnWidth(column), widest


def test_the_texts_beside_many_rates_stay_readable(result):
    """With four models the fact's text had five letters; the table scrolls instead, and takes what room there is."""
    result.heat.level.setCurrentIndex(result.heat.level.findData(FACT_LEVEL))
    table = result.heat.table
    for width in (500, 1500):
        table.setMinimumWidth(width)
        table.resize(width, 300)
        others = sum(table.columnWidth(column) for column in range(table.model().columnCount()) if column != 1)
        assert table.columnWidth(1) == max(style.scaled(TEXT_WIDTH), table.viewport().width() - others)
