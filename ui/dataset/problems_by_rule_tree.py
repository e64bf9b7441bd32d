"""The tree of problems by rule; the rows of a rule are loaded when it is expanded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtWidgets import QHeaderView, QStyledItemDelegate, QStyleOptionViewItem, QTreeWidget, QTreeWidgetItem

from core.checks import RULES
from core.language import tr, trn
from ui import style
from ui.widgets import basics, context_menus
from ui.widgets.severity_icon import severity_icon

TEXT_COLUMN, COUNT_COLUMN = range(2)
RULE_ROLE, ID_ROLE, CLUSTER_ROLE = (Qt.ItemDataRole.UserRole + number for number in range(1, 4))
MORE_ID = -1  # the id of the line that asks for more rows
NO_ROW = 0


@dataclass(frozen=True, slots=True)
class ProblemGroup:
    """A rule and the number of its rows; a problem of the whole dataset has no rows but a `message`."""

    rule: str
    count: int
    message: str = ""


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """A row with the problem. Rows of one `cluster` belong together; 0 is none."""

    id: int
    text: str
    cluster: int = 0
    message: str = ""


class ProblemsTree(QTreeWidget):
    """A tree with a line per rule, and below it the rows with the problem.

    `rows_wanted` asks for rows of a rule from an offset on; `chosen` gives a filter, `row_chosen` a row id.
    """

    rows_wanted = Signal(str, int)
    looked_at = Signal(str)  # the rule of the current line
    chosen = Signal(str)
    row_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setColumnCount(2)
        self.setHeaderLabels([tr("Error or warning"), tr("Rows")])
        self.setAccessibleName(tr("Errors and warnings by rule"))
        self.setUniformRowHeights(True)
        context_menus.offer(self)
        self.setItemDelegate(TallRowDelegate(self))
        self.header().setStretchLastSection(False)
        self.header().setSectionResizeMode(TEXT_COLUMN, QHeaderView.ResizeMode.Stretch)
        self.header().setSectionResizeMode(COUNT_COLUMN, QHeaderView.ResizeMode.ResizeToContents)
        self.headerItem().setTextAlignment(COUNT_COLUMN, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.itemExpanded.connect(self._on_expanded)
        self.itemClicked.connect(lambda item, _column: self._on_chosen(item))
        self.itemActivated.connect(lambda item, _column: self._on_chosen(item))
        self.currentItemChanged.connect(
            lambda item, _before: self.looked_at.emit(item.data(0, RULE_ROLE) if item else "")
        )

    def show_groups(self, groups: Sequence[ProblemGroup]) -> None:
        """Show `groups` in order. Expanded groups stay expanded and load their rows again."""
        current = self.current_rule()
        wanted = [group.rule for group in groups]
        for item in list(self._groups()):
            if item.data(0, RULE_ROLE) not in wanted:
                self.takeTopLevelItem(self.indexOfTopLevelItem(item))
        for place, group in enumerate(groups):
            self._show_group(place, group)
        if current not in wanted and (first := self.topLevelItem(0)):
            self.setCurrentItem(first)

    def current_rule(self) -> str:
        """The rule of the current line; '' for none."""
        item = self.currentItem()
        return str(item.data(0, RULE_ROLE)) if item else ""

    def add_rows(self, rule: str, offset: int, rows: Sequence[ProblemRow], more: int) -> None:
        """Show `rows` of `rule` from `offset` on; `more` are left."""
        item = self.find_group(rule)
        if item is None:
            return
        if offset == 0:
            item.takeChildren()
        elif (last := item.child(item.childCount() - 1)) and last.data(0, ID_ROLE) == MORE_ID:
            item.takeChild(item.childCount() - 1)
        for row in rows:
            self._add_row(item, row)
        if more > 0:
            text = trn("… {n} more", "… {n} more", more)
            line = _add_line(item, text, rule, MORE_ID)
            line.setData(0, CLUSTER_ROLE, offset + len(rows))

    def recolour(self) -> None:
        """Draw the icons again in the colours of the theme."""
        for item in self._groups():
            item.setIcon(TEXT_COLUMN, severity_icon(RULES[item.data(0, RULE_ROLE)].severity))

    def _groups(self) -> Iterator[QTreeWidgetItem]:
        items = (self.topLevelItem(place) for place in range(self.topLevelItemCount()))
        return (item for item in items if item)

    def find_group(self, rule: str) -> QTreeWidgetItem | None:
        """The line of a rule; None when no row has the problem."""
        return next((item for item in self._groups() if item.data(0, RULE_ROLE) == rule), None)

    def _show_group(self, place: int, group: ProblemGroup) -> None:
        item = self.find_group(group.rule)
        if item is None:
            item = QTreeWidgetItem()
            self.insertTopLevelItem(place, item)
        rule = RULES[group.rule]
        item.setData(0, RULE_ROLE, group.rule)
        item.setIcon(TEXT_COLUMN, severity_icon(rule.severity))
        item.setText(TEXT_COLUMN, rule.title())
        item.setText(COUNT_COLUMN, f"{group.count:,}" if group.count else "")
        item.setTextAlignment(COUNT_COLUMN, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setToolTip(TEXT_COLUMN, basics.plain_tooltip(group.message or rule.explanation()))
        self._prepare_rows(item, group)

    def _prepare_rows(self, item: QTreeWidgetItem, group: ProblemGroup) -> None:
        policy = QTreeWidgetItem.ChildIndicatorPolicy
        item.setChildIndicatorPolicy(policy.ShowIndicator if group.count else policy.DontShowIndicator)
        if item.isExpanded():
            self.rows_wanted.emit(group.rule, 0)
        else:
            item.takeChildren()

    def _add_row(self, group: QTreeWidgetItem, row: ProblemRow) -> None:
        parent = self._find_or_add_cluster(group, row.cluster) if row.cluster else group
        line = _add_line(parent, row.text, group.data(0, RULE_ROLE), row.id)
        line.setToolTip(TEXT_COLUMN, basics.plain_tooltip(f"{row.text}\n{row.message}".strip()))
        if parent is not group:
            parent.setText(TEXT_COLUMN, trn("group of {n} row", "group of {n} rows", parent.childCount()))

    def _find_or_add_cluster(self, group: QTreeWidgetItem, cluster: int) -> QTreeWidgetItem:
        last = group.child(group.childCount() - 1)
        if last is not None and last.data(0, CLUSTER_ROLE) == cluster and last.data(0, ID_ROLE) == NO_ROW:
            return last
        item = _add_line(group, "", group.data(0, RULE_ROLE), NO_ROW)
        item.setData(0, CLUSTER_ROLE, cluster)
        item.setExpanded(True)
        return item

    def _on_expanded(self, item: QTreeWidgetItem) -> None:
        if item.parent() is None and not item.childCount():
            _add_line(item, tr("Loading…"), item.data(0, RULE_ROLE), NO_ROW)
            self.rows_wanted.emit(item.data(0, RULE_ROLE), 0)

    def _on_chosen(self, item: QTreeWidgetItem) -> None:
        id = item.data(0, ID_ROLE)
        if item.parent() is None and item.text(COUNT_COLUMN):
            self.chosen.emit(item.data(0, RULE_ROLE))
        elif id == MORE_ID:
            self.rows_wanted.emit(item.data(0, RULE_ROLE), item.data(0, CLUSTER_ROLE))
        elif id:
            self.row_chosen.emit(id)


class TallRowDelegate(QStyledItemDelegate):
    """Rows as high as in the other lists."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        hint = super().sizeHint(option, index)
        return QSize(hint.width(), hint.height() + style.SPACE // 2)


def _add_line(parent: QTreeWidgetItem, text: str, rule: str, id: int) -> QTreeWidgetItem:
    item = QTreeWidgetItem(parent)
    item.setText(TEXT_COLUMN, " ".join(text.split()))
    item.setData(0, RULE_ROLE, rule)
    item.setData(0, ID_ROLE, id)
    return item
