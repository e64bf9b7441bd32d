"""The form for a training job: base model, method, rows, epochs, hyperparameters and metadata."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.language import tr, trn
from core.providers import KEY, LOCAL, ModelOffer, model_kinds, prices
from core.providers.server_presets import MAX_SEED, NumberRange, ServerPreset, preset
from core.training.row_selection import MINIMUM_ROWS
from core.training.submit import TrainingPlan
from ui import style
from ui.training import job_texts
from ui.training.hyperparameter_fields import (
    EARLY_STOPPING,
    FIELD_COLUMNS,
    HyperparameterFields,
    Value,
    add_titled_field,
    field_grid,
    find_conflict,
)
from ui.training.own_models_button import OwnModelsButton
from ui.widgets import basics
from ui.widgets.drop_down import DropDown
from ui.widgets.model_box import (
    AWAITED_STATE,
    GONE_STATE,
    TRAINING_PLACE,
    ModelBox,
    format_unusable,
    is_download,
    model_title,
)
from ui.workspace import Workspace

ROWS_CHOICE = "training rows"  # the place of the choice that is kept in the project
EPOCHS_CHOICE = "training epochs"  # and that of how often they are gone through
EPOCHS_PARAMETER = "n_epochs"
EPOCHS_WIDTH = 90  # pixels
FETCHABLE_STATES = ("missing", "failed")  # states of a model that is not on this computer
MAX_METADATA_PAIRS = 15  # pairs; the protocol allows 16, and Juku needs one itself
MAX_METADATA_LENGTHS = (64, 512)  # characters of a name and of a value


class MetadataTable(QTableWidget):
    """The metadata of a job, as names and values. There is always an empty line to go on in."""

    edited = Signal()

    def __init__(self) -> None:
        super().__init__(1, 2)
        self.setHorizontalHeaderLabels([tr("Name"), tr("Value")])
        self.setAccessibleName(tr("Notes for the job"))
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + style.SPACE)
        self.setFixedHeight(4 * self.verticalHeader().defaultSectionSize())
        self.itemChanged.connect(lambda _item: self._on_changed())

    def pairs(self) -> dict[str, str]:
        """What was entered; lines without a name or value are left out."""
        found = [(self._text(row, 0), self._text(row, 1)) for row in range(self.rowCount())]
        return {name: value for name, value in found if name and value}

    def problem(self) -> str:
        """What is wrong with the entries; '' where nothing is."""
        for name, value in self.pairs().items():
            if name == KEY:
                return tr("“{name}” is the name by which Juku finds its jobs: choose another one", name=name)
            if len(name) > MAX_METADATA_LENGTHS[0] or len(value) > MAX_METADATA_LENGTHS[1]:
                return tr("“{name}” is too long: names have at most {name_limit} characters, values {value_limit}",
                          name=name[:20], name_limit=MAX_METADATA_LENGTHS[0], value_limit=MAX_METADATA_LENGTHS[1])  # fmt: skip
        return ""

    def _text(self, row: int, column: int) -> str:
        item: QTableWidgetItem | None = self.item(row, column)
        return item.text().strip() if item else ""

    def _on_changed(self) -> None:
        last = self.rowCount() - 1
        if last + 1 < MAX_METADATA_PAIRS and (self._text(last, 0) or self._text(last, 1)):
            self.insertRow(last + 1)
        self.edited.emit()


class TrainingForm(QWidget):
    """The form of a training job: the choices, the start buttons, and a text for why they are disabled."""

    started = Signal()
    several_wanted = Signal()
    fetch_cancelled = Signal(str)  # a model that is being downloaded or prepared
    rows_chosen = Signal()
    validation_wanted = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._preset, self._server = preset(LOCAL), ""
        self._sending, self._language, self._wait = False, "", ""
        self._no_models = tr("Asking the provider for its models…")
        self.base, self.method, self.rows = (
            ModelBox(workspace, TRAINING_PLACE, model_kinds.TRAINED),
            DropDown(),
            DropDown(),
        )
        self.own_models = OwnModelsButton(workspace, self.base, self)
        # As wide as the number of rows needs, of a usual tag; a long one is read whole in the list that opens.
        self.rows.setMinimumContentsLength(19)
        self.base.setMinimumContentsLength(14)  # the window has to fit a small screen, too
        for box in (self.base, self.rows):
            box.prefer_whole_text()
        self._first, self._others, self.metadata = QGridLayout(), field_grid(), MetadataTable()
        self.seed, self.suffix = _make_seed_box(), QLineEdit()
        self.epochs = HyperparameterFields(self._first, place=3, width=EPOCHS_WIDTH, after=self.rows)
        self.hyper = HyperparameterFields(self._others, place=2, after=self.suffix)
        self._advanced_grid = field_grid()
        self.show_advanced = basics.disclosure_button(tr("Advanced"))
        self.advanced = HyperparameterFields(self._advanced_grid, after=self.show_advanced)
        self.validation, self.add_validation = QCheckBox(), QPushButton(tr("Add &validation questions"))
        words = tr(
            "Up to three questions about each fact become validation rows, worded as neither a training row nor the exam "
            "asks. They show whether the training learns facts or only sentences, and can end it early (Advanced)."
        )
        basics.explain(self.add_validation, words)
        self.start, self.several = basics.primary_button(tr("Start training")), QPushButton(tr("Queue several…"))
        self.more = basics.disclosure_button(tr("More settings"))
        self.on_rows, self.on_base, self.progress_bar = basics.Note(), basics.Note(), QProgressBar(textVisible=False)
        self.cancel_fetch = basics.LinkButton(tr("Cancel"), tr("What was downloaded is kept and not downloaded again"))
        self._lay_out()
        self._connect()
        self.show_validation(0)
        self.show_server(self._preset, "")

    def _connect(self) -> None:
        self.base.currentIndexChanged.connect(lambda _index: self._show_base())
        self.method.activated.connect(lambda _index: self._show_method())
        self.rows.activated.connect(lambda _index: self._on_rows())
        self.epochs.changed.connect(self._show_base)
        self.epochs.entered.connect(
            lambda: self._workspace.keep_choice(EPOCHS_CHOICE, self.epochs.fields[EPOCHS_PARAMETER].text())
        )
        self.hyper.changed.connect(self._show_base)
        self.advanced.changed.connect(self._show_base)
        self.add_validation.clicked.connect(self.validation_wanted)
        self.validation.toggled.connect(lambda _checked: self._show_base())
        self.metadata.edited.connect(self._show_base)
        self.suffix.textChanged.connect(lambda _text: self._show_base())
        self.start.clicked.connect(self.started)
        self.several.clicked.connect(self.several_wanted)
        self.cancel_fetch.clicked.connect(lambda _checked: self._on_cancel_fetch())
        self.more.toggled.connect(self._show_more)
        self.show_advanced.toggled.connect(self._show_advanced)

    def _lay_out(self) -> None:
        grid = self._first
        grid.setHorizontalSpacing(style.SPACE)
        base = QWidget()
        base.setFocusProxy(self.base)
        line = QHBoxLayout(base)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.base, 1)
        line.addWidget(self.own_models)
        self._base_title = add_titled_field(grid, 0, tr("Base &model"), base)
        self._base_title.setBuddy(self.base)
        self.base.setAccessibleName(base.accessibleName())
        add_titled_field(grid, 1, tr("Met&hod"), self.method)
        add_titled_field(grid, 2, tr("&Rows"), self.rows)
        for column, button in enumerate((self.start, self.several), start=FIELD_COLUMNS):
            grid.addWidget(button, 1, column)
        grid.setColumnStretch(0, 3)
        grid.setColumnStretch(2, 1)
        grid.setColumnStretch(6, 1)
        notes = QHBoxLayout()
        notes.setSpacing(style.SPACE)
        self.progress_bar.setFixedSize(style.scaled(160), style.BAR_HEIGHT)
        self.on_rows.setWordWrap(False)
        for part in (self.more, self.on_rows, self.progress_bar, self.cancel_fetch, self.on_base):
            notes.addWidget(part)
        notes.setStretchFactor(self.on_base, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SPACE // 2)
        layout.addLayout(grid)
        layout.addLayout(notes)
        layout.addWidget(self._build_more_settings())

    def _build_more_settings(self) -> QWidget:
        """What most people leave as it is."""
        self._fields = QWidget()
        add_titled_field(self._others, 0, tr("See&d"), self.seed)
        add_titled_field(self._others, 1, tr("Su&ffix of the model's name"), self.suffix)
        numbers, notes = QVBoxLayout(), QVBoxLayout()
        for column in (numbers, notes):
            column.setSpacing(style.SPACE // 2)
        numbers.addLayout(self._others)
        measured = QHBoxLayout()
        measured.addWidget(self.validation)
        measured.addWidget(self.add_validation)
        measured.addStretch(1)
        numbers.addLayout(measured)
        notes.addWidget(basics.label(tr("Notes for the job (metadata)"), dim=True))
        notes.addWidget(self.metadata)
        row = QHBoxLayout()
        row.setSpacing(2 * style.SPACE)
        for column, stretch in ((numbers, 3), (notes, 1)):
            column.addStretch(1)
            row.addLayout(column, stretch)
        self._advanced = QWidget()
        self._advanced.setLayout(self._advanced_grid)
        self._advanced_grid.setContentsMargins(0, 0, 0, 0)
        whole = QVBoxLayout(self._fields)
        whole.setContentsMargins(0, style.SPACE // 2, 0, style.SPACE // 2)
        whole.setSpacing(style.SPACE // 2)
        whole.addLayout(row)
        whole.addWidget(self.show_advanced)
        whole.addWidget(self._advanced)
        self._show_more(False)
        self._show_advanced(False)
        return self._fields

    def _show_more(self, open: bool) -> None:
        self._fields.setVisible(open)

    def _show_advanced(self, open: bool) -> None:
        self._advanced.setVisible(open and bool(self.advanced.fields))

    def offer(self) -> ModelOffer | None:
        """The chosen base model; None if there is none."""
        return self.base.offer()

    def tag(self) -> str:
        """The tag of the chosen rows; '' is all of them."""
        return self.rows.currentData() or ""

    def hyperparameters(self) -> dict[str, Value]:
        """The values that were entered, by name; those left to the server are missing."""
        return self.epochs.values() | self.hyper.values() | self.advanced.values()

    def ranges(self) -> dict[str, NumberRange]:
        """What can be chosen at this server with this method."""
        return self._preset.ranges(self.chosen_method())

    def chosen_method(self) -> str:
        """The chosen training method; '' before there is one."""
        return self.method.currentData() or ""

    def plan(self) -> TrainingPlan:
        """What a job with these choices would be."""
        seed = self.seed.value()
        return TrainingPlan(
            self.base.model_id(),
            self.tag(),
            self.hyperparameters(),
            None if seed < 0 else seed,
            self.suffix.text().strip() or self._default_suffix(),
            self.chosen_method(),
            self.validation.isChecked() and self.validation.isEnabled(),
            self.metadata.pairs(),
        )

    def _default_suffix(self) -> str:
        # A colon parts the fields of a model's name.
        return (self.tag() or "all").replace(":", "-")[: min(18, self._preset.suffix_limit)]

    def show_offers(self, provider: str, offers: Sequence[ModelOffer], role: str, no_models: str = "") -> None:
        """The models to begin with: base models first, then trained ones, to train them further.

        `role` is the student's model by the settings, '' for none. Where there are no models, `no_models` says why.
        """
        self._no_models = no_models
        self.base.show_offers(
            provider,
            sorted(offers, key=lambda offer: offer.tuned),
            role,
            "" if self.base.model_id() else _first_trainable(offers),
        )
        self._show_base()

    def show_server(self, chosen: ServerPreset, title: str) -> None:
        """Where is trained: which methods and hyperparameters it has."""
        before = self.chosen_method()
        self.own_models.setVisible(chosen.id == LOCAL)
        self._preset, self._server = chosen, title
        self.method.clear()
        for method in (*chosen.methods, *chosen.shown):
            self.method.addItem(job_texts.method_title(method), method)
        self.method.setCurrentIndex(max(0, self.method.findData(before)))
        self._base_title.setText(
            tr("Base &model ({server})", server=title.replace("&", "&&")) if title else tr("Base &model")
        )
        self.suffix.setMaxLength(chosen.suffix_limit)
        self._show_method()

    def _show_method(self) -> None:
        method = self.chosen_method()
        ranges, readonly = self.ranges(), method in self._preset.shown
        self.epochs.show_ranges({name: one for name, one in ranges.items() if name == EPOCHS_PARAMETER}, readonly)
        others = {name: one for name, one in ranges.items() if name != EPOCHS_PARAMETER}
        self.hyper.show_ranges({name: one for name, one in others.items() if not one.advanced}, readonly)
        self.advanced.show_ranges({name: one for name, one in others.items() if one.advanced}, readonly)
        self.show_advanced.setVisible(bool(self.advanced.fields))
        self._show_advanced(self.show_advanced.isChecked())
        self._show_base()

    def show_language(self, language: str) -> None:
        """The language of the rows: a model that does not speak it learns little."""
        self._language = language
        self._show_base()

    def show_sending(self, words: str) -> None:
        """Say what is being done with the rows; '' is nothing, and the buttons are back."""
        self._sending = bool(words)
        self._wait = words
        self._show_base()

    def begin(self) -> None:
        """Another project is shown: reset the choice of rows and the suffix of the model's name."""
        self.rows.clear()
        self.suffix.clear()
        self.epochs.fill({EPOCHS_PARAMETER: self._workspace.choice(EPOCHS_CHOICE)})

    def show_tags(self, total: int, tags: dict[str, int], every: dict[str, int] | None = None) -> None:
        """The sets of approved rows to choose from; what was chosen in this project stays chosen.

        Beside their numbers stands how many rows a set has in `every` ('' is all rows), where some are not approved.
        """
        every = every or {}
        kept = self._workspace.choice(ROWS_CHOICE)
        self.rows.clear()
        self.rows.addItem(tr("All training rows ({n})", n=_format_approved(total, every.get("", 0))), "")
        for tag, count in tags.items():
            self.rows.addItem(f"{tag} ({_format_approved(count, every.get(tag, 0))})", tag)
        if kept and kept not in tags:
            self.rows.addItem(tr("{tag} (no rows any more)", tag=kept), kept)
        self.rows.setCurrentIndex(max(0, self.rows.findData(kept)))
        self._on_rows(tell=False)

    def tags(self) -> list[str]:
        """All sets of rows that can be chosen; '' is all rows."""
        return [self.rows.itemData(index) for index in range(self.rows.count())]

    def _on_rows(self, tell: bool = True) -> None:
        self.suffix.setPlaceholderText(self._default_suffix())
        if tell:
            self._workspace.keep_choice(ROWS_CHOICE, self.tag())
            self.rows_chosen.emit()

    def show_rows(self, count: int, wrong: int, others: int = 0, drafts: int = 0) -> None:
        """Show whether the chosen rows can be trained on: `wrong` of them have errors.

        `others` are approved and not chosen, `drafts` are not approved: they are left out, which is said, too.
        """
        left = [trn("{n} approved row left out", "{n} approved rows left out", others)] if others else []
        left += [trn("{n} row not approved", "{n} rows not approved", drafts)] if drafts else []
        if count < MINIMUM_ROWS:
            text = trn("{n} row: at least {minimum} are needed", "{n} rows: at least {minimum} are needed", count,
                       minimum=MINIMUM_ROWS)  # fmt: skip
            self.on_rows.show_text(" · ".join([text, *left]), "warning")
        elif wrong:
            # The button stays on: what it opens names the errors, shows their rows and starts nothing.
            text = trn("{n} row has an error: “Start training” says what to fix before anything starts",
                       "{n} rows have errors: “Start training” says what to fix before anything starts", wrong)  # fmt: skip
            self.on_rows.show_text(" · ".join([text, *left]), "warning")
        else:
            text = trn("{n} row, none with errors", "{n} rows, none with errors", count)
            self.on_rows.show_text(" · ".join([text, *left]))

    def show_validation(self, count: int) -> None:
        """How many rows there are to measure with during the training; they are used unless the person says no."""
        if count and not self.validation.isEnabled():
            self.validation.setChecked(True)
        self.validation.setEnabled(count > 0)
        self.validation.setText(trn("Evaluate with {n} validation row", "Evaluate with {n} validation rows", count)
                                if count else tr("No validation rows with this tag"))  # fmt: skip

    def problem(self) -> str:
        """Why training cannot start; '' if it can."""
        if not self._preset.trains:
            return tr("“{server}” cannot train. Choose a server that trains in the settings.", server=self._server)
        if self.chosen_method() in self._preset.shown:
            return tr("Juku shows jobs of this method that were created elsewhere; it does not start any.")
        wrong = self.epochs.problem() or self.hyper.problem() or self.advanced.problem()
        return wrong or self._find_conflict() or self.metadata.problem()

    def _find_conflict(self) -> str:
        """Which advanced setting does not go with the other choices; '' where all do."""
        values, offer = self.advanced.values(), self.offer()
        if EARLY_STOPPING in values and not (self.validation.isChecked() and self.validation.isEnabled()):
            return tr(
                "Early stopping needs validation rows. Evaluate with them (“{button}” makes some), or leave it on Auto.",
                button=self.add_validation.text().replace("&", ""),
            )
        return find_conflict(values, is_tuned=offer is not None and offer.tuned)

    def _reason(self) -> str:
        """Why nothing can be started now; '' where it can."""
        offer = self.offer()
        if self._sending:
            return self._wait
        if problem := self.problem():
            return problem
        if offer is None:
            return tr("Choose a model.") if self.base.offers() else self._no_models
        if offer.state in (GONE_STATE, AWAITED_STATE):
            return format_unusable(offer, self._server)
        return model_title(offer) if offer.state == "fetching" else ""

    def _on_cancel_fetch(self) -> None:
        if offer := self.offer():
            self.fetch_cancelled.emit(offer.id)

    def _show_base(self) -> None:
        offer = self.offer()
        fetching = offer is not None and offer.state == "fetching"
        problem = self.problem()
        reason = self._reason()
        basics.set_enabled(self.start, reason)
        later = offer is not None and offer.state in FETCHABLE_STATES
        basics.set_enabled(
            self.several, reason or (tr("Download the model first: press “Start training”.") if later else "")
        )
        self.progress_bar.setVisible(fetching)
        self.cancel_fetch.setVisible(fetching)
        self.progress_bar.setAccessibleName(tr("Downloading") if offer and is_download(offer) else tr("Preparing"))
        self.progress_bar.setRange(0, 100 if offer and offer.progress is not None else 0)
        self.progress_bar.setValue(int(100 * (offer.progress or 0)) if offer else 0)
        if self._sending:
            self.on_base.show_text(self._wait)
        elif problem:
            self.on_base.show_text(problem, "warning")
        elif offer is None or offer.state in (GONE_STATE, AWAITED_STATE):
            self.on_base.show_text(reason, "warning" if offer is not None else "note")
        else:
            self.on_base.show_text(*_describe_base(offer, self._language))


def _first_trainable(offers: Sequence[ModelOffer]) -> str:
    """A model whose training has a price is one that can be trained: few of a server's models can."""
    priced = (
        offer.id
        for offer in offers
        if not offer.tuned and prices.price_of_trained_tokens(1_000_000, offer.id) is not None
    )
    return next(priced, "")


def _describe_base(offer: ModelOffer, language: str) -> tuple[str, str]:
    """What there is to say of a base model, and what that means."""
    if offer.state == "fetching":
        if not is_download(offer):
            share = "" if offer.progress is None else f": {offer.progress:.0%}"
            return tr("Preparing {title}", title=offer.title) + share, "note"
        return tr("Downloading {title}: {share}", title=offer.title, share=f"{offer.progress:.0%}"), "note"
    if offer.state == "failed":
        return tr("{title} could not be prepared: {reason}", title=offer.title, reason=offer.message), "error"
    if language and not offer.speaks(language):
        return tr("{title} was not made for this project's language and will learn less", title=offer.title), "warning"
    if offer.state == "missing":
        text = tr("{title} is not on this computer yet; Juku asks before it downloads it", title=offer.title)
        about = tr(", ").join(filter(None, (basics.format_bytes(offer.bytes) if offer.bytes else "", offer.licence)))
        return (tr("{text} ({about})", text=text, about=about) if about else text), "note"
    if offer.tuned:
        return tr("Continues training a model that was already trained"), "note"
    return "", ""


def _make_seed_box() -> QSpinBox:
    """A seed, or below all of them "Auto": the server chooses."""
    box = basics.integer_field(-1, MAX_SEED, -1)
    box.setSpecialValueText(tr("Auto"))
    box.setMinimumWidth(style.scaled(90))
    return box


def _format_approved(approved: int, every: int) -> str:
    """How many rows are approved, and of how many, where that differs."""
    if every <= approved:
        return f"{approved:,}"
    return tr("{approved} of {n} approved", approved=f"{approved:,}", n=f"{every:,}")
