"""Small widgets that several tabs use."""

import html

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QAbstractScrollArea,
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QSpinBox,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.errors import JukuError
from core.language import tr
from core.providers import Offer
from ui import style

INSET = (5, 0, 0, 0)  # the style sheet's padding does not reach the text of a spin box
UNITS = ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"))


def label(text: str = "", wrap: bool = False, dim: bool = False) -> QLabel:
    """A label that never reads its text as markup: a file or a model may have written it."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    if dim:
        made.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    return made


def heading(text: str) -> QLabel:
    made = label(text)
    font = made.font()
    font.setBold(True)
    font.setPointSizeF(font.pointSizeF() * 1.1)
    made.setFont(font)
    return made


def primary(text: str) -> QPushButton:
    """The one button of a tab that does its main work."""
    button = QPushButton(text)
    button.setProperty("primary", True)
    return button


def column(*parts: QWidget | QLayout) -> QWidget:
    """The parts one below the other; fields for texts, tables and stacks take the room that is left."""
    made = QWidget()
    layout = QVBoxLayout(made)
    layout.setContentsMargins(0, 0, 0, 0)
    for part in parts:
        if isinstance(part, QWidget):
            layout.addWidget(part, int(isinstance(part, QAbstractScrollArea | QStackedWidget)))
        else:
            layout.addLayout(part)
    return made


def whole(least: int, most: int, value: int) -> QSpinBox:
    """A field for a whole number."""
    box = QSpinBox()
    box.setRange(least, most)
    box.setValue(value)
    box.lineEdit().setTextMargins(*INSET)
    return box


def decimal(least: float, most: float, step: float, value: float) -> QDoubleSpinBox:
    """A field for a number with two decimals."""
    box = QDoubleSpinBox()
    box.setRange(least, most)
    box.setSingleStep(step)
    box.setValue(value)
    box.lineEdit().setTextMargins(*INSET)
    return box


def tip(text: str) -> str:
    """A tool tip that shows `text` to the letter, whoever wrote it: as markup on purpose, since Qt would guess."""
    return f"<p>{html.escape(text)}</p>"


def size(count: int) -> str:
    """A number of bytes as a person reads it."""
    for unit, name in UNITS:
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count} B"


class Note(QLabel):
    """A line in words, dim or in the colour of what it means: error, warning, good or note. Hidden while empty."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._meaning = ""
        self.hide()

    def say(self, text: str, meaning: str = "") -> None:
        self._meaning = meaning
        self.setText(text)
        self.setVisible(bool(text))
        self._colour()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ApplicationPaletteChange:
            self._colour()

    def _colour(self) -> None:
        # Not its own palette, which its style sheet changes.
        colour = style.colours(self._meaning)[0] if self._meaning else style.dim()
        self.setStyleSheet(f"color: {colour.name()}")


class Coloured(QFrame):
    """A frame in the colours of what it means; it has the name its style sheet finds it by."""

    def __init__(self, name: str, meaning: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._meaning = meaning
        self._colour()

    def mean(self, meaning: str) -> None:
        self._meaning = meaning
        self._colour()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ApplicationPaletteChange:
            self._colour()

    def _colour(self) -> None:
        # Not its own palette, which its style sheet changes.
        front, back = style.colours(self._meaning)
        name = self.objectName()
        self.setStyleSheet(
            f"#{name} {{ background: {back.name()}; border: 1px solid {front.name()}; border-radius: 6px; }}"
            f"#{name} QLabel {{ color: {front.name()}; }}"
        )


class EmptyState(QWidget):
    """What stands where nothing is yet: what will be here, and what to do next."""

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.addStretch()
        for part in (heading(title), label(text, wrap=True, dim=True)):
            part.setAlignment(Qt.AlignmentFlag.AlignCenter)
            layout.addWidget(part)
        layout.addStretch()


class MessageBar(QFrame):
    """An error in words above the tabs; it stays until it is closed or the next one comes."""

    def __init__(self) -> None:
        super().__init__()
        self.setAutoFillBackground(True)
        self._text = label(wrap=True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        close = QToolButton(text="✕", autoRaise=True)
        close.setAccessibleName(tr("Close message"))
        close.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.addWidget(self._text, 1)
        layout.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    def text(self) -> str:
        return self._text.text()

    def show_error(self, error: JukuError) -> None:
        self.show_text(f"{error.title}\n{error.message}".strip(), "error")

    def show_text(self, text: str, meaning: str = "note") -> None:
        """Say `text` in the colours of `meaning`: error, warning, good or note."""
        front, back = style.colours(meaning)
        self.setStyleSheet(f"MessageBar {{ background: {back.name()}; border-bottom: 1px solid {front.name()}; }}"
                           f"QLabel, QToolButton {{ color: {front.name()}; background: transparent; }}")  # fmt: skip
        self._text.setText(text)
        self.show()


class ModelBox(QComboBox):
    """Chooses one of the provider's models; the choice survives when the list is loaded anew."""

    chosen = Signal(str)

    def __init__(self, tuned: bool = True) -> None:
        super().__init__()
        self._tuned = tuned  # whether tuned models are offered too
        self.setMinimumContentsLength(24)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.activated.connect(lambda _index: self.chosen.emit(self.model()))

    def show_offers(self, offers: list[Offer]) -> None:
        offers = [offer for offer in offers if self._tuned or not offer.tuned]
        before = self.model()
        if [offer.id for offer in offers] != [self.itemData(index).id for index in range(self.count())]:
            self.clear()
            self.addItems([""] * len(offers))
        for index, offer in enumerate(offers):  # in place, so that a list that is open stays open
            self.setItemText(index, _title(offer))
            self.setItemData(index, offer)
            self.setItemData(index, tip(offer.id), Qt.ItemDataRole.ToolTipRole)
        self.choose(before)

    def choose(self, model: str) -> None:
        """Select `model` if it is offered, else leave the choice as it is."""
        for index in range(self.count()):
            if self.itemData(index).id == model:
                self.setCurrentIndex(index)

    def offer(self) -> Offer | None:
        found: Offer | None = self.currentData()
        return found

    def model(self) -> str:
        return found.id if (found := self.offer()) else ""


def _title(offer: Offer) -> str:
    if offer.state in ("ready", "available"):
        return short_name(offer.id) if offer.tuned else offer.title
    if offer.state == "fetching":
        return tr("{title} – downloading", title=offer.title)
    return tr("{title} – not on this computer yet ({size})", title=offer.title, size=size(offer.bytes))


def short_name(model: str) -> str:
    """ft:BASE:ORG:SUFFIX:ID[:CHECKPOINT] as a person can tell it from the others: SUFFIX (ID) · BASE."""
    parts = model.split(":")
    if parts[0] != "ft" or len(parts) < 5:
        return model
    name = f"{parts[3]} ({parts[4][:6]})" if parts[3] else parts[4][:6]
    return " · ".join([name, *parts[5:], parts[1]])
