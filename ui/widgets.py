"""Small widgets that several tabs use."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from core.errors import JukuError
from core.language import tr
from core.providers import Offer
from ui import style

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


def size(count: int) -> str:
    """A number of bytes as a person reads it."""
    for unit, name in UNITS:
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count} B"


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
        close.setAccessibleName(tr("Close this message"))
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
        before = self.model()
        self.clear()
        for offer in offers:
            if self._tuned or not offer.tuned:
                self.addItem(_title(offer), offer)
                self.setItemData(self.count() - 1, offer.id, Qt.ItemDataRole.ToolTipRole)
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
        return tr("{title} – being fetched", title=offer.title)
    return tr("{title} – not on this computer yet ({size})", title=offer.title, size=size(offer.bytes))


def short_name(model: str) -> str:
    """ft:BASE:ORG:SUFFIX:ID[:CHECKPOINT] as a person can tell it from the others: SUFFIX (ID) · BASE."""
    parts = model.split(":")
    if parts[0] != "ft" or len(parts) < 5:
        return model
    name = f"{parts[3]} ({parts[4][:6]})" if parts[3] else parts[4][:6]
    return " · ".join([name, *parts[5:], parts[1]])
