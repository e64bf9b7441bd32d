"""What jobs would cost and what speaks against them, before a cent is spent."""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from core import checks
from core.language import tr, trn
from core.training.preflight import Objection, PreflightReport
from ui import style
from ui.dataset.problems_tree import severity_icon
from ui.widgets import basics

MOST_LINES = 10  # objections that are seen without scrolling
COLOURS = {"error": "error", "warning": "warning", "note": "note"}


class PreflightDialog(QDialog):
    """Errors block, warnings ask. `started` says go; `rows_wanted` tells the words that find an objection's rows.

    `prompt_wanted` tells the rows' system prompt, to be made the project's.
    """

    started = Signal()
    rows_wanted = Signal(str)
    prompt_wanted = Signal(str)

    def __init__(self, report: PreflightReport, server: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Before it starts"))
        self.report = report
        self.cost = basics.heading(cost_words(report))
        self.amount = basics.label(_amount(report, server), wrap=True)
        self.whose = basics.label(_whose(report), wrap=True, dim=True)
        self.objections = self._listed(report.objections)
        self.rows, self.prompt = QPushButton(tr("Show the rows")), QPushButton(tr("Use the rows’ &prompt"))
        self.prompt.setToolTip(basics.plain_tooltip(tr("Makes it the project's system prompt; this can be undone.")))
        self.start = basics.primary_button(_start_words(report))
        self.cancel = QPushButton(tr("Cancel"))
        self._lay_out()
        self._connect()
        self._show_rows()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        for button in (self.rows, self.prompt, self.start, self.cancel):
            button.setAutoDefault(False)
        buttons.addWidget(self.rows)
        buttons.addWidget(self.prompt)
        buttons.addStretch()
        buttons.addWidget(self.start)
        buttons.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        for part in (self.amount, self.cost, self.whose):
            layout.addWidget(part)
        self.whose.setVisible(bool(self.whose.text()))
        if self.report.objections:
            layout.addWidget(basics.label(_heading(self.report), wrap=True))
            layout.addWidget(self.objections, 1)
        else:
            layout.addWidget(basics.label(tr("No objections."), dim=True))
            layout.addStretch()
        basics.set_enabled(self.start, tr("Fix the errors above first.") if self.report.is_blocked else "")
        layout.addLayout(buttons)
        lines = min(MOST_LINES, len(self.report.objections))
        self.resize(640, 200 + (40 + lines * (self.fontMetrics().height() + style.SPACE) if lines else 0))

    def _connect(self) -> None:
        self.objections.currentRowChanged.connect(lambda _row: self._show_rows())
        self.objections.itemActivated.connect(lambda _item: self._on_rows())
        self.rows.clicked.connect(lambda _checked: self._on_rows())
        self.prompt.clicked.connect(lambda _checked: self._on_prompt())
        self.start.clicked.connect(lambda _checked: self._on_start())
        self.cancel.clicked.connect(lambda _checked: self.reject())

    def _listed(self, objections: Sequence[Objection]) -> QListWidget:
        found = QListWidget()
        found.setAccessibleName(tr("Findings"))
        found.setWordWrap(True)
        found.setIconSize(QSize(16, 16))
        found.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        found.setSpacing(2)
        for one in objections:
            # A sign in the text would be drawn with the font of whatever letter follows it.
            item = QListWidgetItem(severity_icon(one.severity), one.message, found)
            item.setForeground(style.colours(COLOURS[one.severity])[0])
            if rule := checks.RULES.get(one.rule):
                item.setToolTip(basics.plain_tooltip(rule.explanation()))
        return found

    def _chosen(self) -> Objection | None:
        row = self.objections.currentRow()
        return self.report.objections[row] if row >= 0 else None

    def _show_rows(self) -> None:
        chosen = self._chosen()
        self.rows.setVisible(any(one.words for one in self.report.objections))
        self.rows.setEnabled(bool(chosen and chosen.words))
        self.prompt.setVisible(self._prompt() is not None)

    def _on_rows(self) -> None:
        """The rows are what stands in the way: mend them first, and come back."""
        chosen = self._chosen()
        if chosen and chosen.words:
            self.reject()
            self.rows_wanted.emit(chosen.words)

    def _prompt(self) -> str | None:
        """The prompt of the objection that is looked at, else of the only one that tells of prompts."""
        chosen = self._chosen()
        told = [one.prompt for one in self.report.objections if one.prompt is not None]  # each once
        if chosen and chosen.prompt is not None:
            return chosen.prompt
        return told[0] if len(told) == 1 else None

    def _on_prompt(self) -> None:
        prompt = self._prompt()
        assert prompt is not None
        self.reject()
        self.prompt_wanted.emit(prompt)

    def _on_start(self) -> None:
        self.accept()
        self.started.emit()


def cost_words(report: PreflightReport) -> str:
    """What the jobs would cost, in words."""
    if report.cost is None:
        return tr("The cost is unknown: this model is not in the price list.")
    low, high = report.cost
    if not high:
        return tr("Free: it is trained on this computer.")
    if low == high:
        return tr("Costs about {cost}", cost=dollars(high))
    return tr("Costs {low} to {high}", low=dollars(low), high=dollars(high))


def dollars(amount: float) -> str:
    """US dollars with the digits that matter."""
    return f"${amount:,.2f}" if amount >= 0.1 else f"${amount:.2g}"


def _amount(report: PreflightReport, server: str) -> str:
    jobs = trn("{n} job at “{server}”", "{n} jobs at “{server}”", report.jobs, server=server)
    rows = trn("{n} row", "{n} rows", report.rows)
    tokens = trn("{n} token", "{n} tokens", report.tokens)
    if report.epochs:
        epochs = trn("{n} epoch", "{n} epochs", report.epochs)
    else:
        epochs = tr("each with its own number of epochs") if report.jobs > 1 else tr("default number of epochs")
    return " · ".join((jobs, rows, tokens, epochs))


def _whose(report: PreflightReport) -> str:
    if not report.cost or not report.cost[1]:
        return ""
    return tr("By the prices of {source}; they can be changed in the settings. Your actual bill may differ.",
              source=report.prices)  # fmt: skip


def _heading(report: PreflightReport) -> str:
    if report.is_blocked:
        return tr("Fix this first. Nothing was sent.")
    return tr("Please read this before you start:") if report.asks else tr("Note:")


def _start_words(report: PreflightReport) -> str:
    if any(one.severity == "warning" for one in report.objections):
        return trn("Start {n} job anyway", "Start {n} jobs anyway", report.jobs)
    return trn("Start {n} job", "Start {n} jobs", report.jobs)
