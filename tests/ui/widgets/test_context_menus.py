"""The menu of the right mouse button: what is elsewhere, as it is there, and a copy of the lines."""

from PySide6.QtCore import QPoint
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QPushButton, QTableWidget, QTableWidgetItem

from ui.widgets import context_menus


def entries(widget):
    """Open the menu as the right button does, and read it."""
    widget.customContextMenuRequested.emit(QPoint(1, 1))
    menu = widget.findChildren(QMenu)[-1]
    found = {one.text(): one for one in menu.actions() if one.text()}
    menu.hide()
    return found


def test_the_menu_of_a_table(qtbot):
    table = QTableWidget(3, 3)
    qtbot.addWidget(table)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    for row in range(3):
        for column in range(3):
            table.setItem(row, column, QTableWidgetItem(f"<b>{row}\n{column}"))
    table.setColumnHidden(1, True)
    pressed, button, action = [], QPushButton("&Open", table), QAction("Delete", table)
    button.clicked.connect(lambda: pressed.append(1))
    action.setEnabled(False)
    context_menus.offer(table, button, None, action)
    table.show()
    assert not entries(table)["&Copy"].isEnabled()
    table.selectRow(2)
    table.selectionModel().select(table.model().index(0, 0), table.selectionModel().SelectionFlag.Select | table.selectionModel().SelectionFlag.Rows)  # fmt: skip
    found = entries(table)
    assert list(found) == ["&Open", "Delete", "&Copy", "Copy as a &Markdown table"] and not found["Delete"].isEnabled()
    found["&Open"].trigger()
    found["&Copy"].trigger()
    assert pressed and QGuiApplication.clipboard().text() == "<b>0 0\t<b>0 2\n<b>2 0\t<b>2 2"
    table.setHorizontalHeaderLabels(["One", "Two", "Th|ree"])
    found["Copy as a &Markdown table"].trigger()
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0] == r"| One | Th\|ree |" and lines[2:] == ["| <b>0 0 | <b>0 2 |", "| <b>2 0 | <b>2 2 |"]


def test_every_list_of_the_window_has_a_menu(run, window):
    """Each table, tree and list of the five tabs and of the panel below them, but for the small ones of a field."""
    fields = {"MetadataTable", "CurveLegend"}  # typed into, and clicked

    async def go():
        lacking = [
            f"{type(view).__name__} in {type(view.parent()).__name__}"
            for part in (*window.tab_list, window.activity)
            for view in part.findChildren(QAbstractItemView)
            if view.contextMenuPolicy() == view.contextMenuPolicy().DefaultContextMenu
            and not isinstance(view, QHeaderView)
            and type(view).__name__ not in fields
            and not (view.window() is not window or "ComboBox" in type(view.parent()).__name__)
        ]
        assert not lacking

    run(go())
