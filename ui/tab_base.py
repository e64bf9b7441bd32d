"""What every tab is: a widget with a title, an icon and `refresh`."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from core.storage.project import Changes
from core.storage.schema import Table
from ui.workspace import Workspace

ALL_TABLES = Changes(
    "",
    records={
        Table.SPEC,
        Table.FACT,
        Table.EXAMPLE,
        Table.UNREAD,
        Table.JOB,
        Table.JOB_EVENT,
        Table.EVAL_RUN,
        Table.EVAL_ANSWER,
    },
)


class Tab(QWidget):
    """The base class of the five tabs."""

    icon = ""
    show_examples = Signal(str)  # a search in the filter's words, such as "fact:f01"
    show_model = Signal(str, str, str)  # a tab's name ("chat", "exam"), a provider and its model

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.workspace = workspace

    def title(self) -> str:
        """The text on the tab. Overridden by each tab."""
        raise NotImplementedError

    def refresh(self, changes: Changes) -> None:
        """Show what a write has touched; a tab decides for itself what that means for it."""
        raise NotImplementedError

    def show_offers(self) -> None:
        """The provider's models have changed."""

    async def flush(self) -> None:
        """Write what has been typed and not yet saved; called before the project is closed or undone.

        Raises `ProjectError` when it cannot be saved.
        """
