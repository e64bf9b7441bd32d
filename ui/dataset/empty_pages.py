"""What the examples tab shows where there is no row: none yet, or none that matches."""

from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from core.language import tr
from ui.widgets import basics
from ui.widgets.basics import EmptyState


def _build_page(text: QWidget, *buttons: QPushButton) -> QWidget:
    """A page without rows: a text, and what to do next."""
    page = QWidget()
    line = QHBoxLayout()
    line.addStretch()
    for button in buttons:
        line.addWidget(button)
    line.addStretch()
    layout = QVBoxLayout(page)
    layout.addWidget(text, 1)
    layout.addLayout(line)
    layout.addStretch(1)
    return page


def build_empty_page(on_import: object, on_add: object) -> QWidget:
    """Nothing has been imported or added; `on_import` and `on_add` do so."""
    bring, add = basics.primary_button(tr("Import…")), QPushButton(tr("Add row"))
    bring.clicked.connect(on_import)
    add.clicked.connect(on_add)
    text = tr("Drop or paste a file here, import one, or add the first row by hand.")
    return _build_page(EmptyState(tr("No examples yet"), text), bring, add)


def build_no_match_page(on_clear: object) -> QWidget:
    """The filter finds nothing; `on_clear` shows all rows."""
    clear = QPushButton(tr("Show all rows"))
    clear.clicked.connect(on_clear)
    return _build_page(EmptyState(tr("No row matches"), tr("Change the search words or the filters above.")), clear)
