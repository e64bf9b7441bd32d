"""The bar of the five steps from a text to a verdict: where one is, and what is next."""

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QToolButton, QWidget

from core.language import tr
from core.storage.project import Changes, Project
from core.storage.schema import Table
from core.teaching import teaching_path
from core.teaching.teaching_path import PathState, PathStep
from ui import style
from ui.activities import Activity
from ui.activity import activity_texts
from ui.widgets import basics
from ui.widgets.latest_task_and_reload import LatestTask
from ui.workspace import Workspace

NEXT_KEYS = "Ctrl+Alt+N"
LEAST_HEIGHT = 610  # pixels of a window, such as one on a laptop at 150 %; in a lower one the tabs need all of it
WATCHED = {Table.SPEC, Table.FACT, Table.EXAMPLE, Table.JOB, Table.EVAL_RUN}


class TeachingPathBar(QWidget):
    """Steps that are taken have a tick, the next one is marked; a click on one shows where it is taken.

    Closed, or taken to its end, it stays away; *View* brings it back.
    """

    step_chosen = Signal(PathStep)
    next_wanted = Signal()  # the next step is to be taken
    cancel_wanted = Signal()  # what runs for it is to be cancelled
    read = Signal()  # the state of the project is known
    shown = Signal(bool)  # whether the person wants to see it

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._reading = LatestTask(workspace, self)
        self.state: PathState | None = None  # of the project that is shown
        self._was_complete = False  # when the project was opened
        self._has_room = True
        self.buttons = {step: self._build_button(step) for step in PathStep}
        self.words = basics.ElidedLabel()
        self.act, self.cancel = basics.primary_button(""), QPushButton(tr("Cancel"))
        self.act.clicked.connect(lambda _checked: self.next_wanted.emit())
        self.cancel.clicked.connect(lambda _checked: self.cancel_wanted.emit())
        self.close_button = basics.tool_button("✕", tr("Hide these steps"), has_tip=True)
        self.close_button.clicked.connect(lambda _checked: self.want(False))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(style.SPACE, style.SPACE // 2, style.SPACE, 0)
        layout.setSpacing(style.SPACE // 2)
        for button in self.buttons.values():
            layout.addWidget(button)
        layout.addSpacing(style.SPACE)
        layout.addWidget(self.words, 1)
        layout.addWidget(self.cancel)
        layout.addWidget(self.act)
        layout.addWidget(self.close_button)
        self.setVisible(False)

    def follow(self, _project: Project) -> None:
        """Another project is shown."""
        self.state, self._was_complete = None, False

    def _build_button(self, step: PathStep) -> QToolButton:
        button = QToolButton(autoRaise=True)
        button.setCheckable(True)
        button.setProperty("step", True)  # how it looks: ui/style.py
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        button.clicked.connect(partial(self._on_clicked, step))
        return button

    def _on_clicked(self, step: PathStep, _checked: bool = False) -> None:
        self._show()  # a click does not check it
        self.step_chosen.emit(step)

    def want(self, is_wanted: bool) -> None:
        """Show or hide the bar from now on."""
        self._workspace.settings.hides_steps = not is_wanted
        self._show()
        if is_wanted:
            self.reload()  # nothing was read while it was hidden
        self.shown.emit(is_wanted)
        self._workspace.save_settings()

    @property
    def _is_wanted(self) -> bool:
        return not self._workspace.settings.hides_steps and not self._was_complete

    def set_room(self, height: int) -> None:
        """Say how high the window is, in pixels: a low one has no bar."""
        if self._has_room != (height >= LEAST_HEIGHT):
            self._has_room = not self._has_room
            self._show()

    def refresh(self, changes: Changes) -> None:
        """Read again what a write may have changed; a bar that is not wanted takes no time of the thread that reads."""
        if self._is_wanted and WATCHED & changes.tables:
            self.reload()

    def reload(self) -> None:
        """Read the state of the project again."""
        self._reading.start(lambda _reporter: self._read())

    async def _read(self) -> None:
        is_first = self.state is None
        self.state = await self._workspace.project.read(teaching_path.load)
        if is_first:
            self._was_complete = self.state.next_step is None
        self._show()
        self.read.emit()

    def show_next(self, title: str, time: str, adds_everyday: bool = False) -> None:
        """Offer the next step, and tell about how long it takes; '' where that is not known.

        `adds_everyday`: a training begins with everyday rows.
        """
        if self.state is not None:
            step = self.state.next_step
            self.act.setText(title)
            self.act.setShortcut(NEXT_KEYS)  # which each text takes away
            basics.set_enabled(self.act)
            why = teaching_path.describe_why(step) if step else ""
            self.act.setToolTip(basics.plain_tooltip(f"{why} ({NEXT_KEYS})".strip()))
            self.cancel.hide()
            sentence = teaching_path.describe_next(self.state, adds_everyday)
            self._say(tr("{sentence} ({time})", sentence=sentence, time=time) if time else sentence)

    def show_running(self, activity: Activity) -> None:
        """Tell how far it is what runs for the next step, with a way to cancel it."""
        text = f"{activity.entry.label} – {activity_texts.format_progress(activity)}"
        if self.state is not None:
            self.act.setText(teaching_path.act_title(self.state))  # a window that is new has none yet
        self.act.setEnabled(False)
        self.cancel.setVisible(activity.cancel is not None)
        self._say(text)

    def _say(self, text: str) -> None:
        if text != self.words.text():
            self.words.setText(text)
            self.words.setToolTip(basics.plain_tooltip(text))

    def _describe_state(self, step: PathStep) -> str:
        assert self.state
        if step in self.state.done:
            return tr("done")
        if step in self.state.skipped:
            return tr("not needed")
        return tr("next") if step == self.state.next_step else tr("later")

    def _show(self) -> None:
        if self.state is None:
            return
        done, following = self.state.done, self.state.next_step
        for number, (step, button) in enumerate(self.buttons.items(), 1):
            title = teaching_path.step_title(step)
            is_done = step in done
            button.setText(f"✓ {title}" if is_done else f"{number} {title}")
            button.setChecked(step == following)
            told = self._describe_state(step)
            button.setToolTip(basics.plain_tooltip(teaching_path.describe_why(step)))
            button.setAccessibleName(tr("Step {number}, {title}: {state}", number=number, title=title, state=told))
        self.setVisible(self._is_wanted and self._has_room)
