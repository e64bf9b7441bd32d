"""What a small model can add to rows without a chat model: questions that it writes itself, and everyday questions."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from core import providers
from core.dataset.filters import Filter, count
from core.errors import JukuError
from core.generation import everyday_rows, page_rows, question_writer
from core.generation.page_rows import RowChoice
from core.language import tr
from core.progress import Reporter
from core.providers import model_kinds
from core.spec import spec
from core.storage.project import OnChanges, Project
from ui import style
from ui.widgets import basics
from ui.widgets.model_box import USABLE_STATES, ModelBox, load_training_choice
from ui.workspace import Workspace

SERVER = providers.LOCAL  # where the base model is: small models are trained there


def write_page_rows(choice: RowChoice) -> Callable[[sqlite3.Connection, Reporter], str]:
    """What adds the page's rows as drafts and tells what came of it."""
    return lambda db, reporter: str(page_rows.add_rows(db, choice, reporter))


def find_speaker(workspace: Workspace, wished: str = "") -> str:
    """A model here that can answer everyday questions in the page's language now, where the project has no such rows yet:
    a page taught without them makes a small model forget nearly everything else (docs/teaching.md). '' for none.

    `wished` is taken if it can.
    """
    rows = workspace.project.rows
    if count(rows, Filter(tag=everyday_rows.TAG)):
        return ""
    language = spec.get_language(spec.load(rows))
    offers = [one for one in workspace.known_offers(SERVER) if model_kinds.fits(one, model_kinds.BASE)]
    speakers = [one.id for one in offers if one.state in USABLE_STATES and one.speaks(language)]
    return wished if wished in speakers else next(iter(speakers), "")


class ModelRowsChoice(QWidget):
    """Two boxes and the base model that both ask: the one that will be trained on the rows."""

    changed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self.own = QCheckBox(tr("Also questions that a small model &writes itself"))
        words = tr(
            "A question writer is trained on this computer first, once for each base model and language; that takes ten "
            "to twenty minutes on two cores. About half of what it writes is of use: look at the drafts before you approve them."
        )
        basics.explain(self.own, words)
        self.everyday = QCheckBox(tr("Also e&veryday questions with the model’s own answers"))
        words = tr(
            "Rows of what the base model says already. Without them a model that is trained forgets everything else."
        )
        basics.explain(self.everyday, words)
        self.base = ModelBox(workspace, "question writer", model_kinds.BASE)
        self._name = basics.label(tr("&Base model"))
        self._name.setBuddy(self.base)
        self._lay_out()
        for box in (self.own, self.everyday):
            box.toggled.connect(lambda _on: self._on_toggled())
        self.base.chosen.connect(lambda _model: self.changed.emit())
        workspace.offers_changed.connect(self.show_offers)
        self.show_offers()
        speaker = find_speaker(workspace, self.base.model_id())
        self.everyday.setChecked(bool(speaker))
        self._on_toggled()
        if speaker:
            self.base.choose(speaker)

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self._name)
        line.addWidget(self.base, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.HAIR)
        column.addWidget(self.own)
        column.addWidget(self.everyday)
        column.addLayout(line)

    def is_wanted(self) -> bool:
        """Whether a box is ticked."""
        return self.own.isChecked() or self.everyday.isChecked()

    def disabled_reason(self) -> str:
        """Why it cannot be done now, in words; '' where it can or is not wanted."""
        if self.is_wanted() and not self.base.usable():
            return tr("Choose a base model of this computer that is ready.")
        return ""

    def show_offers(self) -> None:
        """List this computer's base models."""
        offers = self._workspace.known_offers(SERVER)
        self.base.show_offers(SERVER, offers, last=load_training_choice(self._workspace, SERVER, offers))
        self.changed.emit()

    def _on_toggled(self) -> None:
        for widget in (self._name, self.base):
            widget.setVisible(self.is_wanted())
        if self.is_wanted():
            self._workspace.request_offers(SERVER)
            self.show_offers()
        self.changed.emit()

    def wanted(self, names: frozenset[str] | None) -> "ModelRows":
        """What is chosen, for these facts (None: for all)."""
        return ModelRows(self._workspace, self.base.usable(), names, self.own.isChecked(), self.everyday.isChecked())


@dataclass(frozen=True, slots=True)
class ModelRows:
    """The rows that the model `base` of this computer is to add to a project: `own` questions, `everyday` ones."""

    workspace: Workspace
    base: str
    names: frozenset[str] | None
    own: bool
    everyday: bool

    async def add_with_page_rows(
        self, project: Project, label: str, choice: RowChoice, reporter: Reporter, on_changes: OnChanges
    ) -> str:
        """Add the page's rows in one undoable step, then these; returns what came of both.

        Raises as `add`: the page's rows stay, and the error tells their number, too.
        """
        change, added = write_page_rows(choice), list[str]()
        on_changes(await project.write(label, lambda db: added.append(change(db, reporter.part(0, 2)))))
        try:
            added += await self.add(project, reporter.part(1, 2), on_changes)
        except JukuError as error:
            stayed = tr("What was made before stays. {what}", what=" ".join(added))
            raise JukuError(error.title, "\n".join(filter(None, (error.message, stayed)))) from error
        return "\n".join(added)

    async def add(self, project: Project, reporter: Reporter, on_changes: OnChanges) -> list[str]:
        """Add them as drafts; returns what came of each, in words. Raises as the modules that make them do."""
        server, parts = await self.workspace.provider(SERVER), self.own + self.everyday
        texts = []
        if self.own:
            part = reporter.part(0, parts)
            added = await question_writer.add_rows(project, server, self.base, self.names, part, on_changes)
            texts.append(f"{tr('Questions that a small model writes')}: {added}")
        if self.everyday:
            part = reporter.part(parts - 1, parts)
            added = await everyday_rows.add_rows(project, server, self.base, part, on_changes)
            texts.append(f"{tr('Everyday questions')}: {added}")
        return texts
