"""What a person feels of a spec of two thousand facts: opened, coloured, typed into, scrolled, filtered."""

import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication

from core import settings
from core.dataset import examples
from core.formats import jsonl
from core.spec import facts, spec
from core.storage.project import Project
from tools.bench_window import Ticks
from ui import app, style
from ui.dataset.tab import DatasetTab
from ui.event_loop import EventLoop
from ui.spec.tab import SpecTab
from ui.tab_base import ALL_TABLES
from ui.workspace import Workspace

FACTS = 2_000
ROWS = 6  # of each fact
KINDS = ("direct", "reworded", "reworded", "reverse", "statement", "reworded")
SETTLED = 3.0  # seconds after which what was begun is done


def bench() -> list[tuple[str, str, str]]:
    """Rows of the table: what, the figure, the target."""
    qt = QApplication.instance() or QApplication(sys.argv)
    style.apply(qt, "light")
    loop = EventLoop(qt)
    asyncio.set_event_loop(loop)
    with loop, tempfile.TemporaryDirectory() as folder:
        return loop.run_until_complete(_bench(Path(folder) / "spec.juku"))


async def _bench(path: Path) -> list[tuple[str, str, str]]:
    project = Project(path)
    await project.write("", fill)
    workspace = Workspace(project, settings.Settings())
    tab, grid, ticks = SpecTab(workspace), DatasetTab(workspace), Ticks()
    workspace.tasks.changed.connect(tab.refresh)
    workspace.tasks.changed.connect(grid.refresh)
    tab.resize(1300, 800)
    grid.resize(1300, 800)
    # The window is there before a project is opened in it.
    tab.show()
    grid.refresh(ALL_TABLES)
    await asyncio.sleep(SETTLED)
    found = []
    app.freeze_garbage()
    started = time.perf_counter()
    ticks.start()
    tab.refresh(ALL_TABLES)
    while tab.table.facts.rowCount() < FACTS or not tab.editor.extraSelections():
        await asyncio.sleep(0.01)
    found.append(
        _row(f"open and colour a spec of {FACTS:,} facts", time.perf_counter() - started, await _settled(ticks))
    )
    ticks.start()
    started = time.perf_counter()
    tab.editor.go_to(tab.editor.document().characterCount() // 2)
    tab.editor.insertPlainText("x")
    await tab.flush()
    found.append(_row("one key in the middle of it, saved", time.perf_counter() - started, await _settled(ticks)))
    ticks.start()
    spent = []
    for step in range(100):
        spent.append(_scrolled(tab, step))
        await asyncio.sleep(0)
    found.append(_row("scroll it by a page, the slowest of 100", max(spent), await _settled(ticks)))
    tab.hide()
    grid.show()
    await asyncio.sleep(SETTLED)
    ticks.start()
    started = time.perf_counter()
    grid.choose("fact:f1234")
    while grid.model.rowCount() != ROWS:
        await asyncio.sleep(0.005)
    found.append(
        _row(f"filter {FACTS * ROWS:,} rows to those of a fact", time.perf_counter() - started, await _settled(ticks))
    )
    await workspace.close()
    for widget in (tab, grid):
        widget.close()
        QApplication.sendPostedEvents(widget, QEvent.Type.DeferredDelete)
    return found


async def _settled(ticks: Ticks) -> float:
    """The longest gap until all is quiet, in milliseconds."""
    await asyncio.sleep(SETTLED)
    return ticks.stop()[-1]


def _scrolled(tab: SpecTab, step: int) -> float:
    bar = tab.editor.verticalScrollBar()
    started = time.perf_counter()
    bar.setValue((step + 1) * bar.pageStep() % max(1, bar.maximum()))
    tab.editor.viewport().repaint()
    return time.perf_counter() - started


def _row(what: str, seconds: float, gap: float) -> tuple[str, str, str]:
    return what, f"{1000 * seconds:.0f} ms, the window's longest gap {gap:.0f} ms", "gap ≤ 50 ms"


def fill(db) -> None:  # type: ignore[no-untyped-def]
    """A spec of many sections, its facts found, and rows for each of them."""
    spec.store(db, spec.Spec("Machines", "en", "Answer briefly.", text(FACTS)))
    facts.accept_missing(db)
    found = facts.load(db)
    assert len(found) == FACTS, len(found)
    examples.add(db, (row(fact, number) for fact in found for number in range(ROWS)))


def row(fact: facts.Fact, number: int) -> examples.Example:
    question = f"Question {number} about {fact.text.split(' is ')[0]}?"
    return examples.read_row(
        jsonl.new_row("Answer briefly.", question, fact.text), kind=KINDS[number], facts=fact.name,
        split="test" if number == ROWS - 1 else "train",
    )  # fmt: skip


def text(count: int, seed: int = 3) -> str:
    """A spec of `count` statements: headings, list items and paragraphs."""
    chance, lines = random.Random(seed), ["# Machines"]
    for number in range(count):
        if number % 20 == 0:
            lines += ["", f"## Section {number // 20 + 1}", ""]
        sentence = f"The part {number:04} of machine {number // 20 + 1} is {chance.randint(2, 900)} millimetres long."
        lines.append(f"- {sentence}" if number % 20 < 12 else f"{sentence}\n")
    return "\n".join(lines) + "\n"


def main() -> None:
    for line in bench():
        print("| " + " | ".join(line) + " |")


if __name__ == "__main__":
    main()
