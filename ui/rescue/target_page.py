"""A page of the rescue on which the server that is to train, and one of its base models, are chosen."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox, QFormLayout

from core.language import tr
from core.providers import LOCAL, model_kinds
from ui import style
from ui.rescue.rescue_page import RescuePage
from ui.widgets import server_texts
from ui.widgets.drop_down import DropDown
from ui.widgets.model_box import AWAITED_STATE, ModelBox, format_unusable
from ui.workspace import Workspace


class TargetPage(RescuePage):
    """`server_box` has the servers that train, this computer first chosen; `base` the base models of the chosen one."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.server_box, self.base = DropDown(), ModelBox(workspace, "rescue", model_kinds.BASE)
        for id, title in server_texts.server_titles(workspace).items():
            if server_texts.preset_of(workspace, id).trains:
                self.server_box.addItem(title, id)
        self.server_box.setCurrentIndex(max(0, self.server_box.findData(LOCAL)))

    def build_form(self, *above: tuple[str, QComboBox]) -> QFormLayout:
        """A form with these boxes, then the server and the base model."""
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setHorizontalSpacing(style.SPACE)
        for title, box in (*above, (tr("Server"), self.server_box), (tr("Base model"), self.base)):
            box.setAccessibleName(title)
            box.setMinimumContentsLength(24)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            form.addRow(title, box)
        return form

    def connect_target(self) -> None:
        """Show what the choice of a server or a base model changes."""
        self.server_box.activated.connect(lambda _index: self._on_server())
        self.base.currentIndexChanged.connect(lambda _index: self.show_buttons())
        self.workspace.offers_changed.connect(self.show_offers)
        self.workspace.offers_failed.connect(self._on_failed)

    def show_buttons(self) -> None:
        """Show what can be done now. Overridden."""
        raise NotImplementedError

    def target(self) -> str:
        """The id of the server that is to train."""
        return str(self.server_box.currentData() or "")

    def show_offers(self) -> None:
        """List the base models of the server that is to train."""
        self.base.show_offers(self.target(), self.workspace.known_offers(self.target()))
        self.show_buttons()

    def request_offers(self) -> None:
        """Ask the server for its models."""
        target = self.target()
        if target != self.workspace.settings.provider:
            self.workspace.request_offers(target)
        elif not self.workspace.offers:
            self.workspace.tasks.start("", self.workspace.load_offers())

    def find_unusable(self) -> str:
        """Why the base model cannot be trained, as a text."""
        offer = self.base.offer()
        if offer is None or offer.state == AWAITED_STATE:
            return self.workspace.no_models(self.target())
        return format_unusable(offer, self.server_box.currentText())

    def _on_server(self) -> None:
        self.request_offers()
        self.show_offers()

    def _on_failed(self, _provider: str) -> None:  # a method, not a lambda: that would outlive the page
        self.show_buttons()
