"""What every tab is: a widget with a title, an icon and `refresh`."""

from PySide6.QtCore import Signal
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import QTabWidget, QWidget

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


class TabPages(QTabWidget):
    """The tabs of the window. It is scrolled where they do not fit, and not where they would only like to be higher: a text
    that may be wrapped makes Qt take the height that all would like to have for the least one."""

    def hasHeightForWidth(self) -> bool:
        return False


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

    def main_widget(self) -> QWidget:
        """Where the keyboard goes when the tab is shown by its keys: nothing that a letter would change."""
        return self

    def print_title(self) -> str:
        """The name of what the tab can print now; '' for nothing."""
        return ""

    async def build_document(self) -> QTextDocument:
        """What `print_title` names. Raises `JukuError`."""
        raise NotImplementedError

    def show_offers(self) -> None:
        """The provider's models have changed."""

    def is_busy(self) -> bool:
        """Whether something runs that only this tab can finish, such as an answer that it shows as it comes."""
        return False

    def take_over(self, other: "Tab") -> None:
        """Show what `other` shows and has not saved, a tab of the same class in the window whose place is taken."""

    async def flush(self) -> None:
        """Write what has been typed and not yet saved; called before the project is closed or undone.

        Raises `ProjectError` when it cannot be saved.
        """
