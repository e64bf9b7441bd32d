import pytest
from PySide6.QtCore import Qt

from core.dataset import examples, token_counts
from core.dataset.filters import Filter
from tests.support.pages.controls import choose_at
from tests.support.projects import new_example
from tests.support.until import until
from ui.charts.histogram import Histogram, HistogramBar, round_up
from ui.dataset.token_counts_dialog import TokenCountsDialog


@pytest.fixture
def dialog(run, workspace, qtbot):
    async def make():
        dialog = TokenCountsDialog(workspace, Filter(split="test"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        qtbot.addWidget(dialog)
        dialog.show()
        await until(lambda: dialog.pages.currentIndex() == 1)
        return dialog

    return run(make())


def column(table, number):
    return [table.item(row, number).text() for row in range(table.rowCount())]


def test_totals_lengths_and_cost(run, dialog, workspace):
    counts = examples.count_values(workspace.project.rows, "split")

    async def go():
        assert column(dialog.splits, 0) == [name for name in examples.SPLITS if name in counts]
        assert column(dialog.splits, 1) == [f"{counts[name]:,}" for name in examples.SPLITS if name in counts]
        assert "test" in dialog.heading.text()
        assert sum(bar.count for bar in dialog.histogram.bars()) == counts["test"]
        assert "gpt-4.1" in column(dialog.costs, 0)
        guessed = dialog.costs.item(0, 1).text()
        dialog.epochs.setValue(7)
        assert dialog.costs.item(0, 1).text() != guessed
        assert "as of" in dialog.prices.text()
        assert "free" in dialog.prices.text()
        choose_at(dialog.encoding, 1)
        await until(lambda: dialog.counted and dialog.counted.summary.encoding == "cl100k_base")
        assert "No prices" in dialog.prices.text()

    run(go())


def test_the_longest_row_is_opened_and_edits_are_counted_at_once(run, dialog, workspace):
    async def go():
        found = []
        dialog.row_chosen.connect(found.append)
        dialog.longest.cellClicked.emit(0, 2)
        assert found == [dialog.counted.summary.splits["test"].longest[0][0]]
        row = new_example("word " * 70_000, split="test")
        workspace.tasks.start("", workspace.project.write("Add", examples.add, [row]))
        await until(dialog.note.isVisible)
        assert f"{token_counts.TOKEN_LIMIT:,}" in dialog.note.text()
        assert dialog.longest.item(0, 0).text().startswith("70,0")

    run(go())


def test_without_rows_it_says_so(run, workspace, dialog):
    async def go():
        ids = examples.find_ids(workspace.project.rows, Filter())
        workspace.tasks.start("", workspace.project.write("Delete", examples.delete, ids))
        await until(lambda: dialog.pages.currentIndex() == 0)
        assert dialog.nothing.title.text() == "No rows to count"

    run(go())


def test_counting_can_be_cancelled(run, dialog, workspace):
    async def go():
        dialog.encoding.setCurrentIndex(1)
        dialog._start_count()
        dialog._work.stop()
        assert not dialog._work.is_busy()
        dialog._start_count()
        await until(lambda: dialog.counted and dialog.counted.summary.encoding == "cl100k_base")
        assert not dialog.counted.summary.missing

    run(go())


def test_bars_say_what_they_are(qtbot):
    chart = Histogram()
    qtbot.addWidget(chart)
    chart.resize(400, 200)
    chart.show_bars([HistogramBar(0, 10, 3), HistogramBar(10, 20, 0), HistogramBar(20, 50, 1_000_000)], limit=30)
    assert "1,000,000 rows have 20 to 49 tokens" in chart.accessibleDescription()
    assert chart.bar_at(380).low == 20
    assert not chart.grab().isNull()
    assert [round_up(number) for number in (0, 1, 3, 6, 11, 201)] == [1, 1, 5, 10, 20, 500]
