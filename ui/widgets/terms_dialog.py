"""The terms of use of a model, to be read and accepted before it is downloaded."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QPlainTextEdit, QVBoxLayout, QWidget

from core.language import tr
from core.providers import ModelOffer
from ui import style
from ui.widgets import basics


class TermsDialog(QDialog):
    """Shows a model's terms of use; its *Download* button works once the person has accepted them."""

    def __init__(
        self, parent: QWidget, offer: ModelOffer, about: str, terms: str, on_agreed: Callable[[], None]
    ) -> None:
        """`about`: size, licence and source of the model, in lines."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Download a model"))
        self.resize(style.scaled(680), style.scaled(620))
        question = tr("{title} is not on this computer. Download it?", title=offer.title)
        self.text = QPlainTextEdit(terms, readOnly=True, tabChangesFocus=True)
        self.text.setAccessibleName(tr("Terms of use"))
        self.accepts = QCheckBox(tr("I have read the terms of use and &accept them"))
        buttons = QDialogButtonBox()
        self.fetch = buttons.addButton(tr("Download"), QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(tr("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        self._show_accepted(False)
        self.accepts.toggled.connect(self._show_accepted)
        self.accepted.connect(on_agreed)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(basics.label(question, wrap=True))
        layout.addWidget(basics.label(about, wrap=True, dim=True))
        layout.addWidget(self.text, 1)
        layout.addWidget(self.accepts)
        layout.addWidget(buttons)

    def _show_accepted(self, accepted: bool) -> None:
        basics.set_enabled(self.fetch, "" if accepted else tr("Read the terms of use and accept them first."))
