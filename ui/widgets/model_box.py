"""The drop-down of a provider's models: lists those that fit a use, and never changes the choice by itself."""

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QComboBox

from core.language import tr
from core.providers import ModelOffer, model_kinds
from core.providers.models_api import is_tuned
from core.spec import spec
from core.storage.project import Changes
from core.storage.schema import Table
from core.training import jobs
from ui.widgets.basics import format_bytes, plain_tooltip, short_model_name
from ui.widgets.drop_down import DropDown
from ui.workspace import Workspace

USABLE_STATES = ("ready", "available")  # states of a model that answers at once
TRAINING_PLACE = "training"  # where the training form stores its base model in the project
GONE_STATE = "gone"  # the state of a model that was chosen and is offered no more
AWAITED_STATE = "awaited"  # of one that was chosen while the server has not told its models yet


def load_own_models(workspace: Workspace, provider: str, offers: Sequence[ModelOffer]) -> list[ModelOffer]:
    """The models that jobs of the open project made and `provider` still offers, the newest first.

    They come before any other where a model is taken by default: that of another project knows nothing of this text.
    """
    by_id = {offer.id: offer for offer in offers}
    return [by_id[id] for id in jobs.load_own_models(workspace.project.rows, provider) if id in by_id]


def choose_base(workspace: Workspace, offers: Sequence[ModelOffer], current: str = "") -> str:
    """The base model to begin with where the person has chosen none; '' for none.

    Models that can be asked at once come first, and of those the ones that speak the language of the project's text:
    others learn little of it. `current` stays while it is offered, unless it does not speak the language and another
    one that can be asked at once does.
    """
    language = spec.load_language(workspace.project.rows)
    ready = [offer for offer in offers if not offer.tuned and offer.state in USABLE_STATES]
    speakers = [offer.id for offer in ready if not language or offer.speaks(language)]
    kept = next((offer for offer in offers if offer.id == current), None)
    if kept and (kept.tuned or not speakers or current in speakers or kept.speaks(language)):
        return current
    return next(iter([*speakers, *(offer.id for offer in ready or offers if not offer.tuned)]), "")


def load_training_choice(workspace: Workspace, provider: str, offers: Sequence[ModelOffer]) -> str:
    """The model that the person chose in the training form, while it is offered; '' for none."""
    model = workspace.choice(_storage_key(TRAINING_PLACE, provider))
    return model if model in [offer.id for offer in offers] else ""


def _storage_key(place: str, provider: str) -> str:
    return f"{place}@{provider}"


class ModelBox(DropDown):
    """The models of one provider that fit a use (core/providers/model_kinds.py).

    With a `place` the choice is stored in the project, per provider. It is kept through refreshes and restarts, and when
    the model is no longer offered, which is then shown. Without a choice a default is selected (`choose_base`) and kept
    while it is offered and suits the language of the text. With a text for `unchosen` the first entry means no model, and there is no default.
    """

    chosen = Signal(str)  # by the person

    def __init__(
        self,
        workspace: Workspace,
        place: str = "",
        use: str = model_kinds.ANSWER,
        unchosen: str = "",
        nothing: str = "",
    ) -> None:
        """`nothing` is the placeholder while no model is chosen."""
        super().__init__()
        self._workspace, self._place, self._use, self._unchosen = workspace, place, use, unchosen
        self._provider = self._role = ""
        self._has_offers = False  # whether the provider has told what it offers
        self._wanted = ""  # what was chosen, by the person or for a reason of theirs
        self._project = workspace.project  # where it was chosen
        self._show_again: Callable[[], None] | None = (
            None  # where there is a default, which the text's language decides
        )
        self.setMinimumContentsLength(24)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._nothing = nothing
        self.setPlaceholderText(nothing or tr("No model yet"))
        self._keep_height()
        self.activated.connect(lambda _index: self._on_activated())
        workspace.tasks.changed.connect(self._on_changes)

    def _keep_height(self) -> None:
        """What appears beside it must not squeeze it to a line."""
        self.setMinimumHeight(self.sizeHint().height())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self._keep_height()

    def show_offers(
        self, provider: str, offers: Sequence[ModelOffer], role: str = "", last: str = "", any: bool = True
    ) -> None:
        """List the models that fit. Without a choice made here, select the settings' one (`role`), else the `last` used.

        Without those keep the current one, else select a base model that can be asked at once, unless `any` is False.
        """
        self._show_again = partial(self.show_offers, provider, list(offers), role, last) if any else None
        project = self._workspace.project
        if provider != self._provider or project is not self._project:
            self._provider, self._project, self._wanted = provider, project, ""
        elif role != self._role:
            self.forget()
        self._role, self._has_offers, before = role, bool(offers), self.model_id()
        fitting = [offer for offer in offers if model_kinds.fits(offer, self._use)]
        wanted = (
            self._wanted or self._stored_choice() or next((one for one in (role, last) if one and self._fits(one)), "")
        )
        self._list(fitting, wanted)
        self._select(wanted or self._default(fitting, before, any))

    def forget(self) -> None:
        """Forget the choice made here: the settings have changed."""
        self._wanted = ""
        if self._stored_choice():
            self._workspace.keep_choice(_storage_key(self._place, self._provider), "")

    def choose(self, model: str) -> None:
        """Choose `model` for the person, for example the one that was stored with a question."""
        self._wanted = model
        self._list([offer for offer in self.offers() if offer.state not in (GONE_STATE, AWAITED_STATE)], model)
        self._select(model)

    def offer(self) -> ModelOffer | None:
        """The chosen model; the state of one that is not in the list is `GONE_STATE` or `AWAITED_STATE`."""
        found: ModelOffer | None = self.currentData()
        return found

    def model_id(self) -> str:
        """The id of the chosen model; '' for none."""
        return found.id if (found := self.offer()) else ""

    def usable(self) -> str:
        """The chosen model's id if it can be asked now, else ''."""
        offer = self.offer()
        return offer.id if offer and offer.state in USABLE_STATES else ""

    def offers(self) -> list[ModelOffer]:
        """The models in the list."""
        return [offer for index in range(self.count()) if (offer := self.itemData(index))]

    def _on_changes(self, changes: Changes) -> None:
        """The language of the text may be another one now."""
        if Table.SPEC in changes.tables and self._show_again and self._workspace.project is self._project:
            self._show_again()

    def _on_activated(self) -> None:
        self._wanted = self.model_id()
        if self._place:
            self._workspace.keep_choice(_storage_key(self._place, self._provider), self._wanted)
        self.chosen.emit(self._wanted)

    def _stored_choice(self) -> str:
        """The model chosen in an earlier session; '' where there is none or it no longer fits the use."""
        model = self._workspace.choice(_storage_key(self._place, self._provider)) if self._place else ""
        return model if model and self._fits(model) else ""

    def _fits(self, model: str) -> bool:
        return model_kinds.fits(ModelOffer(model, model, tuned=is_tuned(model)), self._use)

    def _default(self, fitting: Sequence[ModelOffer], before: str, any: bool) -> str:
        if self._unchosen:
            return ""
        if any:
            return choose_base(self._workspace, fitting, before)
        return before if before in [offer.id for offer in fitting] else ""

    def _list(self, fitting: Sequence[ModelOffer], wanted: str) -> None:
        missing = wanted and all(offer.id != wanted for offer in fitting)
        absent = ModelOffer(wanted, wanted, is_tuned(wanted), _absent_state(wanted, self._has_offers))
        offers = [*fitting, *([absent] if missing else [])]
        first = bool(self._unchosen)
        if [offer.id for offer in offers] != [offer.id for offer in self.offers()] or self.count() < first:
            self.clear()
            self.addItems([self._unchosen] * first + [""] * len(offers))
        for index, offer in enumerate(offers, first):  # in place, so that a list that is open stays open
            self.setItemText(index, model_title(offer))
            self.setItemData(index, offer)
            self.setItemData(index, plain_tooltip(offer.id), Qt.ItemDataRole.ToolTipRole)

    def _select(self, model: str) -> None:
        first = bool(self._unchosen)
        found = (at for at, offer in enumerate(self.offers(), first) if offer.id == model)
        self.setPlaceholderText(self._nothing or (tr("Choose a model.") if self.offers() else tr("No model yet")))
        self.setCurrentIndex(next(found, first - 1))


def _absent_state(absent: str, has_offers: bool) -> str:
    """The state of a model that is not in the list; few servers list checkpoints, but answer with them."""
    if not has_offers:
        return AWAITED_STATE
    return "ready" if model_kinds.is_checkpoint(absent) else GONE_STATE


def model_title(offer: ModelOffer) -> str:
    """A model as a list names it, with its download state or that it is no longer offered."""
    name = short_model_name(offer.id) if offer.tuned else offer.title
    if offer.state == GONE_STATE:
        return tr("{model} (no longer offered)", model=name)
    if offer.state in (*USABLE_STATES, AWAITED_STATE):
        return name
    if offer.state == "fetching":
        if is_download(offer):
            return tr("{title} – downloading", title=offer.title)
        return tr("{title} – being prepared", title=offer.title)
    return tr("{title} – not on this computer yet ({size})", title=offer.title, size=format_bytes(offer.bytes))


def is_download(offer: ModelOffer) -> bool:
    """Whether a model that is being prepared is downloaded; others are converted on this computer."""
    return offer.progress is not None and offer.source != "package"


def format_unusable(offer: ModelOffer, server: str) -> str:
    """Why a chosen model cannot be asked now; '' if it can."""
    if offer.state in USABLE_STATES:
        return ""
    if offer.state == GONE_STATE:
        return tr(
            "“{server}” no longer offers {model}: choose another one.", server=server, model=short_model_name(offer.id)
        )
    if offer.state == AWAITED_STATE:
        return tr("Asking the provider for its models…")
    return tr("{title} is not on this computer yet: download it in the training tab.", title=offer.title)
