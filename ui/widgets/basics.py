"""Small widgets and helpers that several tabs use."""

import html
from collections.abc import Callable, Sequence
from itertools import pairwise

from PySide6.QtCore import QEvent, QItemSelectionModel, QSize, Qt
from PySide6.QtGui import (
    QAction,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPalette,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QAbstractScrollArea,
    QCommandLinkButton,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QMenu,
    QPushButton,
    QSpinBox,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.language import tr
from ui import style

MENU_ROOM = 6  # average letters that a menu is wider than Qt makes it
SPIN_BOX_MARGINS = (8, 0, 0, 0)  # the style sheet's padding does not reach the text of a spin box
RECOLOUR_EVENTS = (QEvent.Type.ApplicationPaletteChange, QEvent.Type.StyleChange)
REASON_NAME = "reason"  # the name of a dialog's line that says why its button is off
# Keys of standard actions for which a plain X session, or Windows, defines none.
USUAL_KEYS = {
    QKeySequence.StandardKey.Replace: "Ctrl+H",
    QKeySequence.StandardKey.Quit: "Ctrl+Q",
    QKeySequence.StandardKey.Preferences: "Ctrl+,",
}
BYTE_UNITS = ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"))


class WrappedLabel(QLabel):
    """A label over several lines that is never cut off: its dialog grows when the text gets longer.

    Qt's layouts ask a wrapped label for its height once, when a dialog is first shown, and squeeze it later.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)

    def setText(self, text: str) -> None:
        super().setText(text)
        self._claim()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._claim()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._claim()

    def _claim(self) -> None:
        # Messages that float over a window are given their size by it (ui/widgets/floating_message.py).
        if isinstance(self.window(), QDialog) and self.isVisible():
            self.setMinimumHeight(0)  # which Qt counts into the height, so that it would never get less again
            self.setMinimumHeight(max(self.heightForWidth(self.width()), 0))


def label(text: str = "", wrap: bool = False, dim: bool = False) -> QLabel:
    """A label that shows `text` as plain text: a file or a model may have written it."""
    label = WrappedLabel(text) if wrap else QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    if dim:
        label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    return label


def label_for(text: str, field: QWidget) -> QLabel:
    """A label that belongs to `field`: its underlined letter leads there, and a screen reader names the field by it."""
    label = QLabel(text)
    label.setBuddy(field)
    return label


def heading(text: str) -> QLabel:
    """A label in a larger bold font."""
    title = label(text)
    title.setFont(style.sized_font(title.font(), style.HEADING, bold=True))
    return title


def primary_button(text: str) -> QPushButton:
    """The main button of a tab or dialog."""
    button = QPushButton(text)
    button.setProperty("primary", True)
    return button


def choice_button(title: str, words: str, run: Callable[[], object]) -> QCommandLinkButton:
    """A large button for one of several ways to go on: what it is called, and below it what it does."""
    button = QCommandLinkButton(title, words)
    button.setIcon(style.icon("arrow-right"))
    button.setMinimumWidth(style.scaled(style.TEXT_WIDTH))
    button.clicked.connect(lambda _checked: run())
    return button


def tool_button(text: str, name: str, has_tip: bool = False) -> QToolButton:
    """A flat button that shows `text`, one or two characters; a screen reader says `name`, also its tooltip if `has_tip`."""
    button = QToolButton()
    button.setText(text)
    button.setAutoRaise(True)
    button.setAccessibleName(name)
    button.setToolTip(name if has_tip else "")
    return button


def toggle_button(text: str, checked: bool = False) -> QPushButton:
    """A button that stays pressed while what it shows is on."""
    button = QPushButton(text)
    button.setCheckable(True)
    button.setChecked(checked)
    return button


def disclosure_button(text: str) -> QToolButton:
    """A flat button with an arrow, checked while what it hides at first is shown."""
    button = QToolButton()
    button.setText(text)
    button.setCheckable(True)
    button.setProperty("disclosure", True)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setArrowType(Qt.ArrowType.RightArrow)
    button.toggled.connect(lambda on: button.setArrowType(Qt.ArrowType.DownArrow if on else Qt.ArrowType.RightArrow))
    return button


def column(*parts: QWidget | QLayout, spacing: int = -1) -> QWidget:
    """A widget with `parts` one below the other; text fields, tables and stacks take the remaining height.

    `spacing` is in pixels; -1 is the default of the style.
    """
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    for part in parts:
        if isinstance(part, QWidget):
            layout.addWidget(part, int(isinstance(part, QAbstractScrollArea | QStackedWidget)))
        else:
            layout.addLayout(part)
    return page


def in_the_middle(*parts: QWidget) -> QHBoxLayout:
    """A line with `parts` in its middle. A single one gets all the width up to its largest."""
    line = QHBoxLayout()
    line.addStretch()
    for part in parts:
        line.addWidget(part, int(len(parts) == 1 and isinstance(part, QLabel)))
    line.addStretch()
    return line


def order_focus(*widgets: QWidget) -> None:
    """Let Tab go from each of the widgets to the next: Qt follows the order in which they were made."""
    for one, other in pairwise(widgets):
        QWidget.setTabOrder(one, other)


def close_button_box(dialog: QDialog) -> QDialogButtonBox:
    """The button box of a dialog that only has a Close button."""
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    close = box.button(QDialogButtonBox.StandardButton.Close)
    close.setText(tr("Close"))
    close.setAutoDefault(False)  # Enter belongs to the fields above
    box.rejected.connect(dialog.reject)
    return box


class _IntegerField(QSpinBox):
    """A number that the mouse wheel changes only where the field has the focus: a page may be scrolled over it."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: QWheelEvent) -> None:
        super().wheelEvent(event) if self.hasFocus() else event.ignore()


def integer_field(least: int, most: int, value: int) -> QSpinBox:
    """A field for a whole number."""
    box = _IntegerField()
    box.setRange(least, most)
    box.setValue(value)
    box.lineEdit().setTextMargins(*SPIN_BOX_MARGINS)
    return box


def decimal_field(least: float, most: float, step: float, value: float) -> QDoubleSpinBox:
    """A field for a number with two decimals."""
    box = QDoubleSpinBox()
    box.setRange(least, most)
    box.setSingleStep(step)
    box.setValue(value)
    box.lineEdit().setTextMargins(*SPIN_BOX_MARGINS)
    return box


def select_row(view: QAbstractItemView, row: int, column: int = 0) -> None:
    """Select this row alone, the cursor in `column`. Nothing happens where there is no such row.

    Not `selectRow` or `setCurrentCell`: they do what a click would do with the keys that are held right now.
    """
    if (index := view.model().index(row, column)).isValid():
        flags = QItemSelectionModel.SelectionFlag
        view.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)


def plain_tooltip(text: str) -> str:
    """A tool tip that shows `text` as plain text, line by line: without this, Qt guesses whether it is markup."""
    return f"<p>{html.escape(text).replace(chr(10), '<br>')}</p>"


def explain(widget: QWidget, text: str) -> None:
    """Show `text` as the tool tip of `widget`, and tell it to a screen reader, which would read the tool tip's markup."""
    widget.setToolTip(plain_tooltip(text) if text else "")
    widget.setAccessibleDescription(text)


def set_enabled(button: QWidget, reason: str = "", note: "Note | None" = None) -> None:
    """Enable `button`, or with a `reason` disable it and show why: as its tool tip, to a screen reader, and in `note`.

    Without a note the reason is shown above the buttons of its dialog. Its own tool tip returns when it is enabled.
    """
    if button.isEnabled():
        button.setProperty("tip", button.toolTip())
        button.setProperty("description", button.accessibleDescription())
    button.setEnabled(not reason)
    button.setToolTip(plain_tooltip(reason) if reason else button.property("tip") or "")
    button.setAccessibleDescription(reason or button.property("description") or "")
    if note := note or _find_reason_note(button):
        note.show_text(reason)


def _find_reason_note(button: QWidget) -> "Note | None":
    """The note above a dialog's buttons that says why one is disabled, added when missing; None without such buttons."""
    box = button.parentWidget()
    window = box.parentWidget() if isinstance(box, QDialogButtonBox) else None
    layout = window.layout() if window else None
    if box is None or window is None or not isinstance(layout, QVBoxLayout) or layout.indexOf(box) < 0:
        return None
    if found := window.findChild(Note, REASON_NAME):
        return found
    note = Note()
    note.setObjectName(REASON_NAME)
    policy = note.sizePolicy()
    policy.setRetainSizeWhenHidden(True)  # what is around it must not move
    note.setSizePolicy(policy)
    note.setMinimumHeight(note.fontMetrics().height())
    layout.insertWidget(layout.indexOf(box), note)
    return note


def format_bytes(count: int) -> str:
    """A number of bytes as text, such as "1.2 GB"."""
    for unit, name in BYTE_UNITS:
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count} B"


def _set_style_sheet(widget: QWidget, sheet: str) -> None:
    """Set the style sheet only when it differs: setting it sends the widget a StyleChange event."""
    if widget.styleSheet() != sheet:
        widget.setStyleSheet(sheet)


class ElidedLabel(QLabel):
    """A label of one line that ends with an ellipsis when it is cut."""

    MODE = Qt.TextElideMode.ElideRight

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setMinimumWidth(style.scaled(120))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.minimumWidth(), super().minimumSizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        text = self.fontMetrics().elidedText(self.text(), self.MODE, self.width())
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignVCenter), text)


class Note(WrappedLabel):
    """A line of text, dim or in the colour of its meaning: error, warning, good or note. Hidden while empty."""

    def __init__(self) -> None:
        super().__init__()
        self._meaning = ""
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.hide()

    def show_text(self, text: str, meaning: str = "") -> None:
        """Show `text` in the colour of `meaning` ("error", "warning", "good", "note" or ''); '' hides it."""
        self._meaning = meaning
        self.setText(text)
        self.setVisible(bool(text))
        self._apply_colour()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in RECOLOUR_EVENTS:
            self._apply_colour()

    def _apply_colour(self) -> None:
        # Not its own palette, which its style sheet changes.
        colour = style.colours(self._meaning)[0] if self._meaning else style.dim()
        _set_style_sheet(self, f"color: {colour.name()}")


class ColouredFrame(QFrame):
    """A frame in the colours of its meaning; its style sheet finds it by its object name."""

    def __init__(self, name: str, meaning: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._meaning = meaning
        self.setObjectName(name)
        self._apply_colour()

    def set_meaning(self, meaning: str) -> None:
        """Colour the frame for "error", "warning", "good" or "note"."""
        self._meaning = meaning
        self._apply_colour()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in RECOLOUR_EVENTS:
            self._apply_colour()

    def _apply_colour(self) -> None:
        # Not its own palette, which its style sheet changes.
        _set_style_sheet(self, style.tinted_box_sheet(self.objectName(), self._meaning))


class Chip(QLabel):
    """A short text on a background in the colours of its meaning."""

    def __init__(self, meaning: str, is_lacking: bool = False) -> None:
        """A chip that `is_lacking` has a dashed edge."""
        super().__init__()
        self._meaning, self._is_lacking = meaning, is_lacking
        self.setTextFormat(Qt.TextFormat.PlainText)
        self._apply_colour()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in RECOLOUR_EVENTS:
            self._apply_colour()

    def _apply_colour(self) -> None:
        _set_style_sheet(self, style.chip_sheet(self._meaning, self._is_lacking))


class EmptyState(QWidget):
    """What a page shows while it has no content: what will be here, and what to do next."""

    def __init__(
        self, title: str = "", text: str = "", buttons: Sequence[QPushButton] = (), parts: Sequence[QWidget] = ()
    ) -> None:
        """The `buttons` are what can be done next, below the text and what else is shown, the `parts`."""
        super().__init__()
        self.title, self.text = heading(title), label(text, wrap=True, dim=True)
        self.text.setMaximumWidth(style.scaled(style.TEXT_WIDTH))
        layout = QVBoxLayout(self)
        layout.addStretch()
        for part in (self.title, self.text):
            part.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout.addWidget(self.title)
        layout.addLayout(in_the_middle(self.text))
        for more in parts:
            layout.addSpacing(style.SPACE // 2)
            layout.addLayout(in_the_middle(more))
        if buttons:
            layout.addSpacing(style.SPACE)
            layout.addLayout(in_the_middle(*buttons))
        layout.addStretch()

    def set_texts(self, title: str, text: str) -> None:
        """Show another reason why there is no content."""
        self.title.setText(title)
        self.text.setText(text)


class LinkButton(QToolButton):
    """A button that looks like a link, and starts where a text would."""

    def __init__(self, text: str = "", tip: str = "") -> None:
        super().__init__()
        self.setText(text)
        self.setToolTip(tip)
        self.setStyleSheet(style.LINK_SHEET)

    def sizeHint(self) -> QSize:
        # Qt adds two spaces to the text's width.
        hint = super().sizeHint()
        return QSize(hint.width() - 2 * self.fontMetrics().horizontalAdvance(" "), hint.height())


def short_model_name(model: str) -> str:
    """A fine-tuned model's name ft:BASE:ORG:SUFFIX:ID[:CHECKPOINT] as SUFFIX (ID) · BASE; other names unchanged."""
    parts = model.split(":")
    if parts[0] != "ft" or len(parts) < 5:
        return model
    name = f"{parts[3]} ({parts[4][:6]})" if parts[3] else parts[4][:6]
    return " · ".join([name, *parts[5:], parts[1]])


def key_sequence(key: QKeySequence.StandardKey) -> QKeySequence:
    """The keys of a standard action: those of the desktop, else the usual ones (a plain X session defines none for some)."""
    found = QKeySequence(key)
    return found if not found.isEmpty() else QKeySequence(USUAL_KEYS.get(key, ""))


def make_room_in(menu: QMenu) -> None:
    """Make a menu wide enough for its entries: with large letters, Qt cuts those beside the longest shortcut."""
    menu.setMinimumWidth(0)
    menu.setMinimumWidth(menu.sizeHint().width() + MENU_ROOM * menu.fontMetrics().averageCharWidth())


def menu_action(menu: QMenu, text: str, slot: Callable[[], object], shortcut: object = None) -> QAction:
    """An entry of `menu`; `shortcut` is a standard key or a text such as "Ctrl+I"."""
    action = menu.addAction(text)
    action.triggered.connect(lambda _checked=False: slot())
    if isinstance(shortcut, QKeySequence.StandardKey):
        action.setShortcut(key_sequence(shortcut))
    elif shortcut is not None:
        action.setShortcut(shortcut)  # type: ignore[call-overload]
    return action
