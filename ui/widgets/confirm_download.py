"""The question that stands before anything is fetched from the network."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from core.language import tr
from core.providers import Offer
from ui.widgets import basics


def ask_to_fetch(parent: QWidget, offer: Offer, on_agreed: Callable[[], None]) -> None:
    """Show name, size, licence and source of a model; call `on_agreed` when the person says to fetch it."""
    box = QMessageBox(QMessageBox.Icon.Question, tr("Download a model"), "", parent=parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setText(tr("{title} is not on this computer. Download it?", title=offer.title))
    box.setInformativeText(_facts(offer))
    fetch = box.addButton(tr("Download"), QMessageBox.ButtonRole.AcceptRole)
    box.addButton(tr("Cancel"), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(fetch)
    box.accepted.connect(on_agreed)
    box.open()


def _facts(offer: Offer) -> str:
    return "\n".join(
        (
            tr("Size: {size}", size=basics.size(offer.bytes)),
            tr("Licence: {licence}", licence=offer.licence),
            offer.licence_url,
            tr("Source: the Hugging Face hub"),
            "",
            tr("“Download” accepts the licence. The model is kept on this computer and downloaded only once."),
        )
    )
