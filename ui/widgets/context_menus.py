"""Menus of the right mouse button and of the menu key: what can be done with what is under the cursor, and a copy of it."""

from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QHeaderView, QMenu, QTableView, QTreeView, QWidget

from core.formats import markdown_tables
from core.language import tr
from ui.widgets import basics

Entry = QAbstractButton | QAction
OFFERED = "offers-menu"  # the property of a widget that has a menu
MAX_ROWS_COPIED = 20_000  # lines of a list; a clipboard is no way to move more


def offer(widget: QWidget, *entries: Entry | None) -> None:
    """Give `widget` a menu of buttons and actions that are elsewhere, each as it is there; None is a line between them.

    A table or list also offers to copy the lines that are selected.
    """
    widget.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    def show(place: QPoint) -> None:
        menu = QMenu(widget)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        _fill(menu, entries)
        if isinstance(widget, QAbstractItemView):
            _add_copy(menu, widget)
        over = widget.viewport() if isinstance(widget, QAbstractItemView) else widget
        if menu.actions():
            menu.popup(over.mapToGlobal(place))

    if widget.property(OFFERED):  # the new entries take the place of those before
        widget.customContextMenuRequested.disconnect()
    widget.setProperty(OFFERED, True)
    widget.customContextMenuRequested.connect(show)


def _fill(menu: QMenu, entries: tuple[Entry | None, ...]) -> None:
    for entry in entries:
        if entry is None:
            menu.addSeparator()
        elif isinstance(entry, QAction):
            if entry.isSeparator():
                menu.addSeparator()
            elif entry.isVisible() and entry.text():
                menu.addAction(entry)
        elif entry.text() and not entry.isHidden():
            basics.menu_action(menu, entry.text(), entry.click).setEnabled(entry.isEnabled())


def _add_copy(menu: QMenu, view: QAbstractItemView) -> None:
    if menu.actions():
        menu.addSeparator()

    def copy() -> None:
        QGuiApplication.clipboard().setText(format_selection(view))

    def copy_markdown() -> None:
        QGuiApplication.clipboard().setText(format_markdown(view))

    basics.menu_action(menu, tr("&Copy"), copy).setEnabled(bool(_chosen(view)))
    if _header(view) is not None:
        basics.menu_action(menu, tr("Copy as a &Markdown table"), copy_markdown).setEnabled(bool(_chosen(view)))


def format_selection(view: QAbstractItemView) -> str:
    """The selected lines as tab-separated text; of a list the text alone. Hidden columns are left out."""
    return "\n".join("\t".join(_cells(view, index)) for index in _chosen(view)[:MAX_ROWS_COPIED])


def format_markdown(view: QAbstractItemView) -> str:
    """The selected lines of a table as a Markdown table with its headings. Hidden columns are left out."""
    model, across = view.model(), Qt.Orientation.Horizontal
    head = [" ".join(str(model.headerData(column, across) or "").split()) for column in _columns(view)]
    return markdown_tables.write_table(head, [_cells(view, index) for index in _chosen(view)[:MAX_ROWS_COPIED]])


def _chosen(view: QAbstractItemView) -> list[QModelIndex]:
    """The first cell of each selected line, else that of the line with the cursor."""
    found: dict[tuple[int, int], QModelIndex] = {}
    for index in view.selectionModel().selectedIndexes() if view.model() else []:
        found.setdefault((index.parent().internalId(), index.row()), index.siblingAtColumn(0))
    if not found and view.currentIndex().isValid():
        return [view.currentIndex().siblingAtColumn(0)]
    return [found[key] for key in sorted(found)]


def _cells(view: QAbstractItemView, first: QModelIndex) -> list[str]:
    cells = [first.siblingAtColumn(column) for column in _columns(view)]
    return [" ".join(str(cell.data(Qt.ItemDataRole.DisplayRole) or "").split()) for cell in cells]


def _columns(view: QAbstractItemView) -> list[int]:
    """The columns as they are seen, from left to right."""
    header = _header(view)
    if header is None:
        return [0]
    order = (header.logicalIndex(place) for place in range(header.count()))
    return [column for column in order if not header.isSectionHidden(column)]


def _header(view: QAbstractItemView) -> QHeaderView | None:
    """The headings of a table or tree; None for a list."""
    if isinstance(view, QTableView):
        return view.horizontalHeader()
    return view.header() if isinstance(view, QTreeView) else None
