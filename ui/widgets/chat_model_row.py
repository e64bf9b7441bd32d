"""The choice of the chat model that a dialog asks, with warnings about it."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from core import providers
from core.language import tr
from core.providers import ModelOffer, model_kinds
from core.providers.prices import chat_price
from ui import style
from ui.widgets import basics, server_texts
from ui.widgets.cost_texts import format_request_estimate
from ui.widgets.model_box import AWAITED_STATE, USABLE_STATES, ModelBox, format_unusable
from ui.workspace import Workspace

MIN_CAPABLE_BYTES = 2_000_000_000  # bytes from which a model on this computer writes text that is worth reading


class ChatModelRow(QWidget):
    """The models of the provider that has the role (core/settings.py), with a note below."""

    changed = Signal()

    def __init__(
        self,
        workspace: Workspace,
        place: str,
        demanding: bool = True,
        role: str = "writer",
        use: str = model_kinds.ANSWER,
    ) -> None:
        """`place` names the stored choice. `demanding`: warn that the smallest models are too weak for the task."""
        super().__init__()
        self._workspace, self._demanding, self._role = workspace, demanding, role
        self.last_model = ""  # the model that was asked last
        self.box = ModelBox(workspace, place, use)
        self.box.setAccessibleName(tr("Chat model"))
        self.server_label = basics.label(dim=True)
        self.note = basics.Note()
        self.batch = QCheckBox(tr("As a &batch: half the price, answered within a day"))
        basics.explain(
            self.batch,
            tr(
                "The questions are sent in one file. You can close Juku in the meantime; it collects the answers later."
            ),
        )
        self._lay_out()
        self.batch.toggled.connect(lambda _on: self.changed.emit())
        self.box.chosen.connect(self._on_chosen)
        workspace.offers_changed.connect(self.show_offers)
        workspace.offers_failed.connect(self._on_failed)
        workspace.request_offers(self.provider(), again=True)
        self.show_offers()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(style.SPACE)
        row.addWidget(self.box, 1)
        row.addWidget(self.server_label)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SPACE // 2)
        layout.addLayout(row)
        layout.addWidget(self.note)
        layout.addWidget(self.batch)

    def provider(self) -> str:
        """The id of the provider to ask."""
        return self._workspace.role(self._role)[0]

    def server(self) -> str:
        """The provider's title."""
        return self._workspace.provider_title(self.provider())

    def model_id(self) -> str:
        """The model to ask; '' where none can be asked now."""
        return self.box.usable()

    def as_batch(self) -> bool:
        """Whether to send a batch: slower and cheaper; never on this computer."""
        return self._has_batches() and self.batch.isChecked()

    def _has_batches(self) -> bool:
        return self.provider() != providers.LOCAL and server_texts.has_capability(
            self._workspace, self.provider(), "batch"
        )

    def format_estimate(self, requests: int, sent: int, received: int) -> str:
        """What so many requests and tokens take at the chosen model, its price included."""
        dollars = chat_price(sent, received, self.model_id(), self.as_batch())
        return format_request_estimate(requests, sent, received, dollars, self.provider(), self.server())

    def is_weak(self) -> bool:
        """Whether the chosen model is a small one on this computer, or there is none."""
        offer = self.box.offer()
        return offer is None or offer.state not in USABLE_STATES or self._is_small(offer)

    def prefer(self, model: str) -> None:
        """Select the model that was asked last, unless the person chooses another."""
        if model != self.last_model:
            self.last_model = model
            self.show_offers()

    def show_offers(self) -> None:
        """Show what the server of the role offers, and why no model can be chosen."""
        provider, model = self._workspace.role(self._role)
        self._workspace.request_offers(provider)
        offers = self._workspace.known_offers(provider)
        self.box.show_offers(provider, offers, model, self.last_model)
        self.box.setEnabled(bool(offers))
        self.server_label.setText(tr("on {provider}", provider=self.server()))
        self.batch.setVisible(self._has_batches())
        self._show_note()
        self.changed.emit()

    def _on_failed(self, _provider: str) -> None:
        self._show_note()

    def _on_chosen(self, _model: str) -> None:
        self._show_note()
        self.changed.emit()

    def _is_small(self, offer: ModelOffer) -> bool:
        """Whether a model on this computer is small; the sizes of others are unknown. Tuned ones here have a small base."""
        return self.provider() == providers.LOCAL and offer.bytes < MIN_CAPABLE_BYTES

    def _show_note(self) -> None:
        self.note.show_text(*self._state_texts())

    def _state_texts(self) -> tuple[str, str]:
        offer = self.box.offer()
        if offer is None or offer.state == AWAITED_STATE:
            if self._workspace.known_offers(self.provider()):
                return tr("Choose a model."), "note"
            if error := self._workspace.trouble(self.provider()):
                return str(error), "error"
            nothing = tr(
                "{provider} offers no model yet. You can choose the server in the settings.", provider=self.server()
            )
            return nothing, "note"
        if words := format_unusable(offer, self.server()):
            return words, "warning"
        if self._demanding and self._is_small(offer):
            title = basics.short_model_name(offer.id) if offer.tuned else offer.title
            return tr("{title} is a small model: most of what it writes will be poor.", title=title), "warning"
        return "", ""
