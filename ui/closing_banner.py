"""Says what closes at the chosen server, and how soon, while there is time to do something about it."""

import datetime
from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from core import calendar
from core.calendar import Door
from core.language import tr
from core.providers import Offer
from ui import style, widgets

SHOWN = 2  # families of models that are named, the nearest first


class ClosingBanner(widgets.Coloured):
    """Hidden where nothing ends. `rescue_wanted` when the person wants to save what its models know."""

    rescue_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("closing", "warning", parent)
        self.text = widgets.label(wrap=True)
        self.advice = widgets.label(wrap=True)
        self.rescue = QPushButton(tr("Rescue models…"))
        self.rescue.clicked.connect(lambda _checked: self.rescue_wanted.emit())
        words = QVBoxLayout()
        words.setSpacing(style.SPACE // 3)
        words.addWidget(self.text)
        words.addWidget(self.advice)
        layout = QHBoxLayout(self)
        layout.addLayout(words, 1)
        layout.addWidget(self.rescue)
        self.hide()

    def show_server(self, preset: str, offers: Sequence[Offer]) -> None:
        """What closes at a server of the kind `preset`, and what that means for the models it offers."""
        today = datetime.datetime.now().astimezone().date()
        found = calendar.doors(preset, today)
        told = [offer for offer in offers if offer.shutdown_date and not offer.tuned]
        lines = [door.words(today) for door in _shown(found, today)]
        lines += _told(told, found, today)
        tuned = sum(offer.tuned for offer in offers)
        is_over = any(door.day < today for door in found if door.what == "training")
        self.text.setText("\n".join(lines))
        self.advice.setText(
            tr(
                "Training on this computer stays possible: what you have taught can be taught there again, with "
                "the same rows."
            )
        )
        self.rescue.setVisible(bool(tuned))
        self.setVisible(bool(lines))
        self.mean("error" if is_over else "warning")


def _shown(doors: Sequence[Door], today: datetime.date) -> list[Door]:
    """The end of new jobs, and the next ends of models; what is over is named only where nothing is ahead."""
    training = [door for door in doors if door.what == "training"]
    models = [door for door in doors if door.what == "models"]
    ahead = [door for door in models if door.day >= today]
    return training + (ahead[:SHOWN] or models[-1:])


def _told(offers: Sequence[Offer], doors: Sequence[Door], today: datetime.date) -> list[str]:
    """Ends that only the server knows of."""
    known = {name for door in doors for name in door.models}
    found = []
    for offer in offers:
        day = offer.shutdown_date
        if day and 0 <= (day - today).days <= calendar.SOON and not any(offer.id.startswith(name) for name in known):
            left = calendar.left_words((day - today).days)
            found.append(tr("{model} is available until {day} ({left}).", model=offer.id, day=day, left=left))
    return found[:SHOWN]
