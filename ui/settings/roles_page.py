"""The roles: the server and the model of the student, the writer and the judge."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtGui import QPalette, QShowEvent
from PySide6.QtWidgets import QComboBox, QFormLayout, QFrame, QVBoxLayout, QWidget

from core import settings
from core.errors import JukuError
from core.language import tr
from core.providers import model_kinds
from core.settings import MODEL_ROLES
from ui import style
from ui.widgets import basics, server_texts
from ui.widgets.drop_down import DropDown
from ui.widgets.model_box import ModelBox
from ui.workspace import Workspace


@dataclass(frozen=True, slots=True)
class _RoleBoxes:
    provider: QComboBox
    model: ModelBox
    note: basics.Note


class RolesPage(QWidget):
    """The server and model of each role. Each choice is saved at once."""

    failed = Signal(JukuError)  # the choice could not be saved

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self.boxes: dict[str, _RoleBoxes] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, style.SPACE, 0, 0)
        layout.setSpacing(style.SPACE)
        explanation = tr(
            "The model you train need not be the one that writes examples or marks rows. A large model that "
            "writes well and a small one that learns are a good pair."
        )
        layout.addWidget(basics.label(explanation, wrap=True, dim=True))
        for role in MODEL_ROLES:
            layout.addWidget(_make_line())
            layout.addWidget(self._build_role(role))
        layout.addStretch()
        workspace.offers_changed.connect(self.show_roles)
        workspace.offers_failed.connect(self._on_failed)
        self.show_roles()

    def _build_role(self, role: str) -> QWidget:
        title, words = role_texts()[role]
        use = model_kinds.BASE if role == "student" else model_kinds.ANSWER
        model_box = ModelBox(self._workspace, use=use, unchosen=_default_text(role))
        boxes = self.boxes[role] = _RoleBoxes(DropDown(), model_box, basics.Note())
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setHorizontalSpacing(style.SPACE)
        form.addRow(tr("Server"), boxes.provider)
        model = basics.column(boxes.model, boxes.note, spacing=style.SPACE // 2)
        form.addRow(tr("Model"), model)
        for box, name in ((boxes.provider, tr("Server")), (boxes.model, tr("Model"))):
            box.setAccessibleName(f"{title}: {name}")
            box.setMinimumContentsLength(20)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        boxes.provider.activated.connect(lambda _index: self._on_provider(role))
        boxes.model.chosen.connect(lambda _model: self._on_model(role))
        return basics.column(basics.heading(title), basics.label(words, wrap=True, dim=True), form)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not event.spontaneous():
            for role in MODEL_ROLES:
                self._workspace.request_offers(self._workspace.role(role)[0], again=True)
            self.show_roles()

    def _on_failed(self, _provider: str) -> None:
        self.show_roles()

    def show_roles(self) -> None:
        """Show the stored server and model of each role."""
        for role, boxes in self.boxes.items():
            self._show_providers(role, boxes.provider)
            self._show_models(role, boxes)

    def _show_providers(self, role: str, box: QComboBox) -> None:
        entries = [] if role == "student" else [(tr("Same as the student"), "")]
        entries += [(title, id) for id, title in server_texts.server_titles(self._workspace).items()]
        _fill(box, entries, self._stored_role(role).provider)

    def _show_models(self, role: str, boxes: _RoleBoxes) -> None:
        provider, model = self._workspace.role(role)
        offers = self._workspace.known_offers(provider)
        boxes.model.show_offers(provider, offers)
        boxes.model.choose(model)  # what is stored, also where it is gone, or fits no more
        error = self._workspace.trouble(provider)
        if error is not None and not offers:
            boxes.note.show_text(str(error), "error")
        else:
            boxes.note.show_text("" if offers else self._workspace.no_models(provider))

    def _stored_role(self, role: str) -> settings.Role:
        """The stored choice, '' for the default; without the server when that was removed."""
        own = self._workspace.settings
        if role == "student":
            return settings.Role(own.provider, own.student_model)
        chosen = own.writer if role == "writer" else own.judge
        return (
            chosen
            if chosen.provider in server_texts.server_titles(self._workspace)
            else settings.Role("", chosen.model)
        )

    def _on_provider(self, role: str) -> None:
        provider = self.boxes[role].provider.currentData()
        if provider != self._stored_role(role).provider:
            self._set_role(role, provider, "")
            self._workspace.request_offers(self._workspace.role(role)[0], again=True)
            self.show_roles()

    def _on_model(self, role: str) -> None:
        self._set_role(role, self.boxes[role].provider.currentData(), self.boxes[role].model.model_id())

    def _set_role(self, role: str, provider: str, model: str) -> None:
        try:
            self._workspace.set_role(role, provider, model)
        except JukuError as error:
            self.failed.emit(error)


def role_texts() -> dict[str, tuple[str, str]]:
    """What each role is called, and what it does."""
    return {
        "student": (tr("Student"), tr("Can be trained, and answers in chat and exams.")),
        "writer": (tr("Writer"), tr("Helps you write the spec, rewords facts and writes examples.")),
        "judge": (tr("Judge"), tr("Gives a second opinion on whether the text follows from its fact.")),
    }


def _default_text(role: str) -> str:
    return tr("The first base model") if role == "student" else tr("The model that was asked last")


def _fill(box: QComboBox, entries: list[tuple[str, str]], chosen: str) -> None:
    """Show these entries, and the one whose data is `chosen`; a list that is open stays as it is."""
    if [(box.itemText(index), box.itemData(index)) for index in range(box.count())] != entries:
        box.clear()
        for title, data in entries:
            box.addItem(title, data)
    box.setCurrentIndex(max(0, [data for _title, data in entries].index(chosen)))


def _make_line() -> QFrame:
    line = QFrame(frameShape=QFrame.Shape.HLine)
    line.setForegroundRole(QPalette.ColorRole.Mid)
    return line
