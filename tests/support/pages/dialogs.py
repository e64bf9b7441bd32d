"""What all dialogs have in common: work of their own that tests wait for, and questions that are answered by a button."""

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QAbstractButton, QMessageBox, QWidget

from tests.support.until import until
from ui.widgets.latest_task_and_reload import LatestTask
from ui.widgets.message_bar import Notice

ACCEPT, REJECT = QMessageBox.ButtonRole.AcceptRole, QMessageBox.ButtonRole.RejectRole
DESTROY = QMessageBox.ButtonRole.DestructiveRole


def is_settled(dialog: QObject) -> bool:
    """Whether no work of the dialog or its pages runs, and no timer of its own is about to begin some."""
    timers = dialog.findChildren(QTimer, options=Qt.FindChildOption.FindDirectChildrenOnly)
    works = dialog.findChildren(LatestTask)
    return not any(work.is_busy() for work in works) and not any(timer.isActive() for timer in timers)


async def settle(dialog: QObject) -> None:
    """Wait until the dialog shows what it has read."""
    await until(lambda: is_settled(dialog))


def open_questions(parent: QObject) -> list[QMessageBox]:
    """The questions that are open over `parent`, the oldest first."""
    return [box for box in parent.findChildren(QMessageBox) if box.isVisible()]


async def question_of(parent: QObject) -> QMessageBox:
    """The newest question over `parent`, as soon as there is one."""
    await until(lambda: open_questions(parent))
    return open_questions(parent)[-1]


def answer(parent: QObject, choice: str | QMessageBox.ButtonRole) -> str:
    """Press the button with this text or role in the newest question over `parent`; the question's text."""
    box = open_questions(parent)[-1]
    _button(box, choice).click()
    return f"{box.text()}\n{box.informativeText()}"


async def answer_when_asked(parent: QWidget, choice: str | QMessageBox.ButtonRole) -> str:
    """The same as `answer`, as soon as something is asked."""
    await question_of(parent)
    return answer(parent, choice)


def notice(owner: QWidget) -> Notice | None:
    """The newest message that floats over a window, None where there is none."""
    shown = [one for one in owner.findChildren(Notice) if not one.isHidden()]
    return shown[-1] if shown else None


def _button(box: QMessageBox, choice: str | QMessageBox.ButtonRole) -> QAbstractButton:
    has = lambda button: choice in (button.text().replace("&", ""), box.buttonRole(button))  # noqa: E731
    return next(button for button in box.buttons() if has(button))
