"""File dialogs that start in Documents, remember a folder for each kind of file, and show whole paths."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QHeaderView, QSplitter, QToolButton, QTreeView, QWidget

from core import paths, settings
from core.errors import JukuError
from core.language import tr
from core.settings import Settings
from ui import style

PROJECTS, ROWS, DOCUMENTS, REPORTS, LINES, RESCUED = "projects", "rows", "documents", "reports", "lines", "rescued"
MODELS = "models"

DIALOG_WIDTH, PLACES_WIDTH = 760, 170  # pixels of Qt's own dialog, and of the places at its side
# Qt draws these black, in a dark window, too.
ARROW_ICONS = {"toParentButton": "arrow-up", "backButton": "arrow-left", "forwardButton": "arrow-right"}


def folder(chosen: Settings, kind: str) -> Path:
    """The folder that a dialog for this kind of file starts in: the last one used, else Documents. An absolute path."""
    last = Path(chosen.folders.get(kind, ""))
    return last if last.is_absolute() and last.is_dir() else paths.documents_folder()


def remember(chosen: Settings, kind: str, place: Path) -> None:
    """Store the folder `place` for the next dialog."""
    if chosen.folders.get(kind) != str(place):
        chosen.folders = {**chosen.folders, kind: str(place)}
        with suppress(JukuError):  # that it is forgotten at the end is nothing to stop for
            settings.save(chosen)


def name_filters(title: str, patterns: str) -> str:
    """The name filters of a Qt file dialog, with one for all files."""
    return f"{title} ({patterns});;{tr('All files')} (*)"


def save_dialog(
    owner: QWidget, chosen: Settings, kind: str, title: str, name: str, then: Callable[[Path], object], filter: str = ""
) -> QFileDialog:
    """A dialog that asks for a path to save to; `name` is suggested, its suffix is added when none is typed."""
    dialog = _build_dialog(owner, chosen, kind, title, filter)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(Path(name).suffix.removeprefix("."))
    dialog.selectFile(name)
    dialog.fileSelected.connect(lambda file: then(Path(file)))
    return dialog


def open_dialog(
    owner: QWidget, chosen: Settings, kind: str, title: str, then: Callable[[list[Path]], object], filter: str = "",
    several: bool = False,
) -> QFileDialog:  # fmt: skip
    """A dialog that asks for one file, or for `several`."""
    dialog = _build_dialog(owner, chosen, kind, title, filter)
    mode = QFileDialog.FileMode.ExistingFiles if several else QFileDialog.FileMode.ExistingFile
    dialog.setFileMode(mode)
    dialog.filesSelected.connect(lambda files: then([Path(file) for file in files]))
    return dialog


def folder_dialog(
    owner: QWidget, chosen: Settings, kind: str, title: str, then: Callable[[Path], object]
) -> QFileDialog:
    """A dialog that asks for a folder, and calls `then` with it."""
    dialog = _build_dialog(owner, chosen, kind, title, "")
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    dialog.fileSelected.connect(lambda found: then(Path(found)))
    return dialog


def _build_dialog(owner: QWidget, chosen: Settings, kind: str, title: str, filter: str) -> QFileDialog:
    dialog = QFileDialog(owner, title, str(folder(chosen, kind)), filter)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    if table := dialog.findChild(QTreeView):  # none where the dialog is the system's own
        table.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in range(1, table.header().count()):
            table.header().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
    for name, arrow in ARROW_ICONS.items():
        if button := dialog.findChild(QToolButton, name):
            button.setIcon(style.icon(arrow))
    dialog.accepted.connect(lambda: remember(chosen, kind, Path(dialog.directory().absolutePath())))
    if sides := dialog.findChild(QSplitter, "splitter"):  # the names of places were cut
        sides.setSizes([PLACES_WIDTH, DIALOG_WIDTH - PLACES_WIDTH])
        dialog.resize(style.scaled(DIALOG_WIDTH), dialog.sizeHint().height())
    return dialog
