"""Remembers for each project how its window was left: the tab, the panels, and how the room is divided."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from PySide6.QtCore import QByteArray
from PySide6.QtWidgets import QSplitter, QToolButton

from core.storage import remembered_choices
from ui.project.project_window import ProjectWindow
from ui.workspace import Workspace

LAYOUT_CHOICE = "layout"
GEOMETRY, TAB, PANELS, PARTS, COLUMNS, UNFOLDED = "geometry", "tab", "panels", "parts", "columns", "unfolded"
RESTORED = "restored"  # the property of a splitter whose sizes a person has chosen


class WindowLayout:
    """Stored in the project, so that it goes with it; what another version wrote and makes no sense is left out."""

    def __init__(self, workspace: Workspace, window: ProjectWindow) -> None:
        self._workspace, self._window = workspace, window

    def restore_geometry(self) -> bool:
        """Give a new window the size and the place that this project's had; False where it had none."""
        geometry = _decode(self._load().get(GEOMETRY))
        return geometry is not None and self._window.restoreGeometry(geometry)

    def restore(self) -> None:
        """Arrange the window as it was left on this project."""
        self._arrange(self._load())

    def take_over(self, other: WindowLayout) -> None:
        """Arrange the window as another one on this project is arranged, which may be stored nowhere yet."""
        self._window.restoreGeometry(other._window.saveGeometry())
        self._arrange(other._build())

    def _arrange(self, found: dict[str, Any]) -> None:
        if isinstance(tab := found.get(TAB), int) and 0 <= tab < self._window.tabs.count():
            self._window.tabs.setCurrentIndex(tab)
        if (panels := _decode(found.get(PANELS))) is not None:
            self._window.restoreState(panels)
        parts = found.get(PARTS)
        for name, splitter in self._splitters().items():
            sizes = parts.get(name) if isinstance(parts, dict) else None
            if isinstance(sizes, list) and len(sizes) == splitter.count() and _are_sizes(sizes):
                splitter.setSizes(sizes)
                splitter.setProperty(RESTORED, True)
        if isinstance(unfolded := found.get(UNFOLDED), list):
            for name, button in self._folds().items():
                button.setChecked(name in unfolded)
        if isinstance(columns := found.get(COLUMNS), str):
            self._window.dataset_tab.table.header.restore_layout(columns)

    async def save(self) -> None:
        """Store it in the project, unless that is only read. Raises `ProjectError`."""
        project, text = self._workspace.project, json.dumps(self._build())
        if not project.read_only and text != self._workspace.choice(LAYOUT_CHOICE):
            await project.write("", remembered_choices.store, LAYOUT_CHOICE, text)

    def _build(self) -> dict[str, Any]:
        window = self._window
        return {
            TAB: window.tabs.currentIndex(),
            GEOMETRY: _encode(window.saveGeometry()),
            PANELS: _encode(window.saveState()),
            PARTS: {name: splitter.sizes() for name, splitter in self._splitters().items() if any(splitter.sizes())},
            UNFOLDED: [name for name, button in self._folds().items() if button.isChecked()],
            COLUMNS: window.dataset_tab.table.header.layout_text(),
        }

    def _splitters(self) -> dict[str, QSplitter]:
        """Those that have a name; one that was never shown has no sizes yet."""
        return {one.objectName(): one for one in self._window.findChildren(QSplitter) if one.objectName()}

    def _folds(self) -> dict[str, QToolButton]:
        """The buttons that hide what they are named for, and that have a name: what they show is remembered."""
        found = self._window.findChildren(QToolButton)
        return {one.objectName(): one for one in found if one.objectName() and one.property("disclosure")}

    def _load(self) -> dict[str, Any]:
        try:
            found = json.loads(self._workspace.choice(LAYOUT_CHOICE) or "{}")
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


def _are_sizes(sizes: list[Any]) -> bool:
    return all(isinstance(one, int) and 0 <= one < 1 << 16 for one in sizes) and any(sizes)


def _encode(data: QByteArray) -> str:
    return base64.b64encode(data.data()).decode()


def _decode(text: object) -> QByteArray | None:
    try:
        return QByteArray(base64.b64decode(text, validate=True)) if isinstance(text, str) else None
    except (binascii.Error, ValueError):
        return None
