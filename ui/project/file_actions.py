"""The File menu: create, open and copy projects, import and export rows, import documents."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QMenu, QMessageBox, QWidget

from core import documents, language, paths
from core.dataset import sample_projects
from core.language import tr
from core.storage import project as projects
from ui.chat.router_dialog import RouterDialog
from ui.dataset import drop_question
from ui.project import recent_projects
from ui.project.project_window import ProjectWindow
from ui.project.recent_projects import RecentProject
from ui.project.welcome_dialog import WelcomeDialog
from ui.rescue.rescue_dialog import RescueDialog
from ui.rescue.rescue_runner import RescueRunner
from ui.widgets import basics, file_dialogs
from ui.workspace import Workspace

PROJECT_FILES = "*.juku"
ROW_FILES = "*.jsonl *.jsonl.txt *.ndjson *.json *.csv *.tsv *.xlsx *.ods *.parquet *.arrow *.feather *.md *.html *.txt *.zip *.gz *.xz *.bz2 *.zst"
Role = QMessageBox.ButtonRole


class FileActions(QObject):
    """The File menu. Every dialog belongs to the window, so that a switch to another project closes it."""

    def __init__(self, workspace: Workspace, window: ProjectWindow, rescuer: RescueRunner | None = None) -> None:
        """`rescuer` is the runner of a window that `window` takes the place of."""
        super().__init__(window)
        self._workspace = workspace
        self._window = window
        self.printing = window.printing
        self.rescuer = rescuer or RescueRunner(workspace, workspace)

    def fill(self, file: QMenu) -> None:
        """Fill the File menu."""
        basics.menu_action(file, tr("&Welcome…"), self.show_welcome)
        basics.menu_action(file, tr("&New project…"), self._on_new, QKeySequence.StandardKey.New)
        sample_menu = file.addMenu(tr("New from a &sample"))
        for name in sample_projects.list_names():
            basics.menu_action(sample_menu, sample_projects.load(name).title, partial(self._on_new_sample, name))
        basics.menu_action(file, tr("&Open…"), self._on_open, QKeySequence.StandardKey.Open)
        self.recent = file.addMenu(tr("Open &recent"))
        self.recent.aboutToShow.connect(self._show_recent)
        file.addSeparator()
        basics.menu_action(file, tr("Save a &copy…"), self._window.copies.ask)
        basics.menu_action(file, tr("Bac&k up now"), self._window.copies.back_up)
        basics.menu_action(file, tr("Open a &backup…"), self._window.copies.show_backups)
        file.addSeparator()
        basics.menu_action(file, tr("&Import rows…"), self.ask_for_rows, "Ctrl+I")
        basics.menu_action(file, tr("Import a &document into the spec…"), self.ask_for_document)
        basics.menu_action(file, tr("&Export rows…"), self._on_export, "Ctrl+Shift+E")
        file.addSeparator()
        print_entry = basics.menu_action(file, tr("&Print…"), self.printing.print_tab, QKeySequence.StandardKey.Print)
        pdf_entry = basics.menu_action(file, tr("Save as P&DF…"), self.printing.ask_for_pdf)
        for entry in (print_entry, pdf_entry):
            file.aboutToShow.connect(lambda entry=entry: entry.setEnabled(self.printing.can_print()))
            file.aboutToHide.connect(lambda entry=entry: entry.setEnabled(True))  # its keys say what can be printed
        file.addSeparator()
        basics.menu_action(file, tr("&Rescue a model…"), self.open_rescue)
        basics.menu_action(file, tr("R&outer…"), lambda: RouterDialog(self._workspace, self._window).open())
        file.addSeparator()
        basics.menu_action(
            file, tr("Se&ttings…"), lambda: self._window.show_settings(), QKeySequence.StandardKey.Preferences
        )
        file.addSeparator()
        basics.menu_action(file, tr("&Quit"), self._window.close, QKeySequence.StandardKey.Quit)

    def open_paths(self, found: list[Path]) -> None:
        """What the command line named or what was dropped: a project is opened, documents go to the spec, rows come in."""
        document = next((path for path in found if path.suffix == projects.PROJECT_SUFFIX), None)
        files = [path for path in found if path.suffix != projects.PROJECT_SUFFIX]
        texts = [path for path in files if self.is_for_spec(path)]
        self._workspace.tasks.start("", self._open_all(document, texts, [path for path in files if path not in texts]))

    async def _open_all(self, document: Path | None, texts: list[Path], rows: list[Path]) -> None:
        if document is None or await self._window.opening.open(document, [*texts, *rows]):
            # Later than the switch to another project, which ends what was begun before it.
            asyncio.get_running_loop().call_soon(self._import_files, texts, rows)

    def _import_files(self, texts: list[Path], rows: list[Path]) -> None:
        window = self._window
        if rows:
            self._import(rows)
        if texts:
            window.tabs.setCurrentWidget(window.spec_tab)
            sorting = drop_question.split_files(window, texts, self._import, window.spec_tab.import_document)
            self._workspace.tasks.start("", sorting)

    def is_for_spec(self, path: Path) -> bool:
        """Whether a file is to be read into the spec: what can hold no rows, and over the spec any text."""
        over_spec = self._window.tabs.currentWidget() is self._window.spec_tab
        return path.suffix.lower() in (documents.SUFFIXES if over_spec else drop_question.DOCUMENTS)

    def _import(self, files: list[Path]) -> None:
        self._window.tabs.setCurrentWidget(self._window.dataset_tab)
        self._window.dataset_tab.import_files(files)

    async def _create(self, path: Path, sample: str, then: Callable[[], None] | None = None) -> None:
        project = await asyncio.to_thread(projects.create, path)
        if sample:
            await project.write(tr("Use the sample"), sample_projects.fill, sample)
        await self._window.replace(project)
        if then:
            asyncio.get_running_loop().call_soon(then)  # behind the switch

    def show_welcome(self) -> None:
        """Offer the three ways to begin, and the recent projects."""
        dialog = WelcomeDialog(self._workspace, self._window)
        dialog.text_wanted.connect(lambda: self._on_new(self._show_text))
        dialog.rows_wanted.connect(lambda: self._on_new(self.ask_for_rows))
        dialog.sample_wanted.connect(self._show_sample)
        dialog.project_wanted.connect(lambda path: self.open_paths([path]))
        dialog.other_wanted.connect(self._on_open)
        dialog.open()

    def _show_text(self) -> None:
        self._window.path.want(True)  # who begins like this is led
        self._window.tabs.setCurrentWidget(self._window.spec_tab)
        self._window.spec_tab.show_text()

    def _show_sample(self) -> None:
        """The sample in the language of the screen, in a file of its own; the one of the first start is open already."""
        if self._workspace.project.path.parent != paths.data_folder():
            self._on_new_sample(f"hobannu-{language.current_language()}")

    def _on_new(self, then: Callable[[], None] | None = None) -> None:
        self._ask_where(tr("New project"), tr("Untitled"), lambda path: self._create(path, "", then))

    def _on_new_sample(self, name: str) -> None:
        title = sample_projects.load(name).spec_name
        self._ask_where(tr("New project"), title, lambda path: self._create(path, name))

    def _ask_where(self, title: str, name: str, create: Callable[[Path], Coroutine[Any, Any, None]]) -> None:
        file_dialogs.save_dialog(
            self._window, self._workspace.settings, file_dialogs.PROJECTS, title, f"{name}{projects.PROJECT_SUFFIX}",
            lambda path: self._workspace.tasks.start("", create(path)), _project_files(),
        ).open()  # fmt: skip

    def _on_open(self) -> None:
        file_dialogs.open_dialog(
            self._window, self._workspace.settings, file_dialogs.PROJECTS, tr("Open a project"),
            lambda found: self.import_or_open(found[0]), _project_files(),
        ).open()  # fmt: skip

    def import_or_open(self, path: Path) -> None:
        """What was chosen may be no project: rows do not come into the open one without a word."""
        if path.suffix in (projects.PROJECT_SUFFIX, *drop_question.DOCUMENTS):
            self.open_paths([path])
            return

        def import_here() -> None:
            self._import([path])

        def create() -> None:
            self._ask_where(
                tr("New project"), path.name.split(".")[0], lambda target: self._create(target, "", import_here)
            )

        _ask_import_or_new(self._window, path, self._workspace.project.path.stem, import_here, create)

    def _show_recent(self) -> None:
        self.recent.clear()
        found = recent_projects.load(self._workspace.settings)
        for one in found:
            text = f"{one.name} – {one.folder}".replace("&", "&&")
            action = basics.menu_action(self.recent, text, partial(self.open_paths, [one.path]))
            action.setEnabled(one.is_there)
            action.setText(text if one.is_there else tr("{project} (no longer there)", project=text))
        gone = [one for one in found if not one.is_there]
        self.recent.addSeparator()
        clear = basics.menu_action(self.recent, tr("&Forget those no longer there"), partial(self._forget, gone))
        clear.setEnabled(bool(gone))

    def _forget(self, gone: list[RecentProject]) -> None:
        for one in gone:
            recent_projects.forget(self._workspace.settings, one.path)
        self._workspace.save_settings()

    def ask_for_rows(self) -> None:
        """Ask for files with rows, and import them."""
        file_dialogs.open_dialog(
            self._window, self._workspace.settings, file_dialogs.ROWS, tr("Import rows"), self.open_paths,
            file_dialogs.name_filters(tr("Rows"), ROW_FILES), several=True,
        ).open()  # fmt: skip

    def ask_for_document(self) -> None:
        """Ask for a document, and import it into the spec."""
        patterns = " ".join(f"*{suffix}" for suffix in documents.SUFFIXES)
        file_dialogs.open_dialog(
            self._window, self._workspace.settings, file_dialogs.DOCUMENTS, tr("Import a document"),
            lambda found: self._window.spec_tab.import_document(found[0]), file_dialogs.name_filters(tr("Documents"), patterns),
        ).open()  # fmt: skip

    def _on_export(self) -> None:
        self._window.tabs.setCurrentWidget(self._window.dataset_tab)
        self._window.dataset_tab.dialogs.open_export()

    def open_rescue(self) -> None:
        """Open the rescue of a model."""
        dialog = RescueDialog(self._workspace, parent=self._window, rescuer=self.rescuer)
        dialog.show_examples.connect(self._window.show_examples)
        dialog.open()


def _project_files() -> str:
    return file_dialogs.name_filters(tr("Juku projects"), PROJECT_FILES)


def _ask_import_or_new(
    parent: QWidget, file: Path, project: str, on_import: Callable[[], object], on_new: Callable[[], object]
) -> None:
    """Call `on_import` or `on_new`, as the person decides; Escape leaves all as it is."""
    box = QMessageBox(QMessageBox.Icon.Question, tr("Open a project"), "", parent=parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setText(tr("Import into “{project}”?", project=project))
    box.setInformativeText(tr("“{name}” is not a Juku project. Its rows can be imported into this project or into a new one.",
                              name=file.name))  # fmt: skip
    here = box.addButton(tr("Import here"), Role.AcceptRole)
    new = box.addButton(tr("New project…"), Role.ActionRole)
    box.addButton(tr("Cancel"), Role.RejectRole)
    here.clicked.connect(lambda _checked: on_import())
    new.clicked.connect(lambda _checked: on_new())
    box.setDefaultButton(here)
    box.open()
