"""What to train, on which rows, and for how long."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QProgressBar, QSpinBox, QVBoxLayout, QWidget

from core.language import tr, trn
from core.providers import Offer
from core.training import MINIMUM_ROWS, Plan
from ui import style, widgets

STUDY = "study"  # the tag of a study plan's rows, which teach most
LARGEST_SEED = 2**31 - 1
SUFFIX_LIMIT = 18  # the shortest limit among the servers
FETCHED = ("missing", "failed")  # states of a model that is not on this computer


class TrainingForm(QWidget):
    """The choices, the button that starts, and in words what stands in its way."""

    started = Signal()
    rows_chosen = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._base = widgets.ModelBox(tuned=False)
        self._rows = QComboBox()
        self._rows.setMinimumContentsLength(20)
        self._epochs = _auto_box(0, 50)
        self._seed = _auto_box(-1, LARGEST_SEED)
        self._start = widgets.primary(tr("Start training"))
        self._on_rows, self._on_base, self._bar = widgets.Note(), widgets.Note(), QProgressBar()
        self._bar.setAccessibleName(tr("Fetching"))
        self._sending, self._language = False, ""
        self._base.currentIndexChanged.connect(lambda _index: self._show_base())
        self._rows.activated.connect(lambda _index: self.rows_chosen.emit())
        self._start.clicked.connect(self.started)
        self._lay_out()
        self._show_base()

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(style.SPACE)
        fields = ((tr("Base &model"), self._base), (tr("&Rows"), self._rows), (tr("&Epochs"), self._epochs),
                  (tr("See&d"), self._seed))  # fmt: skip
        for column, (name, field) in enumerate(fields):
            label = widgets.label(name, dim=True)
            label.setBuddy(field)
            field.setAccessibleName(name.replace("&", ""))
            grid.addWidget(label, 0, column)
            grid.addWidget(field, 1, column)
        grid.addWidget(self._start, 1, len(fields))
        grid.setColumnStretch(0, 2)
        grid.setColumnStretch(len(fields) + 1, 1)
        notes = QHBoxLayout()
        notes.setSpacing(style.SPACE)
        self._bar.setFixedSize(160, 6)
        self._bar.setTextVisible(False)
        self._on_rows.setWordWrap(False)
        for part in (self._on_rows, self._bar, self._on_base):
            notes.addWidget(part)
        notes.setStretchFactor(self._on_base, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(grid)
        layout.addLayout(notes)

    def offer(self) -> Offer | None:
        return self._base.offer()

    def tag(self) -> str:
        """The tag of the chosen rows; '' is all of them."""
        return self._rows.currentData() or ""

    def plan(self) -> Plan:
        epochs, seed = self._epochs.value(), self._seed.value()
        # A colon parts the fields of a model's name.
        suffix = (self.tag() or "all").replace(":", "-")[:SUFFIX_LIMIT]
        return Plan(
            self._base.model(), self.tag(), {"n_epochs": epochs} if epochs else {}, None if seed < 0 else seed, suffix
        )

    def show_offers(self, offers: list[Offer]) -> None:
        self._base.show_offers(offers)
        self._show_base()

    def show_language(self, language: str) -> None:
        """The language of what is taught: a model that does not speak it learns little."""
        self._language = language
        self._show_base()

    def show_sending(self, sending: bool) -> None:
        self._sending = sending
        self._show_base()

    def show_tags(self, total: int, tags: dict[str, int]) -> None:
        """The sets of rows to choose from, with their numbers; the choice is kept where it still exists."""
        before = self.tag() if self._rows.count() else (STUDY if STUDY in tags else "")
        self._rows.clear()
        self._rows.addItem(tr("All training rows ({n})", n=f"{total:,}"), "")
        for tag, count in tags.items():
            self._rows.addItem(f"{tag} ({count:,})", tag)
        self._rows.setCurrentIndex(max(0, self._rows.findData(before)))

    def show_rows(self, count: int, wrong: int) -> None:
        """Say whether the chosen rows can be trained on: `wrong` of them have errors."""
        if count < MINIMUM_ROWS:
            text = trn("{n} row: at least {minimum} are needed", "{n} rows: at least {minimum} are needed", count,
                       minimum=MINIMUM_ROWS)  # fmt: skip
            self._on_rows.say(text, "warning")
        elif wrong:
            text = trn("{n} row has an error: repair it in the examples tab first",
                       "{n} rows have errors: repair them in the examples tab first", wrong)  # fmt: skip
            self._on_rows.say(text, "error")
        else:
            self._on_rows.say(trn("{n} row, none with errors", "{n} rows, none with errors", count))

    def _show_base(self) -> None:
        offer = self.offer()
        fetching = offer is not None and offer.state == "fetching"
        self._start.setEnabled(offer is not None and not fetching and not self._sending)
        self._bar.setVisible(fetching)
        self._bar.setRange(0, 100 if offer and offer.progress is not None else 0)
        self._bar.setValue(int(100 * (offer.progress or 0)) if offer else 0)
        if self._sending:
            self._on_base.say(tr("Sending the rows…"))
        elif offer is None:
            self._on_base.say(tr("Asking the provider for its models…"))
        else:
            self._on_base.say(*_on_offer(offer, self._language))


def _on_offer(offer: Offer, language: str) -> tuple[str, str]:
    """What there is to say of a base model, and what that means."""
    if offer.state == "fetching":
        if offer.progress is None:
            return tr("{title} is being prepared", title=offer.title), "note"
        return tr("{title} is being fetched: {share}", title=offer.title, share=f"{offer.progress:.0%}"), "note"
    if offer.state == "failed":
        return tr("{title} could not be made ready: {reason}", title=offer.title, reason=offer.message), "error"
    if language and offer.languages and language not in offer.languages.split():
        return tr("{title} was not made for this project's language and will learn less", title=offer.title), "warning"
    if offer.state == "missing":
        return tr("{title} is not on this computer yet; you are asked before it is fetched", title=offer.title), "note"
    return "", ""


def _auto_box(least: int, most: int) -> QSpinBox:
    """A number, or below all of them "Auto": the server chooses."""
    box = widgets.whole(least, most, least)
    box.setSpecialValueText(tr("Auto"))
    box.setMinimumWidth(90)
    return box
