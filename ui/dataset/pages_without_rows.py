"""What the examples tab shows in place of the grid: the project has no rows, or none matches."""

from PySide6.QtWidgets import QPushButton, QWidget

from core.language import tr
from ui.widgets import basics
from ui.widgets.basics import EmptyState


def build_empty_page(on_import: object, on_add: object) -> QWidget:
    """The page of a project without rows."""
    bring, add = basics.primary_button(tr("Import…")), QPushButton(tr("Add row"))
    bring.clicked.connect(on_import)
    add.clicked.connect(on_add)
    text = tr("Drop or paste a file here, import one, or add the first row by hand.")
    return EmptyState(tr("No rows yet"), text, [bring, add])


def build_no_match_page(on_clear: object) -> QWidget:
    """The page of a search that finds nothing."""
    clear = QPushButton(tr("Show all rows"))
    clear.clicked.connect(on_clear)
    return EmptyState(tr("No row matches"), tr("Change the search words or the filters above."), [clear])
