"""Bulk edits of the selected rows; each is one undo step."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Sequence

from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QPlainTextEdit,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.dataset import bulk_edits, examples
from core.language import tr, trn
from ui import style
from ui.widgets import basics
from ui.widgets.drop_down import DropDown
from ui.widgets.message_bar import Notice
from ui.widgets.value_texts import value_text
from ui.workspace import Workspace

APPROVING = ("status", "approved")
CHOICE_ACTIONS = {"split": examples.SPLITS, "kind": ("", *examples.KINDS), "status": examples.STATUSES}
LINE_ACTIONS = ("add_tag", "remove_tag", "facts")


def bulk_titles() -> dict[str, str]:
    """The titles of the bulk edits, by id."""
    return {
        "split": tr("Set the split"), "kind": tr("Set the kind"), "status": tr("Set the status"),
        "add_tag": tr("Add tags"), "remove_tag": tr("Remove tags"), "facts": tr("Set the facts"),
        "question_prefix": tr("Add text before the question"), "answer_prefix": tr("Add text before the answer"),
        "system": tr("Change the system prompt"), "notes": tr("Set the notes"),
    }  # fmt: skip


def apply_action(workspace: Workspace, ids: array[int], action: str, value: str, owner: QWidget) -> None:
    """Apply `action` to the rows in another thread, with progress and cancel.

    Rows that a judge has refused are not approved with the others; a message in the window of `owner` says so.
    """
    if (action, value) == APPROVING:
        workspace.tasks.start("", _approve(workspace, ids, owner))
        return
    change, arguments = _change(action, value)
    start_write(workspace, _action_label(action, value, len(ids)), change, ids, *arguments)


async def _approve(workspace: Workspace, ids: array[int], owner: QWidget) -> None:
    """Approve the rows that no judge has refused, and show how many were left, with a button to approve them too."""
    left = array("q", await workspace.project.read(bulk_edits.find_rows_refused_by_judge, ids))
    if done := len(ids) - len(left):
        start_write(workspace, _action_label(*APPROVING, done), bulk_edits.approve, ids)
    if left:
        text = trn("{n} row was not approved: a judge has refused it.", "{n} rows were not approved: a judge has refused them.",
                   len(left))  # fmt: skip
        notice = Notice(owner.window(), text, "warning", lasting=True)
        notice.add_button(tr("Approve anyway"), lambda: start_write(workspace, _action_label(*APPROVING, len(left)), bulk_edits.set_field, left, *APPROVING))  # fmt: skip


def approve(workspace: Workspace, ids: Sequence[int]) -> None:
    """Approve the rows in one undo step, in another thread; none that a judge has refused."""
    start_write(workspace, _action_label(*APPROVING, len(ids)), bulk_edits.approve, ids)


def delete(workspace: Workspace, ids: array[int]) -> None:
    """Delete the rows in one undo step, in another thread."""
    start_write(workspace, trn("Delete {n} row", "Delete {n} rows", len(ids)), bulk_edits.delete, ids)


def duplicate(workspace: Workspace, ids: array[int]) -> asyncio.Task[None]:
    """Add copies of the rows as drafts in one undo step, in another thread."""
    return start_write(workspace, trn("Duplicate {n} row", "Duplicate {n} rows", len(ids)), bulk_edits.duplicate, ids)


def fill(workspace: Workspace, ids: array[int], field: str, value: str, owner: QWidget) -> None:
    """Write `value` into the column `field` of all rows in one undo step, in another thread."""
    if (field, value) == APPROVING:
        apply_action(workspace, ids, field, value, owner)
        return
    label = trn("Fill {n} row", "Fill {n} rows", len(ids))
    start_write(workspace, label, bulk_edits.set_field, ids, field, value)


def start_write(
    workspace: Workspace, label: str, change: Callable[..., object], *arguments: object
) -> asyncio.Task[None]:
    """Write `change(db, *arguments, reporter)` as the undo step `label`."""
    reporter = workspace.tasks.reporter(label)
    write = workspace.project.write(label, change, *arguments, reporter, reporter=reporter)
    return workspace.tasks.start(label, write)


def _change(action: str, value: str) -> tuple[Callable[..., object], tuple[str, ...]]:
    if action.endswith("_prefix"):
        return bulk_edits.add_prefix, (action.removesuffix("_prefix"), value)
    whole = {"add_tag": bulk_edits.add_tag, "remove_tag": bulk_edits.remove_tag, "system": bulk_edits.set_system_prompt}
    return (whole[action], (value,)) if action in whole else (bulk_edits.set_field, (action, value))


def _action_label(action: str, value: str, n: int) -> str:
    if action == "status":
        return {
            "approved": trn("Approve {n} row", "Approve {n} rows", n),
            "rejected": trn("Reject {n} row", "Reject {n} rows", n),
            "draft": trn("Change {n} row to a draft", "Change {n} rows to drafts", n),
        }[value]
    if action in ("split", "kind"):
        return trn("Set {n} row to {value}", "Set {n} rows to {value}", n, value=value_text(value) or "–")
    return trn("{action} in {n} row", "{action} in {n} rows", n, action=bulk_titles()[action])


class BulkDialog(QDialog):
    """Asks for one bulk edit of the rows `ids`; `action` is selected first."""

    def __init__(self, workspace: Workspace, ids: array[int], action: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace, self._ids = workspace, ids
        self.setWindowTitle(trn("Change {n} row", "Change {n} rows", len(ids)))
        self.resize(style.scaled(520), style.scaled(0))
        self.action = DropDown()
        for name, title in bulk_titles().items():
            self.action.addItem(title, name)
        self.choice, self.line, self.text = DropDown(), QLineEdit(), QPlainTextEdit()
        self.text.setTabChangesFocus(True)
        self._pages = QStackedWidget()
        for page in (self.choice, self.line, self.text):
            page.setAccessibleName(tr("Value"))
            self._pages.addWidget(page)
        self._note = basics.label(wrap=True, dim=True)
        self._lay_out()
        self.action.currentIndexChanged.connect(self._show_action)
        self.line.textChanged.connect(self._show_button)
        self.text.textChanged.connect(self._show_button)
        self.action.setCurrentIndex(self.action.findData(action))
        self._show_action()
        if value := self._pages.currentWidget():
            value.setFocus()  # what to do is chosen already; what is typed is the value

    def _lay_out(self) -> None:
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.ok = buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.ok.setText(trn("Change {n} row", "Change {n} rows", len(self._ids)))
        self.ok.setProperty("primary", True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        form = QFormLayout()
        form.setVerticalSpacing(style.SPACE // 2)
        form.addRow(tr("Action"), self.action)
        form.addRow(tr("Value"), self._pages)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        layout.addLayout(form)
        layout.addWidget(self._note)
        layout.addStretch()
        layout.addWidget(buttons)

    def value(self) -> str:
        """The value that was entered or chosen for the selected action."""
        name = self.action.currentData()
        if name in CHOICE_ACTIONS:
            return str(self.choice.currentData())
        return self.line.text().strip() if name in LINE_ACTIONS else self.text.toPlainText()

    def accept(self) -> None:
        super().accept()
        apply_action(self._workspace, self._ids, self.action.currentData(), self.value(), self.parentWidget() or self)

    def _show_action(self) -> None:
        name = self.action.currentData()
        page = self.choice if name in CHOICE_ACTIONS else self.line if name in LINE_ACTIONS else self.text
        self.choice.clear()
        for value in CHOICE_ACTIONS.get(name, ()):
            self.choice.addItem(value_text(value) or tr("(none)"), value)
        self._pages.setCurrentWidget(page)
        self._pages.setMaximumHeight(style.scaled(160) if page is self.text else page.sizeHint().height())
        self._note.setText(_explain_action(name))
        self._show_button()
        self.adjustSize()

    def _show_button(self) -> None:
        name = self.action.currentData()
        needed = name.endswith(("_prefix", "_tag"))
        basics.set_enabled(self.ok, tr("Enter a value.") if needed and not self.value().strip() else "")


def _explain_action(action: str) -> str:
    explanations = {
        "add_tag": tr("Tags are words separated by spaces."),
        "remove_tag": tr("Tags are words separated by spaces."),
        "facts": tr("Facts are names such as f03, separated by spaces."),
        "system": tr("It replaces the instructions at the start of each row; rows without instructions get them."),
    }
    return f"{explanations.get(action, '')} {tr('This is one step, which can be undone.')}".strip()
