"""The exam tab: an exam over real HTTP, live, and its result in tables."""

import threading

import pytest
from PySide6.QtCore import Qt

from core import dataset, evals, samples
from core.progress import Reporter
from core.project import Project
from core.providers import Offer, Sampling
from tests.fake_server import FakeServer
from tests.ui.waiting import until
from ui.exam_model import GAINED, heat
from ui.exam_result import ONLY_GAINED, ONLY_LOST
from ui.exam_tab import ExamTab
from ui.tab import ALL_TABLES

BASE, TUNED, OTHER = "base-model", "ft:base-model:local:study:abc123", "ft:base-model:local:plain:def456"
OFFERS = [Offer(TUNED, TUNED, tuned=True), Offer(OTHER, OTHER, tuned=True), Offer("small", "S"), Offer(BASE, "Base")]


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(evals, "PARALLEL", 1)  # the answers are scripted in the order of the questions
    with FakeServer() as server:
        yield server


@pytest.fixture
def tab(qtbot, run, workspace, server):
    """The tab on the sample, with four models and a server that answers."""

    async def make():
        tab = ExamTab(workspace)
        workspace.tasks.changed.connect(tab.refresh)
        workspace.offers = OFFERS
        workspace.settings.provider = "fake"
        workspace._connected["fake"] = server.provider()
        tab.show_offers()
        tab.refresh(ALL_TABLES)
        await until(tab.start.isEnabled)
        return tab

    tab = run(make())
    qtbot.addWidget(tab)
    yield tab
    run(workspace._connected["fake"].close())


def keep_questions(db, n):
    """Leave the exam only the first `n` questions."""
    db.execute("DELETE FROM example WHERE split = 'test' AND id NOT IN "
               "(SELECT id FROM example WHERE split = 'test' ORDER BY id LIMIT ?)", (n,))  # fmt: skip


async def shorten(tab, n):
    await tab.workspace.project.write("", keep_questions, n)
    tab.refresh(ALL_TABLES)
    await until(lambda: f"{n} question" in tab.count.text())


async def examined(tab, server, n=2):
    """Run an exam of `n` questions that the base fails and the tuned model passes."""
    await shorten(tab, n)
    for row in dataset.examples(tab.workspace.project.rows, dataset.Filter(split="test")):
        server.answer(TUNED, row.answer)
    tab.start.click()
    await until(lambda: tab.start.text() == "Start exam")
    await until(lambda: bool(tab.result.summary.text()) and "finished" in tab.runs.currentText())


def cells(table, column):
    return [table.rates.index(row, column).data() for row in range(table.rates.rowCount())]


def test_it_begins_with_the_newest_tuned_model_and_its_base(tab):
    assert tab.models() == [BASE, TUNED]
    assert tab.count.text() == "67 questions; 134 answers"
    assert tab.pages.currentIndex() == 0


def test_the_form_counts_and_warns(tab):
    tab.repeats.setValue(3)
    assert tab.count.text() == "67 questions; 402 answers"
    assert "the same" in tab.hint.text()
    tab.temperature.setValue(0.7)
    assert tab.hint.text() == ""
    tab.more.click()
    assert tab.models() == [BASE, TUNED, OTHER]
    tab.more.click()
    assert tab.more.isHidden()
    tab.fewer.click()
    tab.fewer.click()
    assert tab.models() == [BASE, TUNED]
    tab.boxes[1].choose(BASE)
    assert not tab.start.isEnabled()
    assert "different" in tab.hint.text()


def test_a_chosen_model_is_taken_when_it_is_offered(tab):
    new = "ft:base-model:local:new:999999"
    tab.choose_model(new)
    assert tab.models()[1] == TUNED
    tab.workspace.offers = [Offer(new, new, tuned=True), *OFFERS]
    tab.show_offers()
    assert tab.models()[1] == new


def test_the_questions_can_be_shown(qtbot, tab):
    with qtbot.waitSignal(tab.show_examples) as shown:
        tab._empty.findChild(type(tab.start)).click()
    assert shown.args == ["split:test"]


def test_an_exam_ends_with_a_table_and_names(run, tab, server):
    run(examined(tab, server))
    result = tab.result
    assert cells(result.kinds, 0) == ["Memorised – trained wording, not the result"]
    assert [cells(result.kinds, column) for column in (1, 2)] == [["0/2   0%"], ["2/2   100%"]]
    assert cells(result.facts, 0) == ["f01", "f03"]
    assert cells(result.facts, 2) == ["0/1   0%"] * 2
    assert cells(result.facts, 3) == [f"{GAINED} 1/1   100%"] * 2
    assert "gained 2 facts (▲ f01, f03) · lost 0 facts" in result.summary.text()
    result.filter.setCurrentIndex(ONLY_LOST)
    assert result.facts.rates.rowCount() == 0
    result.filter.setCurrentIndex(ONLY_GAINED)
    assert result.facts.rates.rowCount() == 2
    result.facts.sortByColumn(0, Qt.SortOrder.DescendingOrder)
    assert cells(result.facts, 0) == ["f03", "f01"]


def test_a_fact_shows_its_questions_and_answers_as_plain_text(run, tab, server):
    server.answer(BASE, "<b>60</b> <img src=x> points")
    run(examined(tab, server))
    tab.result.facts.selectRow(0)
    view = tab.result.answers
    assert [view.list.item(row).text() for row in range(view.list.count())] == [
        "✗ ✓   How many players are on a Hobannu team?"
    ]
    base, tuned = (text.toPlainText() for text in view.texts)
    assert base.startswith("✗ Wrong\n<b>60</b> <img src=x> points\n")
    assert tuned.startswith("✓ Right\n")
    assert "✓ 3" in tuned
    assert "Reference: " in view.reference.text()
    assert view.question.textFormat() == view.reference.textFormat() == Qt.TextFormat.PlainText
    assert tab.result.kinds.current_line() is None


def test_it_shows_what_comes_in_and_stops(run, tab, server):
    held = threading.Event()

    async def go():
        await shorten(tab, 3)
        server.answer(BASE, "3")
        server.answer(BASE, "3", hold=held)
        tab.start.click()
        assert tab.start.text() == "Stop"
        assert not tab.boxes[0].isEnabled()
        await until(lambda: cells(tab.result.kinds, 1) == ["1/1   100%"])
        assert cells(tab.result.kinds, 2) == ["–"]
        assert "running" in tab.runs.currentText()
        tab.start.click()
        await until(lambda: "stopped" in tab.runs.currentText())
        held.set()

    run(go())
    assert tab.start.text() == "Start exam"
    assert cells(tab.result.kinds, 1) == ["1/1   100%"]


def test_an_older_run_can_be_looked_at(run, tab, server):
    async def go():
        await examined(tab, server)
        tab.boxes[1].choose(OTHER)
        tab.start.click()
        await until(lambda: tab.runs.count() == 2 and "finished" in tab.runs.itemText(0))
        assert "plain" in tab.runs.currentText()
        tab.runs.setCurrentIndex(1)
        tab.runs.activated.emit(1)
        await until(lambda: "study" in tab.result.summary.text())

    run(go())


def test_another_project_shows_its_own_runs(run, tab, server, tmp_path):
    async def go():
        await examined(tab, server)
        old, new = tab.workspace.project, Project(tmp_path / "new.juku")
        tab.workspace.project = new
        tab.refresh(ALL_TABLES)
        await until(lambda: tab.pages.currentIndex() == 0)
        assert tab.count.text() == "0 questions; 0 answers"
        assert not tab.start.isEnabled()
        await new.write("", samples.fill, "hobannu-en")
        await new.write("", keep_questions, 2)
        await evals.examine(new, await tab.workspace.provider(), [BASE, OTHER], Sampling(), Reporter())
        tab.refresh(ALL_TABLES)
        await until(lambda: "plain" in tab.result.summary.text())
        tab.workspace.project = old
        await tab.workspace.tasks.close()
        new.close()

    run(go())


def test_a_rate_is_coloured_by_its_share(qapp):
    worst, best = heat(evals.Rate(0, 4)), heat(evals.Rate(4, 4))
    assert worst.red() > worst.green()
    assert best.green() > best.red()
    assert heat(evals.Rate()) is None
