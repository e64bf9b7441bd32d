"""The banner that warns of models and services the chosen server will shut down."""

import datetime
from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QMessageBox, QSizePolicy

from core import clock
from core.language import tr
from core.providers import ModelOffer, shutdown_dates
from core.providers.shutdown_dates import ServiceShutdown
from ui import style
from ui.widgets import basics

MAX_FAMILIES_NAMED = 2  # families of models that are named, the nearest first
WARNING_DAYS, URGENT_DAYS = (
    30,
    7,
)  # days before an end from which it is said as a warning, and as what is about to be lost


class ShutdownBanner(basics.ColouredFrame):
    """Says in one line when a server or model is shut down; `Details…` shows all of it. Hidden where nothing ends.

    `rescue_wanted` when the person wants to save what its models know.
    """

    rescue_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("closing", "warning")
        self.line, self.more = basics.ElidedLabel(), basics.tool_button(tr("Details…"), tr("Details…"))
        self.words, self._can_rescue = "", False
        self.more.clicked.connect(lambda _checked: self._on_more())
        layout = QHBoxLayout(self)
        layout.setContentsMargins(style.SPACE // 2, 0, style.SPACE // 2, 0)
        layout.addWidget(self.line, 1)
        layout.addWidget(self.more)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Maximum)
        self.hide()

    def show_server(self, preset: str, offers: Sequence[ModelOffer], today: datetime.date | None = None) -> None:
        """What closes at a server of the kind `preset`, and what that means for the models it offers."""
        today = today or clock.today()
        found = shutdown_dates.list_shutdowns(preset, today)
        shown = _choose_ends(found, today)
        ends = _find_server_ends([offer for offer in offers if offer.shutdown_date and not offer.tuned], found, today)
        lines = [shutdown.describe(today) for shutdown in shown] + [words for _left, words in ends]
        self._can_rescue = any(offer.tuned for offer in offers)
        self.line.setText(lines[0] if lines else "")
        self.words = "\n\n".join(lines)
        basics.explain(self, self.words)
        self.setVisible(bool(lines))
        self.set_meaning(_find_meaning(shown, [left for left, _words in ends], today))

    def _on_more(self) -> None:
        advice = tr("Training on this computer stays possible: what you have taught can be taught there again, with "
                    "the same rows.")  # fmt: skip
        box = QMessageBox(QMessageBox.Icon.Warning, tr("Shutdown dates"), "", parent=self)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setText(self.words)
        box.setInformativeText(advice)
        if self._can_rescue:
            rescue = box.addButton(tr("Rescue models…"), QMessageBox.ButtonRole.ActionRole)
            rescue.clicked.connect(lambda _checked: self.rescue_wanted.emit())
        box.setDefaultButton(box.addButton(tr("Close"), QMessageBox.ButtonRole.RejectRole))
        box.open()


def _find_meaning(shutdowns: Sequence[ServiceShutdown], days_left: Sequence[int], today: datetime.date) -> str:
    """The colour: by the nearest end in the future; "error" when nothing can be trained any more."""
    if any(shutdown.what == "training" and shutdown.day < today for shutdown in shutdowns):
        return "error"
    left = min(
        (left for left in [*days_left, *((shutdown.day - today).days for shutdown in shutdowns)] if left >= 0),
        default=0,
    )
    return "error" if left <= URGENT_DAYS else "warning" if left <= WARNING_DAYS else "note"


def _choose_ends(shutdowns: Sequence[ServiceShutdown], today: datetime.date) -> list[ServiceShutdown]:
    """The end of new jobs, and the next ends of models; past ends are named only when there are no others."""
    training = [shutdown for shutdown in shutdowns if shutdown.what == "training"]
    models = [shutdown for shutdown in shutdowns if shutdown.what == "models"]
    ahead = [shutdown for shutdown in models if shutdown.day >= today]
    return training + (ahead[:MAX_FAMILIES_NAMED] or models[-1:])


def _find_server_ends(
    offers: Sequence[ModelOffer], shutdowns: Sequence[ServiceShutdown], today: datetime.date
) -> list[tuple[int, str]]:
    """Ends that only the server knows of: the days that are left, and words."""
    known = {name for shutdown in shutdowns for name in shutdown.models}
    found = []
    for offer in offers:
        day = offer.shutdown_date
        days = (day - today).days if day else -1
        if 0 <= days <= shutdown_dates.WARNING_DAYS and not any(offer.id.startswith(name) for name in known):
            left = shutdown_dates.format_days_left(days)
            found.append((days, tr("{model} is available until {day} ({left}).", model=offer.id, day=day, left=left)))
    return found[:MAX_FAMILIES_NAMED]
