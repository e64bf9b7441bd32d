"""The list of examined models in the exam's form: each a model of any server under a condition."""

import json
from collections.abc import Callable, Sequence
from functools import partial

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QVBoxLayout, QWidget

from core.exam.prompt_conditions import CLOSED_BOOK, CONDITIONS, FEW_SHOT, OPEN_BOOK, RETRIEVED
from core.exam.runs import ExamEstimate, ExamSubject
from core.language import tr
from core.providers import ModelOffer, model_kinds
from core.providers.models_api import is_tuned
from ui import style
from ui.exam import exam_texts
from ui.widgets import basics, server_texts
from ui.widgets.drop_down import DropDown
from ui.widgets.model_box import USABLE_STATES, ModelBox, choose_base, format_unusable, load_own_models
from ui.workspace import Workspace

MIN_SUBJECTS, MAX_SUBJECTS = 2, 8
SUBJECTS_CHOICE = "exam"  # of the choice that is kept in the project
COST_WIDTH = 250


class ExaminedModelRow(QWidget):
    """A server, one of its models, a condition, and what its answers come to."""

    changed = Signal()
    chosen = Signal()  # by the person
    copy_wanted = Signal()
    removal_wanted = Signal()

    def __init__(self, workspace: Workspace, subject: ExamSubject) -> None:
        super().__init__()
        self._workspace = workspace
        self.server, self.model, self.condition = DropDown(), ModelBox(workspace), DropDown()
        self.cost = basics.label(dim=True)
        self.cost.setMinimumWidth(style.scaled(COST_WIDTH))
        self.copy = basics.tool_button("+", tr("Duplicate"), has_tip=True)
        self.copy.clicked.connect(lambda _checked: self.copy_wanted.emit())
        self.remove = basics.tool_button("✕", tr("Leave this out"), has_tip=True)
        self.remove.clicked.connect(lambda _checked: self.removal_wanted.emit())
        for condition, texts in CONDITIONS.items():
            self.condition.addItem(texts.title(), condition)
            tip = basics.plain_tooltip(texts.description())
            self.condition.setItemData(self.condition.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        for box, name in ((self.server, tr("Server")), (self.model, tr("Model")), (self.condition, tr("Condition"))):
            box.setAccessibleName(name)
            box.setToolTip(name)
        self.server.activated.connect(lambda _index: self._on_server())
        self.model.chosen.connect(lambda _model: self._on_chosen())
        self.condition.activated.connect(lambda _index: self._on_chosen())
        self._lay_out()
        self.choose(subject)

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(style.SPACE // 2)
        for part, stretch in ((self.server, 2), (self.model, 5), (self.condition, 2)):
            row.addWidget(part, stretch)
        row.addSpacing(style.SPACE // 2)
        for last in (self.cost, self.copy, self.remove):
            row.addWidget(last)

    def choose(self, subject: ExamSubject) -> None:
        """Show a subject, also where its server no longer offers its model."""
        self._show_servers(subject.provider)
        self.condition.setCurrentIndex(self.condition.findData(subject.condition))
        self._show_models()
        if subject.model:
            self.model.choose(subject.model)
        self.changed.emit()

    def subject(self) -> ExamSubject:
        """The server, the model and the condition as they are chosen."""
        return ExamSubject(self.provider(), self.model.model_id(), self.condition.currentData())

    def provider(self) -> str:
        """The id of the chosen server, by default the one in use."""
        found: str = self.server.currentData() or self._workspace.settings.provider
        return found

    def show_offers(self) -> None:
        """The servers, or what they offer, have changed."""
        self._show_servers(self.provider())
        self._show_models()

    def _show_servers(self, wanted: str) -> None:
        titles = server_texts.server_titles(self._workspace)
        titles.setdefault(wanted, wanted)
        if titles != {self.server.itemData(at): self.server.itemText(at) for at in range(self.server.count())}:
            self.server.clear()
            for id, title in titles.items():
                self.server.addItem(title, id)
        self.server.setCurrentIndex(self.server.findData(wanted))
        self.server.setVisible(len(titles) > 1)

    def _show_models(self) -> None:
        self._workspace.request_offers(self.provider())
        self.model.show_offers(self.provider(), self._workspace.known_offers(self.provider()), any=False)
        self.changed.emit()

    def _on_server(self) -> None:
        self._show_models()
        self._on_chosen()

    def _on_chosen(self) -> None:
        self.chosen.emit()
        self.changed.emit()

    def problem(self) -> str:
        """Why this one cannot be asked; '' where it can."""
        offer = self.model.offer()
        if offer is None:
            known = self._workspace.known_offers(self.provider())
            return tr("Choose a model in every row.") if known else self._workspace.no_models(self.provider())
        return format_unusable(offer, server_texts.server_title(self._workspace, self.provider()))


class ExaminedModels(QWidget):
    """The models and conditions to examine, two to eight; by default the usual ones for what is offered."""

    changed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._touched = False
        self._project = workspace.project  # whose choice this is
        self._rows: list[ExaminedModelRow] = []
        self._lines = QVBoxLayout()
        self._lines.setSpacing(style.SPACE // 2)
        self.presets, self.add = QPushButton(tr("&Quick choice")), QPushButton(tr("&Add"))
        self.add.setToolTip(tr("Another model or condition"))
        self.presets.setMenu(self._build_menu())
        self.add.clicked.connect(lambda _checked: self._on_copy(self._rows[-1] if self._rows else None))
        above = QHBoxLayout()
        above.addWidget(basics.heading(tr("Models that take the exam")))
        above.addSpacing(style.SPACE)
        above.addWidget(self.presets)
        above.addWidget(self.add)
        above.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SPACE // 2)
        layout.addLayout(above)
        layout.addLayout(self._lines)
        self.show_offers()

    def _build_menu(self) -> QMenu:
        menu = QMenu(self)
        for title, make in (
            (tr("Base and newest fine-tuned model, closed book"), closed_book_preset),
            (tr("The same, and the base model with the spec in the prompt"), open_book_preset),
            (tr("All conditions"), all_conditions_preset),
        ):
            menu.addAction(title, partial(self._on_preset, make))
        return menu

    def rows(self) -> list[ExaminedModelRow]:
        """The rows, from top to bottom."""
        return self._rows

    def subjects(self) -> list[ExamSubject]:
        """The chosen subjects, in their order."""
        return [row.subject() for row in self._rows]

    def choose(self, subjects: Sequence[ExamSubject]) -> None:
        """Show these; what is offered later changes them no more."""
        self._touched = True
        self._show(subjects)

    def prefer(self, provider: str, model: str) -> None:
        """Examine a model: in place of the tuned one in the list, else in a new row.

        The base that stands beside it becomes the one that it was trained from, unless the person chose another one.
        """
        wanted = ExamSubject(provider, model)
        if wanted in self.subjects():
            return
        tuned = [row for row in self._rows if is_tuned(row.subject().model) and row.subject().condition == CLOSED_BOOK]
        was_touched, self._touched = self._touched, True
        if is_tuned(model) and not was_touched:
            self._show(open_book_preset(self._base_of(wanted, self._first_base(provider)), wanted))
        elif tuned and is_tuned(model):
            self._replace_tuned(tuned[-1], wanted, keeps_base=len(tuned) > 1)
        else:
            self._show([*self.subjects(), wanted][-MAX_SUBJECTS:])
        self.changed.emit()

    def _replace_tuned(self, row: ExaminedModelRow, wanted: ExamSubject, keeps_base: bool) -> None:
        before = row.subject()
        row.choose(wanted)
        for other in self._rows:
            old = other.subject()
            if not keeps_base and (old.provider, old.model) == (before.provider, model_kinds.base_of(before.model)):
                other.choose(_with_condition(self._base_of(wanted, old.model), old.condition))

    def _base_of(self, tuned: ExamSubject, current: str) -> ExamSubject:
        """What a tuned model was trained from, closed book; where that is not offered, the `current` base or another."""
        return ExamSubject(tuned.provider, self._choose_base(tuned.provider, tuned.model, current))

    def _first_base(self, provider: str) -> str:
        return next((one.model for one in self.subjects() if one.provider == provider and not is_tuned(one.model)), "")

    def show_offers(self) -> None:
        """Servers, models or the language of the text have changed."""
        if not self._touched and not self._has_defaults():
            self._show(open_book_preset(*self.default_subjects(self._first_base(self._workspace.settings.provider))))
        for row in self._rows:
            row.show_offers()

    def _has_defaults(self) -> bool:
        """Whether the default subjects are chosen; a model that is trained meanwhile does not replace them.

        Only that of another project gives way to the first one of this project.
        """
        provider, subjects = self._workspace.settings.provider, self.subjects()
        models = [subject.model for subject in subjects]
        if not all(subject.provider == provider for subject in subjects) or not all(models):
            return False
        own = [offer.id for offer in self._load_own(provider)]
        return any(model in own for model in models) if own else any(map(is_tuned, models))

    def _load_own(self, provider: str) -> list[ModelOffer]:
        return load_own_models(self._workspace, provider, self._workspace.known_offers(provider))

    def remember(self, subjects: Sequence[ExamSubject]) -> None:
        """Another project is open: show what was chosen there last, or where that is nothing the usual ones."""
        self._touched, self._project = bool(subjects), self._workspace.project
        self._show(subjects or open_book_preset(*self.default_subjects()))

    def default_subjects(self, current: str = "") -> tuple[ExamSubject, ExamSubject | None]:
        """The base to begin with and the newest tuned model, of this project if there is one; closed book.

        The base is the one that the tuned model was trained from; without a tuned model `current` stays.
        """
        provider = self._workspace.settings.provider
        offers = [*self._load_own(provider), *self._workspace.known_offers(provider)]
        tuned = _find_newest_tuned(offers)
        base = ExamSubject(provider, self._choose_base(provider, tuned, current))
        return base, ExamSubject(provider, tuned) if tuned else None

    def _choose_base(self, provider: str, tuned: str, current: str) -> str:
        """What `tuned` was trained from; without it, or where that is not offered, `current` or another base."""
        offers = self._workspace.known_offers(provider)
        bases = [one for one in offers if one.state in USABLE_STATES and model_kinds.fits(one, model_kinds.BASE)]
        origin = model_kinds.base_of(tuned)
        return (
            origin if origin in [one.id for one in bases] else choose_base(self._workspace, bases, current) or current
        )

    def show_estimates(self, found: Sequence[ExamEstimate]) -> None:
        """Show each estimate; nothing if they were made for other subjects than those in the list."""
        if [one.subject for one in found] != self.subjects():
            found = []
        for number, row in enumerate(self._rows):
            row.cost.setText(exam_texts.format_estimate(found[number]) if found else "")
        self._align()

    def _align(self) -> None:
        """Give the last column of all rows the same width, so that the boxes stand below each other."""
        widest = max((row.cost.sizeHint().width() for row in self._rows), default=0)
        for row in self._rows:
            row.cost.setMinimumWidth(max(style.scaled(COST_WIDTH), widest))

    def problem(self) -> str:
        """Why these cannot be examined; '' if they can."""
        subjects = self.subjects()
        if found := next(filter(None, (row.problem() for row in self._rows)), ""):
            return found
        if len(set(subjects)) < len(subjects):
            return tr("Two entries are the same: choose another model or condition.")
        return ""

    def _show(self, subjects: Sequence[ExamSubject]) -> None:
        while len(self._rows) > len(subjects):
            row = self._rows.pop()
            self._lines.removeWidget(row)
            row.hide()
            row.deleteLater()
        for row, subject in zip(self._rows, subjects, strict=False):
            row.choose(subject)
        for subject in subjects[len(self._rows) :]:
            self._add(subject)
        self._align()
        self._on_changed()

    def _add(self, subject: ExamSubject) -> None:
        row = ExaminedModelRow(self._workspace, subject)
        row.changed.connect(self._on_changed)
        row.chosen.connect(self._on_touched)
        row.copy_wanted.connect(lambda: self._on_copy(row))
        row.removal_wanted.connect(lambda: self._on_remove(row))
        self._rows.append(row)
        self._lines.addWidget(row)

    def is_touched(self) -> bool:
        """Whether the person has chosen these."""
        return self._touched

    def _on_touched(self) -> None:
        self._touched = True

    def _store_choice(self) -> None:
        if self._touched and self._project is self._workspace.project:
            stored = [[one.provider, one.model, one.condition] for one in self.subjects()]
            self._workspace.keep_choice(SUBJECTS_CHOICE, json.dumps(stored))

    def load_choice(self) -> list[ExamSubject]:
        """What was chosen in this project last; what makes no sense is left out."""
        try:
            stored = msgspec.json.decode(
                self._workspace.choice(SUBJECTS_CHOICE) or "[]", type=list[tuple[str, str, str]]
            )
        except (msgspec.MsgspecError, RecursionError, UnicodeEncodeError):
            return []
        return [ExamSubject(*one) for one in stored if one[2] in CONDITIONS]

    def _on_preset(self, make: Callable[[ExamSubject, ExamSubject | None], list[ExamSubject]]) -> None:
        self.choose(make(*self.default_subjects()))

    def _on_copy(self, row: ExaminedModelRow | None) -> None:
        """A line like this one, under the next condition that is free."""
        first = row.subject() if row else self.default_subjects()[0]
        taken = set(self.subjects())
        others = [ExamSubject(first.provider, first.model, condition) for condition in CONDITIONS]
        new = next((one for one in others if one not in taken), first)
        at = self._rows.index(row) + 1 if row else 0
        subjects = self.subjects()
        self.choose([*subjects[:at], new, *subjects[at:]])

    def _on_remove(self, row: ExaminedModelRow) -> None:
        at = self._rows.index(row)
        subjects = self.subjects()
        self.choose([*subjects[:at], *subjects[at + 1 :]])

    def _on_changed(self) -> None:
        self.add.setEnabled(len(self._rows) < MAX_SUBJECTS)
        for row in self._rows:
            row.copy.setEnabled(len(self._rows) < MAX_SUBJECTS)
            row.remove.setEnabled(len(self._rows) > MIN_SUBJECTS)
        self._store_choice()
        self.changed.emit()


def closed_book_preset(base: ExamSubject, tuned: ExamSubject | None) -> list[ExamSubject]:
    """The base model beside the tuned one; without one, beside itself with the spec in the prompt."""
    return [base, tuned] if tuned else [base, _with_condition(base, OPEN_BOOK)]


def open_book_preset(base: ExamSubject, tuned: ExamSubject | None) -> list[ExamSubject]:
    """Was it worth it against simply putting the text, or what a search finds of it, before the model?"""
    return [base, *([tuned] if tuned else []), _with_condition(base, OPEN_BOOK), _with_condition(base, RETRIEVED)]


def all_conditions_preset(base: ExamSubject, tuned: ExamSubject | None) -> list[ExamSubject]:
    """The base model under all conditions, and the tuned one closed book."""
    books = [_with_condition(base, condition) for condition in (OPEN_BOOK, RETRIEVED, FEW_SHOT)]
    return [base, *books, *([tuned] if tuned else [])]


def _with_condition(subject: ExamSubject, condition: str) -> ExamSubject:
    return ExamSubject(subject.provider, subject.model, condition)


def _find_newest_tuned(offers: Sequence[ModelOffer]) -> str:
    return next((offer.id for offer in offers if offer.tuned and not model_kinds.is_derived(offer.id)), "")
