"""The headers of the chat's panes, side by side: two to four, each with its server, model and condition."""

from collections.abc import Collection, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from core.chat.conversations import ChatPane
from core.errors import JukuError
from core.exam.prompt_conditions import CLOSED_BOOK, CONDITIONS
from core.language import tr
from core.providers import LOCAL, ModelOffer, model_kinds
from core.providers.models_api import is_tuned
from ui import style
from ui.widgets import basics, server_texts
from ui.widgets.drop_down import DropDown
from ui.widgets.model_box import GONE_STATE, USABLE_STATES, ModelBox, format_unusable, load_own_models
from ui.workspace import Workspace

MIN_PANES, MAX_PANES = 2, 4


class PaneHeader(QFrame):
    """Chooses the server, model and condition of one pane.

    Until the person chooses, it takes the first base model, or if `tuned` the newest tuned one.
    """

    chosen = Signal()
    removed = Signal()
    code_wanted = Signal()

    def __init__(self, workspace: Workspace, number: int, tuned: bool) -> None:
        super().__init__()
        self.number = number
        self._workspace, self._tuned = workspace, tuned
        self._make_boxes()
        self._lay_out()
        self.show_offers()

    def _make_boxes(self) -> None:
        self.server = DropDown()
        self.server.setAccessibleName(tr("Server"))
        nothing = tr("No fine-tuned model yet") if self._tuned else ""
        self.model = ModelBox(self._workspace, f"chat {self.number}", nothing=nothing)
        self.model.setMinimumContentsLength(8)
        self.model.setAccessibleName(tr("Model"))
        self.condition = DropDown()
        self.condition.setAccessibleName(tr("Condition"))
        for name, condition in CONDITIONS.items():
            self.condition.addItem(condition.title(), name)
            self.condition.setItemData(
                self.condition.count() - 1, basics.plain_tooltip(condition.description()), Qt.ItemDataRole.ToolTipRole
            )
        for box in (self.server, self.condition):
            box.setMinimumContentsLength(6)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.code = basics.tool_button("</>", tr("Code for this pane's request…"), has_tip=True)
        self.remove = basics.tool_button("✕", tr("Close this pane"), has_tip=True)
        self.server.activated.connect(lambda _index: self._on_server())
        self.model.chosen.connect(self._on_model)
        self.condition.activated.connect(lambda _index: self._on_condition())
        self.code.clicked.connect(self.code_wanted)
        self.remove.clicked.connect(self.removed)

    def _lay_out(self) -> None:
        # As wide as its answers below, whatever the boxes would like.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        first, second = QHBoxLayout(), QHBoxLayout()
        first.addWidget(self.model, 1)
        for button in (self.code, self.remove):
            first.addWidget(button)
        for box in (self.server, self.condition):
            second.addWidget(box, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (first, second, layout):
            part.setSpacing(style.SPACE // 3)
        for part in (first, second):
            layout.addLayout(part)

    def pane(self) -> ChatPane:
        """The pane as it is chosen now; its model is '' if none is chosen."""
        server = self.server.currentData() or self._workspace.settings.provider
        return ChatPane(self.number, server, self.model.model_id(), self.condition.currentData())

    def choose(self, pane: ChatPane) -> None:
        """Ask as `pane` says from now on; a model that is not offered yet is chosen as soon as it is."""
        self.number = pane.number
        self._show_servers()
        self.server.setCurrentIndex(max(0, self.server.findData(pane.provider)))
        self.condition.setCurrentIndex(max(0, self.condition.findData(pane.condition)))
        self.show_offers()
        self.model.choose(pane.model)
        self._on_condition()

    def set_model(self, provider: str, model: str) -> None:
        """Choose `model` of a provider, closed book."""
        self.choose(ChatPane(self.number, provider, model, CLOSED_BOOK))

    def show_offers(self, beside: str = "") -> None:
        """List the models that the servers offer; a base pane begins with what the tuned model `beside` it is made from."""
        self._show_servers()
        server = self.server.currentData()
        self._workspace.request_offers(server)
        offers = self._workspace.known_offers(server)
        first = self._find_newest(server, offers) if self._tuned else _find_origin(beside, offers)
        self.model.show_offers(server, offers, last=first, any=not self._tuned)
        self.chosen.emit()

    def _find_newest(self, server: str, offers: list[ModelOffer]) -> str:
        """The tuned model to begin with; '' keeps the one that is shown, unless it is another project's."""
        own, shown = load_own_models(self._workspace, server, offers), self.model.model_id()
        if shown and (not own or shown in [offer.id for offer in own]):
            return ""
        return _find_newest_tuned([*own, *offers])

    def require_here(self) -> None:
        """Raise `JukuError` for a base model that was not fetched yet, and for a model that is no longer offered."""
        offer = self.model.offer()
        if offer and offer.state == GONE_STATE:
            raise JukuError(tr("This model is gone"), format_unusable(offer, self.server.currentText()))
        if offer and offer.state in ("missing", "failed"):
            raise JukuError(
                tr("{title} is not on this computer yet", title=offer.title),
                tr(
                    "Choose it in the training tab and press “Start training”: Juku asks before it downloads the model."
                ),
            )

    def needs_conversion(self) -> bool:
        """Whether the model has to be made ready for its first use."""
        offer = self.model.offer()
        return offer is not None and offer.converts

    def _show_servers(self) -> None:
        titles = server_texts.server_titles(self._workspace)
        before = self.server.currentData() or self._workspace.settings.provider
        shown = [(self.server.itemData(index), self.server.itemText(index)) for index in range(self.server.count())]
        if shown != list(titles.items()):
            self.server.clear()
            for id, title in titles.items():
                self.server.addItem(title, id)
            self.server.setCurrentIndex(max(0, self.server.findData(before)))
        self.server.setVisible(len(titles) > 1 or LOCAL not in titles)

    def _on_server(self) -> None:
        self.show_offers()

    def _on_model(self, _model: str) -> None:
        self.chosen.emit()

    def _on_condition(self) -> None:
        basics.explain(self.condition, CONDITIONS[self.condition.currentData()].description())
        self.chosen.emit()


def _find_origin(tuned: str, offers: list[ModelOffer]) -> str:
    """The base model that a tuned one was trained from; '' where there is none or it cannot be asked now."""
    origin = model_kinds.base_of(tuned) if is_tuned(tuned) else ""
    return next((offer.id for offer in offers if offer.id == origin and offer.state in USABLE_STATES), "")


def _find_newest_tuned(offers: list[ModelOffer]) -> str:
    whole = (
        offer.id
        for offer in offers
        if offer.tuned and offer.state in USABLE_STATES and not model_kinds.is_derived(offer.id)
    )
    return next(whole, "")


class PaneHeaders(QWidget):
    """The headers of all panes, at first of a base model and the newest tuned one.

    `changed`: panes were added, removed or changed.
    """

    changed = Signal()
    chosen = Signal()
    code_wanted = Signal(int)  # a pane's number

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self.headers: list[PaneHeader] = []
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(style.SPACE)
        self.begin()

    def begin(self) -> None:
        """As at the start of a project."""
        while self.headers:
            self._remove_header(self.headers[-1])
        for number in range(MIN_PANES):
            self._add_header(number, tuned=number > 0)
        self.show_offers()
        self._show_acts()

    def panes(self) -> list[ChatPane]:
        """The panes as they are chosen now."""
        return [header.pane() for header in self.headers]

    def numbers(self) -> list[int]:
        """The numbers of the panes, from left to right."""
        return [header.number for header in self.headers]

    def header(self, number: int) -> PaneHeader | None:
        """The header of the pane `number`; None when it was closed."""
        return next((header for header in self.headers if header.number == number), None)

    def restore(self, panes: Sequence[ChatPane]) -> None:
        """The panes of a conversation; where it has but one, another stays beside it."""
        wanted = list(panes)[:MAX_PANES]
        while len(self.headers) > max(MIN_PANES, len(wanted)):
            self._remove_header(self.headers[-1])
        while len(self.headers) < len(wanted):
            self._add_header(0, tuned=True)
        for header, pane in zip(self.headers, wanted, strict=False):
            header.choose(pane)
        taken = {pane.number for pane in wanted}
        for header in self.headers[len(wanted) :]:
            header.number = _next_number(taken)
            taken.add(header.number)
        self._show_acts()
        self.changed.emit()

    def renumber(self) -> None:
        """For a new conversation: the same panes, which have said nothing yet."""
        for number, header in enumerate(self.headers):
            header.number = number
        self.changed.emit()

    def add(self, taken: Collection[int]) -> None:
        """One more pane, like the last one under the next condition. Its number is none of `taken`, which have answered."""
        if len(self.headers) >= MAX_PANES:
            return
        last = self.headers[-1].pane()
        names = list(CONDITIONS)
        condition = names[(names.index(last.condition) + 1) % len(names)]
        number = _next_number({*taken, *self.numbers()})
        self._add_header(number, tuned=True).choose(ChatPane(number, last.provider, last.model, condition))
        self._show_acts()
        self.changed.emit()

    def set_model(self, provider: str, model: str) -> None:
        """Put `model` beside the base model that it was trained from, unless the person chose another base."""
        self.headers[1].set_model(provider, model)
        self.headers[0].show_offers(model)

    def show_offers(self) -> None:
        """Show in each pane what its server offers now."""
        for header in reversed(self.headers):  # the base of the first pane is that of the model in the second
            header.show_offers("" if header is self.headers[1] else self.headers[1].model.model_id())

    def allow(self, is_busy: bool) -> None:
        """While panes are answering, none is taken away or made another."""
        for header in self.headers:
            header.setEnabled(not is_busy)

    def _add_header(self, number: int, tuned: bool) -> PaneHeader:
        header = PaneHeader(self._workspace, number, tuned)
        header.chosen.connect(self.chosen)
        header.removed.connect(lambda: self._on_removed(header))
        header.code_wanted.connect(lambda: self.code_wanted.emit(header.number))
        self.headers.append(header)
        self._layout.addWidget(header, 1)
        return header

    def _remove_header(self, header: PaneHeader) -> None:
        self.headers.remove(header)
        self._layout.removeWidget(header)
        header.hide()
        header.deleteLater()

    def _on_removed(self, header: PaneHeader) -> None:
        if len(self.headers) > MIN_PANES:
            self._remove_header(header)
            self._show_acts()
            self.changed.emit()

    def _show_acts(self) -> None:
        for header in self.headers:
            header.remove.setVisible(len(self.headers) > MIN_PANES)


def _next_number(taken: Collection[int]) -> int:
    """A number that no pane has had: what it has said would become another's history."""
    return max(taken, default=-1) + 1
