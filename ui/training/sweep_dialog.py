"""A sweep: one job for every combination of hyperparameter values, sets of rows and saved versions of the dataset."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core.dataset.versions import Version
from core.language import tr, trn
from core.providers.server_presets import SEEDS, NumberRange
from core.training.submit import TrainingPlan
from ui import style
from ui.training.hyperparameter_fields import HyperparameterFields, Value, field_grid
from ui.widgets import basics
from ui.widgets.length_and_time_texts import format_local_time

MAX_SWEEP_JOBS = 200  # jobs that are queued at once: more is a slip of the finger
SEED = "seed"


class SweepDialog(QDialog):
    """Queues several jobs at once, one for each combination.

    `wanted` gives the plans and the name that their jobs share.
    """

    wanted = Signal(list, str)

    def __init__(
        self,
        plan: TrainingPlan,
        ranges: Mapping[str, NumberRange],
        tags: Sequence[str],
        kept: Sequence[Version],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Queue several jobs"))
        self._plan, self._busy = plan, False
        self.name = QLineEdit(tr("Comparison"), maxLength=60)
        self._grid = field_grid()
        self.hyper = HyperparameterFields(self._grid, several=True)
        self.hyper.show_ranges({**ranges, SEED: SEEDS})
        self.hyper.fill({**(plan.hyperparameters or {}), **({} if plan.seed is None else {SEED: plan.seed})})
        self.tags = _make_choices([(tag or tr("All training rows"), tag) for tag in tags], [plan.rows])
        self.versions = _make_choices(
            [(tr("As they are now"), None), *((_format_version(one), one.id) for one in kept)], [plan.version]
        )
        self.note, self.count = basics.Note(), basics.heading("")
        self.start, self.cancel = basics.primary_button(""), QPushButton(tr("Cancel"))
        self._lay_out()
        self._connect()
        self._show_count()

    def _lay_out(self) -> None:
        intro = basics.label(tr("Each combination becomes a job. Separate several values in a field by commas; "
                                 "leave it empty for the default. Jobs wait in the queue; if one fails, the "
                                 "others still run."),
                              wrap=True, dim=True)  # fmt: skip
        lists = QHBoxLayout()
        lists.setSpacing(style.SPACE)
        for title, part in ((tr("&Rows"), self.tags), (tr("&Versions of the dataset"), self.versions)):
            lists.addWidget(_add_title(title, part), 1)
        name = basics.label(tr("&Name of the comparison"), dim=True)
        name.setBuddy(self.name)
        buttons = QHBoxLayout()
        buttons.addWidget(self.count, 1)
        buttons.addWidget(self.start)
        buttons.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        layout.addWidget(intro)
        layout.addLayout(self._grid)
        layout.addLayout(lists, 1)
        layout.addWidget(name)
        layout.addWidget(self.name)
        layout.addWidget(self.note)
        layout.addLayout(buttons)
        self.resize(style.scaled(720), style.scaled(520))

    def _connect(self) -> None:
        self.hyper.changed.connect(self._show_count)
        for part in (self.tags, self.versions):
            part.itemChanged.connect(lambda _item: self._show_count())
        self.start.clicked.connect(lambda: self.wanted.emit(self.plans(), self.name.text().strip()))
        self.cancel.clicked.connect(self.reject)

    def plans(self) -> list[TrainingPlan]:
        """A plan for each combination."""
        lists: dict[str, Sequence[Value]] = dict(self.hyper.lists())
        found = []
        for tag, version in itertools.product(_checked_values(self.tags), _checked_values(self.versions)):
            for values in itertools.product(*lists.values()):
                settings = dict(zip(lists, values, strict=True))
                seed = settings.pop(SEED, None)
                assert seed is None or isinstance(seed, int)
                suffix = self._plan.suffix if tag == self._plan.rows else (tag or "all").replace(":", "-")[:18]
                found.append(
                    replace(self._plan, rows=tag, version=version, hyperparameters=settings, seed=seed, suffix=suffix)
                )
        return found

    def problem(self) -> str:
        """Why these jobs cannot be queued; '' where they can."""
        if problem := self.hyper.problem():
            return problem
        if not _checked_values(self.tags) or not _checked_values(self.versions):
            return tr("Choose rows and a version of them.")
        if self._count_jobs() > MAX_SWEEP_JOBS:
            return tr(
                "That makes {n} jobs; at most {most} are queued at once.",
                n=f"{self._count_jobs():,}",
                most=MAX_SWEEP_JOBS,
            )
        return ""

    def show_busy(self, words: str) -> None:
        """Say what is being done with the jobs; '' is nothing."""
        self._busy = bool(words)
        self._show_count()
        if words:
            self.note.show_text(words)

    def _count_jobs(self) -> int:
        count = len(_checked_values(self.tags)) * len(_checked_values(self.versions))
        for values in self.hyper.lists().values():
            count *= len(values)
        return count

    def _show_count(self) -> None:
        problem, count = self.problem(), self._count_jobs()
        self.count.setText(trn("{n} job", "{n} jobs", count))
        self.start.setText(trn("Check and queue {n} job…", "Check and queue {n} jobs…", count))
        basics.set_enabled(self.start, problem or (tr("Checking before the start…") if self._busy else ""), self.note)


def _make_choices(entries: Sequence[tuple[str, object]], chosen: Sequence[object]) -> QListWidget:
    """A list in which several can be ticked."""
    choices = QListWidget()
    choices.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    for text, value in entries:
        item = QListWidgetItem(text)
        item.setSizeHint(QSize(0, choices.fontMetrics().height() + style.SPACE))
        item.setToolTip(basics.plain_tooltip(text))
        item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsSelectable)
        item.setCheckState(Qt.CheckState.Checked if value in chosen else Qt.CheckState.Unchecked)
        item.setData(Qt.ItemDataRole.UserRole, value)
        choices.addItem(item)
    return choices


def _checked_values(choices: QListWidget) -> list[Any]:
    items = (choices.item(row) for row in range(choices.count()))
    return [item.data(Qt.ItemDataRole.UserRole) for item in items if item.checkState() == Qt.CheckState.Checked]


def _format_version(version: Version) -> str:
    return f"{version.name} · {version.rows:,} · {format_local_time(version.created_at)}"


def _add_title(title: str, part: QWidget) -> QWidget:
    label = basics.label(title, dim=True)
    label.setBuddy(part)
    part.setAccessibleName(title.replace("&", ""))
    return basics.column(label, part)
