"""One domain of the router: what it is about, and its model."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core.chat import router
from core.chat.router import Domain
from core.errors import JukuError
from core.language import tr
from core.storage import project as projects
from ui import style
from ui.widgets import basics, file_dialogs, server_texts
from ui.widgets.drop_down import DropDown
from ui.widgets.model_box import ModelBox, format_unusable
from ui.workspace import Workspace


class DomainDialog(QDialog):
    """Edits a domain of the router: its name, description and model. `decided` gives the domain as it was entered."""

    decided = Signal(Domain)

    def __init__(self, workspace: Workspace, domain: Domain, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Domain"))
        self._workspace, self._domain = workspace, domain
        self.name, self.description = QLineEdit(domain.name), QPlainTextEdit(domain.description)
        self.description.setFixedHeight(5 * self.fontMetrics().height())
        self.description.setTabChangesFocus(True)
        self.server, self.model, self.on_model = DropDown(), ModelBox(workspace), basics.Note()
        for id, title in server_texts.server_titles(workspace).items():
            self.server.addItem(title, id)
        self.server.setCurrentIndex(max(0, self.server.findData(domain.provider or workspace.settings.provider)))
        self.project = basics.label(_format_source(domain), dim=True)
        self.read, self.note = QPushButton(tr("Import from a project…")), basics.Note()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self._lay_out()
        self._connect()
        self._show_offers()
        self._show_ready()

    def _lay_out(self) -> None:
        source = QHBoxLayout()
        source.addWidget(self.project, 1)
        source.addWidget(self.read)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(tr("Project"), source)
        form.addRow(tr("&Name"), self.name)
        form.addRow(tr("&About"), self.description)
        form.addRow(tr("&Server"), self.server)
        form.addRow(tr("&Model"), self.model)
        form.addRow("", self.on_model)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        layout.addLayout(form)
        layout.addWidget(self.note)
        layout.addWidget(self.buttons)
        self.resize(style.scaled(560), style.scaled(320))

    def _connect(self) -> None:
        self.read.clicked.connect(lambda _checked: self._on_read())
        self.server.activated.connect(lambda _index: self._show_offers())
        self.name.textChanged.connect(lambda _text: self._show_ready())
        self.model.currentIndexChanged.connect(lambda _index: self._show_ready())
        self._workspace.offers_changed.connect(self._show_offers)
        self.buttons.accepted.connect(self._on_accepted)
        self.buttons.rejected.connect(self.reject)

    def provider(self) -> str:
        """The id of the chosen server."""
        return str(self.server.currentData())

    def _show_offers(self) -> None:
        self._workspace.request_offers(self.provider())
        own = self._domain.model if self.provider() == self._domain.provider else ""
        self.model.show_offers(self.provider(), self._workspace.known_offers(self.provider()), last=own, any=False)
        self._show_ready()

    def _show_ready(self) -> None:
        offer = self.model.offer()
        warning = format_unusable(offer, self.server.currentText()) if offer else ""
        self.on_model.show_text(warning, "warning")
        if not self.name.text().strip():
            reason = tr("Enter a name.")
        elif offer is None and self._workspace.known_offers(self.provider()):
            reason = tr("Choose a model.")
        else:
            reason = "" if self.model.model_id() else self._workspace.no_models(self.provider())
        basics.set_enabled(self.buttons.button(QDialogButtonBox.StandardButton.Ok), reason)

    def _on_read(self) -> None:
        file_dialogs.open_dialog(
            self, self._workspace.settings, file_dialogs.PROJECTS, tr("The project that teaches this domain"),
            lambda found: self.take_from_project(found[0]), f"Juku (*{projects.PROJECT_SUFFIX})",
        ).open()  # fmt: skip

    def take_from_project(self, path: Path) -> None:
        """Take name, description and spec of a project."""
        try:
            found, _asked = router.load_project_domain(path)
        except JukuError as error:
            self.note.show_text(str(error), "error")
            return
        self.note.show_text("")
        self._domain = Domain(
            found.name, found.description, self._domain.provider, self._domain.model, found.source, found.text,
            found.system_prompt, self._domain.id,
        )  # fmt: skip
        self.name.setText(found.name)
        self.description.setPlainText(found.description)
        self.project.setText(_format_source(found))

    def _on_accepted(self) -> None:
        known = self._domain
        self.decided.emit(
            Domain(
                self.name.text().strip(),
                self.description.toPlainText().strip(),
                self.provider(),
                self.model.model_id(),
                known.source,
                known.text,
                known.system_prompt,
                known.id,
            )
        )
        self.accept()


def _format_source(domain: Domain) -> str:
    return Path(domain.source).name if domain.source else tr("none: the words of the description are used")
