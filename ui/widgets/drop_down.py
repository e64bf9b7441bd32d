"""A drop-down whose current entry ends in an ellipsis where it is cut, with the whole text as its tooltip."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QHelpEvent, QShowEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox, QLabel, QStyle, QStyleOptionComboBox, QToolTip, QWidget

from ui.widgets import basics
from ui.widgets.value_texts import add_values

WIDTH_TOLERANCE = (
    2  # pixels by which a text may be wider than its place: those of a box as wide as its hint are, after rounding
)
DIRECT_CHILDREN = Qt.FindChildOption.FindDirectChildrenOnly
WHOLE_ENTRIES = (
    QComboBox.SizeAdjustPolicy.AdjustToContents,
    QComboBox.SizeAdjustPolicy.AdjustToContentsOnFirstShow,
)
ICON_GAP = 4  # between an icon and the text


class DropDown(QComboBox):
    """A combo box whose current text ends in an ellipsis when cut, and whose list is as wide as its entries.

    On Linux, Qt tells a screen reader the current entry as the name of a combo box, and its purpose only by its label.
    One that has a name and no label on the screen gets a hidden one.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._prefers_whole_text = False
        # Not higher than a box without icons or with other entries: else it stands two pixels off in a row of fields.
        self.setIconSize(QSize(*[self.fontMetrics().height()] * 2))

    def prefer_whole_text(self) -> None:
        """Be as wide as the current text where there is room, and no wider than `minimumContentsLength` where there is none."""
        self._prefers_whole_text = True
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.currentTextChanged.connect(lambda _text: self.updateGeometry())
        self.updateGeometry()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        parent = self.parentWidget()
        if parent is not None and self.accessibleName():
            labels = [one for one in parent.findChildren(QLabel, options=DIRECT_CHILDREN) if one.buddy() is self]
            if not labels:
                label = QLabel(self.accessibleName(), parent)
                label.setBuddy(self)
                label.hide()

    def initStyleOption(self, option: QStyleOptionComboBox) -> None:
        super().initStyleOption(option)
        option.currentText = self._elide_text(option)

    def sizeHint(self) -> QSize:
        """Wide enough for each entry: Qt's own hint forgets the paddings of the style sheet, which grow with the texts."""
        hint = super().sizeHint()
        shown = range(self.count()) if self.sizeAdjustPolicy() in WHOLE_ENTRIES else []
        if self._prefers_whole_text and self.currentIndex() >= 0:
            shown = [self.currentIndex()]
        if not shown:
            return hint
        option = QStyleOptionComboBox()
        super().initStyleOption(option)
        option.rect = QRect(QPoint(0, 0), hint)
        part = QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, self).width()
        need = max(self._entry_width(place) for place in shown)
        return QSize(hint.width() + max(0, need - room), hint.height())

    def minimumSizeHint(self) -> QSize:
        if self.sizeAdjustPolicy() in WHOLE_ENTRIES and not self.minimumContentsLength():
            return self.sizeHint()
        return super().sizeHint() if self._prefers_whole_text else super().minimumSizeHint()

    def _entry_width(self, place: int) -> int:
        icon = 0 if self.itemIcon(place).isNull() else self.iconSize().width() + ICON_GAP
        return self.fontMetrics().horizontalAdvance(self.itemText(place)) + icon

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and self.is_cut() and not self.toolTip():
            assert isinstance(event, QHelpEvent)
            QToolTip.showText(event.globalPos(), basics.plain_tooltip(self.currentText()), self)
            return True
        return super().event(event)

    def showPopup(self) -> None:
        """Make the list as wide as its entries, which may differ only at their ends."""
        view = self.view()
        bar = view.verticalScrollBar().sizeHint().width() + 2 * view.frameWidth()
        view.setMinimumWidth(max(self.width(), view.sizeHintForColumn(0) + bar))
        super().showPopup()

    def is_cut(self) -> bool:
        """Whether the current text is too long for the box."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        return option.currentText != self.currentText()

    def _elide_text(self, option: QStyleOptionComboBox) -> str:
        part = QStyle.SubControl.SC_ComboBoxEditField
        place = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, self)
        room = place.width() - (0 if option.currentIcon.isNull() else option.iconSize.width() + ICON_GAP)
        if self.fontMetrics().horizontalAdvance(option.currentText) <= room + WIDTH_TOLERANCE:
            return option.currentText
        return self.fontMetrics().elidedText(option.currentText, Qt.TextElideMode.ElideRight, room)


class ScrollSafeDropDown(DropDown):
    """A drop-down that the mouse wheel does not change: for one inside a scroll area."""

    def __init__(self, name: str, values: Sequence[str] = ()) -> None:
        super().__init__()
        self.setAccessibleName(name)
        add_values(self, values)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()
