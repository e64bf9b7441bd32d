"""What the menus need of the window that shows a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMainWindow, QTabWidget

if TYPE_CHECKING:
    from core.storage.project import Project
    from ui.dataset.tab import DatasetTab
    from ui.exam.tab import ExamTab
    from ui.project.copy_actions import CopyActions
    from ui.project.opening import ProjectOpener
    from ui.project.print_actions import PrintActions
    from ui.project.teaching_path_bar import TeachingPathBar
    from ui.spec.tab import SpecTab
    from ui.training.tab import TrainingTab


class ProjectWindow(QMainWindow):
    """The base of the main window, of which there is only the one of ui/main_window.py."""

    tabs: QTabWidget
    spec_tab: SpecTab
    dataset_tab: DatasetTab
    training_tab: TrainingTab
    exam_tab: ExamTab
    copies: CopyActions
    opening: ProjectOpener
    path: TeachingPathBar
    printing: PrintActions

    async def replace(self, project: Project) -> None:
        """Show `project` in place of the open one."""
        raise NotImplementedError

    def show_examples(self, words: str) -> None:
        """Show the rows that the filter `words` finds."""
        raise NotImplementedError

    def show_settings(self, page: int = 0) -> None:
        """Open the settings at a page, by its place."""
        raise NotImplementedError

    def restart(self) -> None:
        """Close the window and restart with the same project."""
        raise NotImplementedError
