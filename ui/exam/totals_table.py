"""The totals of an exam as a table: a row per subject, its rates with intervals, and its difference from another."""

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QFont, QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QTableView

from core.exam import calibration_texts, scores
from core.exam.report.report_formatting import format_p_value
from core.exam.scores import PairedComparison, SubjectTotal
from core.language import tr, trn
from ui import style
from ui.exam import exam_texts
from ui.exam.exam_texts import GAINED_SYMBOL, LOST_SYMBOL, NO_VALUE
from ui.exam.heat_map_model import rate_colour
from ui.exam.result_data import ExamOutcome, SubjectComparison
from ui.widgets import basics, tables

(
    SUBJECT_COLUMN,
    HELD_OUT_COLUMN,
    RATE_GAP_COLUMN,
    INTERVAL_COLUMN,
    CORRECTED_COLUMN,
    SCORE_COLUMN,
    GAP_COLUMN,
    CHANCE_COLUMN,
    CHANGED_COLUMN,
    GENERAL_COLUMN,
    MEMORISED_COLUMN,
    LEAKED_COLUMN,
    SPREAD_COLUMN,
    UNMARKED_COLUMN,
    SECONDS_COLUMN,
    COST_COLUMN,
) = range(16)
COLUMN_WIDTHS = (168, 104, 84, 106, 150, 64, 132, 72, 80, 104, 104, 104, 104, 78, 78, 84)
DIM_COLUMNS = (MEMORISED_COLUMN, LEAKED_COLUMN)  # columns that prove nothing

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole


class TotalsModel(QAbstractTableModel):
    """The totals as a Qt model: a row per subject; the columns are the constants above."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._outcome: ExamOutcome | None = None
        self._compared: SubjectComparison | None = None

    def show_outcome(self, outcome: ExamOutcome, compared: SubjectComparison | None) -> None:
        """Show a run's totals; `compared` comes a moment later."""
        same = self._outcome is not None and self._outcome.run.id == outcome.run.id
        if not same:
            self.beginResetModel()
        self._outcome, self._compared = outcome, compared
        if same:
            self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, COST_COLUMN))
            self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, COST_COLUMN)
        else:
            self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() or self._outcome is None else len(self._outcome.result.totals)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else COST_COLUMN + 1

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Role.DisplayRole:
            return _column_titles()[section][0]
        if role == Role.ToolTipRole:
            return basics.plain_tooltip(_column_titles()[section][1])
        if role == Role.TextAlignmentRole:
            return _alignment(section)
        return None

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        assert self._outcome
        row, column = index.row(), index.column()
        total = self._outcome.result.totals[row]
        match role:
            case Role.DisplayRole:
                return self._cell_text(row, column, total)
            case Role.BackgroundRole:
                return {HELD_OUT_COLUMN: rate_colour(total.held), GENERAL_COLUMN: rate_colour(total.general)}.get(
                    column
                )
            case Role.ForegroundRole:
                return self._cell_colour(row, column, total)
            case Role.FontRole if column in DIM_COLUMNS:
                return _italic_font()
            case Role.TextAlignmentRole:
                return _alignment(column)
            case Role.ToolTipRole:
                return basics.plain_tooltip(self._tooltip(row, column, total))
        return None

    def _cell_text(self, row: int, column: int, total: SubjectTotal) -> str:
        if column in (RATE_GAP_COLUMN, GAP_COLUMN, CHANCE_COLUMN, CHANGED_COLUMN):
            return self._format_comparison(row, column)
        assert self._outcome
        outcome, given = self._outcome, self._outcome.answers[row]
        rates = {
            HELD_OUT_COLUMN: total.held, GENERAL_COLUMN: total.general, MEMORISED_COLUMN: total.memorised,
            LEAKED_COLUMN: total.leaked,
        }  # fmt: skip
        if column in rates:
            return exam_texts.format_rate(rates[column])
        return {
            SUBJECT_COLUMN: lambda: exam_texts.subject_heading(total.subject, outcome.servers[row]),
            INTERVAL_COLUMN: lambda: exam_texts.format_interval(total.held),
            CORRECTED_COLUMN: lambda: _format_corrected(outcome, row),
            SCORE_COLUMN: lambda: f"{100 * total.score:.0f}" if total.held.asked else NO_VALUE,
            SPREAD_COLUMN: lambda: f"{total.spread.disagreeing:.0%}" if total.spread.n else NO_VALUE,
            UNMARKED_COLUMN: lambda: f"{total.unmarked:,}" if total.unmarked else NO_VALUE,
            SECONDS_COLUMN: lambda: f"{total.seconds / given:.2f}" if given and total.seconds else NO_VALUE,
            COST_COLUMN: lambda: exam_texts.format_price(total.per_thousand) if given else NO_VALUE,
        }[column]()

    def _comparison(self, row: int) -> PairedComparison | None:
        found = self._compared.comparisons if self._compared else []
        return found[row] if row < len(found) else None

    def _format_comparison(self, row: int, column: int) -> str:
        """What parts the subject from the one that all are compared with."""
        found = self._comparison(row)
        if found is None:
            return NO_VALUE if self._compared else "…"
        if not found.scoring.n:
            return NO_VALUE
        low, high = found.scoring.interval
        return {
            RATE_GAP_COLUMN: f"{round(100 * (found.mine.share - found.other.share)):+d}",
            GAP_COLUMN: f"{round(100 * found.scoring.mean):+d}  ({round(100 * low):+d} … {round(100 * high):+d})",
            CHANCE_COLUMN: format_p_value(found.passing.p),
            CHANGED_COLUMN: f"{GAINED_SYMBOL} {len(scores.fact_names(found.gained))}  {LOST_SYMBOL} {len(scores.fact_names(found.lost))}",
        }[column]

    def _cell_colour(self, row: int, column: int, total: SubjectTotal) -> Any:
        if column in DIM_COLUMNS:
            return style.dim()
        if column == SUBJECT_COLUMN and total.subject.error:
            return style.colours("error")[0]
        found = self._comparison(row)
        if column == GAP_COLUMN and found is not None and found.scoring.is_clear:
            return style.colours("good" if found.scoring.mean > 0 else "error")[0]
        return None

    def _tooltip(self, row: int, column: int, total: SubjectTotal) -> str:
        assert self._outcome
        if column == SUBJECT_COLUMN:
            return self._outcome.columns[row].tooltip
        text = _column_titles()[column][1]
        found = self._comparison(row)
        if column in (HELD_OUT_COLUMN, INTERVAL_COLUMN) and total.held.asked:
            return "\n".join(
                filter(
                    None,
                    (
                        text,
                        exam_texts.format_repeats(total.held),
                        exam_texts.format_few_questions(total.held.questions),
                    ),
                )
            )
        if column == CHANCE_COLUMN and found is not None:
            return f"{text}\n" + tr("{gained} questions only this one answered right, {lost} only the other.",
                                    gained=found.passing.gained, lost=found.passing.lost)  # fmt: skip
        if column == SPREAD_COLUMN and total.spread.n:
            return f"{text}\n" + trn("{n} question was asked several times; its scores vary by {deviation}.",
                                     "{n} questions were asked several times; the scores of one question vary by "
                                     "{deviation}.",
                                     total.spread.n, deviation=f"{100 * total.spread.deviation:.1f}")  # fmt: skip
        return text


def _column_titles() -> list[tuple[str, str]]:
    """The headings, and what each column says."""
    return [
        (tr("Subject"), tr("A model with its condition")),
        (tr("Held out"), tr("Right answers to questions that were never used for training, without the general ones")),
        (
            tr("Difference"),
            tr("Of the held-out rate, in points, over the questions that both have answered"),
        ),
        (
            tr("95 % interval"),
            tr(
                "It contains the true held-out rate 95 times out of 100. The questions are the sample, however often each was asked."
            ),
        ),
        (
            tr("Corrected"),
            tr(
                "The held-out rate without the errors that the grader makes by your own marks, with its 95 % interval. "
                "It takes the errors to be the same for all subjects and kinds of question."
            ),
        ),
        (tr("Score"), tr("The mean score of the held-out questions, of 100")),
        (tr("Score difference"), tr("Of the mean score, in points, with its 95 % interval, paired by question")),
        (
            tr("p"),
            tr(
                "Probability that a difference this large is due to chance (McNemar's exact test over the "
                "held-out questions)"
            ),
        ),
        (tr("Facts"), tr("Facts gained and lost compared with the reference subject")),
        (tr("General"), tr("General knowledge: what is lost here was forgotten")),
        (tr("Memorised"), tr("The exact wordings of training rows. This does not prove that a fact was learned.")),
        (tr("Leaked"), tr("Exam questions that are also among the training rows. They are not counted in the result.")),
        (tr("Inconsistent"), tr("Questions that are answered now right, now wrong")),
        (tr("Unmarked"), tr("Answers that the grader could not mark")),
        (tr("s/answer"), tr("Seconds per answer, on average")),
        (tr("per 1,000"), tr("US dollars per thousand questions asked this way")),
    ]


class TotalsTable(QTableView):
    """The table of totals, as high as its rows; `chosen` gives the place of the selected subject."""

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__(showGrid=False, wordWrap=False)
        self.totals = TotalsModel(self)
        self.setModel(self.totals)
        tables.set_up(self, tr("Results of the subjects"), lines=2)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for section, width in enumerate(COLUMN_WIDTHS):
            tables.set_column_width(self, section, width)
        self.selectionModel().selectionChanged.connect(lambda _new, _old: self._on_selected())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and self.model() is not None:  # its titles may be bold now
            for section in range(len(COLUMN_WIDTHS)):
                tables.widen_to_title(self, section)

    def show_outcome(self, outcome: ExamOutcome, compared: SubjectComparison | None) -> None:
        """Show one line for each subject; columns that all leave empty are hidden."""
        self.totals.show_outcome(outcome, compared)
        spread = any(total.spread.n for total in outcome.result.totals)
        self.setColumnHidden(SPREAD_COLUMN, not spread)
        corrected = any(outcome.result.correct_held(row) for row in range(len(outcome.result.totals)))
        self.setColumnHidden(CORRECTED_COLUMN, not corrected)
        self.setColumnHidden(UNMARKED_COLUMN, not any(total.unmarked for total in outcome.result.totals))
        self.setColumnHidden(MEMORISED_COLUMN, not any(total.memorised.asked for total in outcome.result.totals))
        self.setColumnHidden(LEAKED_COLUMN, not any(total.leaked.asked for total in outcome.result.totals))
        self.setColumnHidden(GENERAL_COLUMN, not any(total.general.asked for total in outcome.result.totals))
        self._fit()

    def subject(self) -> int | None:
        """The place of the selected subject; None if none is."""
        rows = self.selectionModel().selectedRows()
        return rows[0].row() if rows else None

    def sizeHint(self) -> QSize:
        lines = self.horizontalHeader().sizeHint().height() + self.verticalHeader().length()
        bar = self.horizontalScrollBar().sizeHint().height() if self._spare_width() < 0 else 0
        return QSize(style.scaled(600), lines + bar + 2 * self.frameWidth())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fit()

    def _fit(self) -> None:
        """As high as its lines; the names have what the other columns leave."""
        tables.set_column_width(self, SUBJECT_COLUMN, COLUMN_WIDTHS[SUBJECT_COLUMN])
        if (spare := self._spare_width()) > 0:
            self.setColumnWidth(SUBJECT_COLUMN, self.columnWidth(SUBJECT_COLUMN) + spare)
        self.updateGeometry()
        self.setFixedHeight(self.sizeHint().height())

    def _spare_width(self) -> int:
        """Pixels that the columns leave; below 0 where they have to be scrolled."""
        return self.width() - 2 * self.frameWidth() - self.horizontalHeader().length()

    def _on_selected(self) -> None:
        if (subject := self.subject()) is not None:
            self.chosen.emit(subject)


def _format_corrected(outcome: ExamOutcome, row: int) -> str:
    found = outcome.result.correct_held(row)
    return calibration_texts.format_corrected(found) if found else NO_VALUE


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignLeft if column == SUBJECT_COLUMN else Qt.AlignmentFlag.AlignHCenter
    return side | Qt.AlignmentFlag.AlignVCenter


def _italic_font() -> QFont:
    font = QFont(QGuiApplication.font())
    font.setItalic(True)
    return font
