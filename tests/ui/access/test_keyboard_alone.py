"""The keyboard alone reaches every control of every tab and dialog, and leaves it again."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QApplication

from tests.support import accessible_tree, keyboard_walk
from tests.support.pages import whole_program
from tests.support.pages.menus import find_entry
from tests.support.until import until
from ui.menus.pane_focus import list_panes


def test_tab_reaches_every_control_in_reading_order_and_leaves_it(whole, qapp):
    found, walked = [], []

    async def look(name, root, _window):
        top = root.window()
        top.activateWindow()
        await until(lambda: qapp.activeWindow() is top)
        shown = list(whole_program.shown_children(root))
        first = next(one for one in shown if one.focusPolicy() & Qt.FocusPolicy.TabFocus and one.isEnabled())
        forth, traps = keyboard_walk.walk(top, first)
        back, traps_backwards = keyboard_walk.walk(top, first, backwards=True)
        walked.extend(forth)
        found.extend(f"{name}: does not let go: {one}" for one in traps + traps_backwards)
        found.extend(f"{name}: not reached: {one}" for one in keyboard_walk.unreached(shown, forth))
        inside = [one for one in forth if root.isAncestorOf(one)]
        found.extend(f"{name}: goes back up: {one}" for one in keyboard_walk.jumps(inside, top))
        one_way = [one for one in set(forth) ^ set(back) if not isinstance(one, QAbstractItemView)]
        found.extend(f"{name}: only one way: {accessible_tree.describe(one)}" for one in one_way)

    whole(look)
    assert found == []
    assert len(walked) > 500


@pytest.mark.parametrize("key", ["Ne&xt part of the window", "Pre&vious part of the window"])
def test_f6_goes_through_the_parts_of_the_window_and_comes_round(run, window, qapp, key):
    async def go():
        window.resize(1400, 900)
        window.activateWindow()
        window.tabs.setCurrentWidget(window.dataset_tab)
        await until(lambda: window.dataset_tab.model.rowCount() > 100 and qapp.activeWindow() is window)
        window.dataset_tab.table.setFocus()
        entry, met = find_entry(window, "&View", key), []
        for _part in list_panes(window):
            entry.trigger()
            met.append(QApplication.focusWidget())
        assert len(set(met)) == len(met) >= 3
        assert any(
            part.isAncestorOf(window.dataset_tab.table) and part.isAncestorOf(met[-1]) for part in list_panes(window)
        )

    run(go())
