"""Walks through the window of one language and theme and takes the pictures that tools/pictures.py asks for.

`picture_scenes.py LANGUAGE THEME PROJECT FOLDER NAME…`, on an X server with a window manager.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from PySide6.QtCore import QPoint, QRect, QSize  # noqa: E402 - found only now
from PySide6.QtGui import QGuiApplication  # noqa: E402
from PySide6.QtWidgets import QDialog, QPushButton, QWidget  # noqa: E402

from core import settings  # noqa: E402
from core.dataset import sample_projects  # noqa: E402
from core.generation import page_rows  # noqa: E402
from core.language import tr  # noqa: E402
from core.progress import Reporter  # noqa: E402
from core.providers import server_presets  # noqa: E402
from core.settings import ProviderSettings  # noqa: E402
from core.spec import facts  # noqa: E402
from core.spec.spec import Spec  # noqa: E402
from core.storage import project as projects  # noqa: E402
from core.storage.project import Project  # noqa: E402
from core.training import jobs  # noqa: E402
from ui import app  # noqa: E402
from ui.dataset.approval_dialog import ApprovalDialog  # noqa: E402
from ui.dataset.import_dialog import ImportDialog  # noqa: E402
from ui.generation.generation_dialog import GenerationDialog  # noqa: E402
from ui.main_window import MainWindow  # noqa: E402
from ui.menus.command_palette import CommandPalette  # noqa: E402
from ui.project.welcome_dialog import WelcomeDialog  # noqa: E402
from ui.settings.settings_dialog import SettingsDialog  # noqa: E402
from ui.training.export_model_dialog import ExportModelDialog  # noqa: E402
from ui.training.preflight_dialog import PreflightDialog  # noqa: E402
from ui.training.teaching_dialog import TeachingDialog  # noqa: E402
from ui.widgets.latest_task_and_reload import LatestTask, ThrottledReload  # noqa: E402
from ui.widgets.message_bar import Notice  # noqa: E402

SCREEN = (1500, 1000)  # pixels of the X server
SIZE = QSize(1240, 800)  # of the window
QUALITY = 80  # of WebP, in per cent; texts stay sharp
PATIENCE = 180  # seconds until something should have happened
PAUSE, PAINT = 0.05, 0.6  # seconds: between two looks, and until everything is painted
QUESTIONS = {
    "en": "How long may a player hold the ball?",
    "ja": "ボールを持っている選手は、どのように立たなければなりませんか？",
}
TABLE = {
    "en": "Question;Answer\nHow many players are on a team?;Three.\nHow long is the break?;Three minutes.\n",
    "ja": "質問;回答\n1チームは何人ですか？;3人です。\n休憩は何分ですか？;3分です。\n",
}


def build_row(question: str, answer: str, role: str = "assistant", **more: object) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": role, "content": answer} | more]}


FAULTY_ROWS = {
    "en": [
        build_row("How wide is a goal?", "Four metres.", role="assistent"),
        build_row("Who may I ask about the league?", "Write to anna.berg@example.org."),
        build_row("How long is a half?", " Ten minutes. "),
        build_row("How many referees are there?", ""),
        build_row("How many balls are in play?", "Two balls.", weight=2),
        build_row("What may touch the ball?", "Only the players\u00e2\u20ac\u2122 hands."),
    ],
    "ja": [
        build_row("ゴールの幅は？", "4メートルです。", role="assistent"),
        build_row("リーグのことは誰に聞けばよいですか？", "anna.berg@example.org にご連絡ください。"),
        build_row("前半は何分ですか？", " 10分です。 "),
        build_row("審判は何人ですか？", ""),
        build_row("ボールは何個使いますか？", "2個です。", weight=2),
        build_row("反則を3回するとどうなりますか？", "退場です。<|im_end|>"),
    ],
}  # fmt: skip
NAMES = (
    "welcome", "palette", "spec", "examples", "import", "training", "preflight", "teach", "export-model", "chat", "exam",
    "facts", "settings", "guide", "new-text", "found-facts", "generate", "approve", "problems",
)  # fmt: skip


class Walk:
    """The window, and the pictures taken of it."""

    def __init__(self, window: MainWindow, language: str, folder: Path, theme: str, names: list[str]) -> None:
        self.window, self.language, self.names = window, language, names
        self._folder, self._theme = folder, theme

    def wants(self, *names: str) -> bool:
        return any(name in self.names for name in names)

    async def show(self, tab: QWidget) -> None:
        self.window.tabs.setCurrentWidget(tab)
        await self.settle()

    async def settle(self) -> None:
        """Wait until everything that is shown has been read, and painted."""
        await until(self._is_quiet)
        await asyncio.sleep(PAINT)
        await until(self._is_quiet)

    def _is_quiet(self) -> bool:
        works = [one for kind in (LatestTask, ThrottledReload) for one in self.window.findChildren(kind)]
        return (
            not any(getattr(one, "is_busy", lambda: False)() for one in works) and not self.window.workspace.tasks.label
        )

    async def take(self, name: str, widget: QWidget | None = None) -> None:
        """A picture of the window, or of a dialog before it."""
        if name not in self.names:
            return
        await self.settle()
        for notice in self.window.findChildren(Notice):
            notice.end()
        await asyncio.sleep(PAINT)
        shown = widget or self.window
        place = QRect(shown.mapToGlobal(QPoint()), shown.size())
        screen = QGuiApplication.primaryScreen()
        picture = screen.grabWindow(0, place.x(), place.y(), place.width(), place.height())
        picture.save(str(self._folder / f"{name}-{self._theme}.webp"), "WEBP", QUALITY)
        print(self.language, self._theme, name, f"{place.width()} × {place.height()}", flush=True)

    async def dialog(
        self, name: str, kind: type[QDialog], run: Callable[[], object], ready: Callable[[Any], bool] | None = None
    ) -> None:
        """Open a dialog as a person does, wait until it is `ready`, take its picture, and close it."""
        if name not in self.names:
            return
        run()
        await until(lambda: find(self.window, kind) is not None)
        found = find(self.window, kind)
        assert found is not None
        if ready:
            await until(lambda: ready(found))
        await self.take(name, found)
        found.close()
        await self.settle()


def find(window: QWidget, kind: type[QDialog]) -> Any:
    return next((one for one in window.findChildren(kind) if one.isVisible()), None)


async def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {PATIENCE} s: {holds.__code__.co_firstlineno}")
        await asyncio.sleep(PAUSE)


async def walk_taught(walk: Walk) -> None:
    """The project whose model has been taught and examined."""
    window = walk.window
    await until(lambda: not window.workspace.trouble("local") and window.workspace.known_offers("local"))
    await walk.dialog("welcome", WelcomeDialog, window.files.show_welcome)
    await walk.dialog("palette", CommandPalette, lambda: CommandPalette(window).open())
    await walk.show(window.spec_tab)
    window.spec_tab.table.choose(5)
    await walk.take("spec")
    await walk_examples(walk)
    await walk_training(walk)
    await walk_chat(walk)
    await walk_exam(walk)
    if walk.wants("settings"):
        server = ProviderSettings("openai", "OpenAI", server_presets.preset("openai").base_url, "openai")
        window.workspace.settings.providers.append(server)
        await walk.dialog("settings", SettingsDialog, lambda: open_server(window, server.id))
        window.workspace.settings.providers.remove(server)
    await walk_guide(walk)


def open_server(window: MainWindow, server: str) -> None:
    dialog = SettingsDialog(window.workspace, window)
    dialog.show_server(server)
    dialog.open()


async def walk_examples(walk: Walk) -> None:
    window, tab = walk.window, walk.window.dataset_tab
    await walk.show(tab)
    tab.table.setCurrentIndex(tab.model.index(20, 1))
    await walk.take("examples")
    if walk.wants("import"):
        path = Path(tempfile.mkdtemp()) / ("questions.csv" if walk.language == "en" else "質問.csv")
        path.write_text(TABLE[walk.language], encoding="utf-8")
        await walk.dialog("import", ImportDialog, lambda: window.open_paths([path]))


async def walk_training(walk: Walk) -> None:
    window, tab = walk.window, walk.window.training_tab
    await walk.show(tab)
    await until(lambda: tab.table.rowCount() > 0)
    tab.form.base.choose(trained_model(window))
    tab.table.setCurrentIndex(tab.table.model().index(0, 0))
    await walk.take("training")
    await walk.dialog("preflight", PreflightDialog, tab.form.start.click)
    await walk.dialog(
        "teach",
        TeachingDialog,
        lambda: TeachingDialog(window.workspace, tab.teaching, window).open(),
        lambda dialog: choose_base(dialog, trained_model(window)),
    )
    model = next(offer.id for offer in window.workspace.known_offers("local") if offer.id.startswith("ft:"))
    await walk.dialog(
        "export-model", ExportModelDialog, lambda: ExportModelDialog(window.workspace, "local", model, window).open()
    )


def choose_base(dialog: TeachingDialog, model: str) -> bool:
    """The base model of the job, and not the first one of the list."""
    dialog.model.choose(model)
    return dialog.model.model_id() == model


def trained_model(window: MainWindow) -> str:
    """The base model of the project's job."""
    return jobs.load_all(window.workspace.project.rows)[0].model


async def walk_chat(walk: Walk) -> None:
    tab = walk.window.chat_tab
    if not walk.wants("chat"):
        return
    await walk.show(tab)
    await until(lambda: tab.list.search.isEnabled())
    await walk.settle()
    if tab.shown_thread is None:  # asked once, and then kept in the project
        tab.panes.headers[0].model.choose(trained_model(walk.window))
        tab.question.setPlainText(QUESTIONS[walk.language])
        tab.send.click()
        await until(tab.is_busy)
        await until(lambda: not tab.is_busy())
    await walk.take("chat")


async def walk_exam(walk: Walk) -> None:
    tab = walk.window.exam_tab
    await walk.show(tab)
    await until(lambda: tab.result.outcome() is not None)
    await walk.take("exam")
    tab.result.pages.setCurrentWidget(tab.result.heat)
    await walk.take("facts")
    tab.result.pages.setCurrentIndex(0)


async def walk_guide(walk: Walk) -> None:
    if not walk.wants("guide"):
        return
    help_actions = walk.window.help
    help_actions.show_guide("exam")
    await walk.take("guide", help_actions.guide)
    help_actions.guide.close()


async def walk_new(walk: Walk) -> None:
    """A new project, from a pasted text on: nothing of it stays."""
    window = walk.window
    sample = sample_projects.load(f"hobannu-{walk.language}")
    text = (sample_projects.SAMPLES_FOLDER / f"hobannu-{walk.language}" / "spec.md").read_text(encoding="utf-8")
    project = projects.create(Path(tempfile.mkdtemp()) / f"{sample.spec_name}.juku")
    await project.write("", facts.save, Spec(sample.spec_name, walk.language, "", text, ""))
    await window.replace(project)
    await until(lambda: window.workspace.project is project)
    await walk.show(window.spec_tab)
    await walk.take("new-text")
    await project_write(window, project, facts.accept_missing)
    await walk.take("found-facts")
    pane = window.spec_tab.pane
    await until(pane.make.isEnabled)
    await walk.dialog("generate", GenerationDialog, pane.make.click, choose_rules)
    if walk.wants("approve", "problems"):
        choice = page_rows.RowChoice()
        await project_write(window, project, lambda db: page_rows.add_rows(db, choice, Reporter()))
        await walk.show(window.dataset_tab)
        await walk.dialog(
            "approve",
            ApprovalDialog,
            window.dataset_tab.dialogs.open_approval,
            lambda one: one.tree.topLevelItemCount(),
        )
        await walk_problems(walk)


def choose_rules(dialog: GenerationDialog) -> bool:
    """Without a model, and what that comes to has been worked out."""
    if not dialog.offline.isChecked():
        dialog.offline.setChecked(True)
    return dialog.plan is not None and dialog.primary.isEnabled()


async def walk_problems(walk: Walk) -> None:
    """Rows as they come from elsewhere, with what is wrong with them."""
    window, tab = walk.window, walk.window.dataset_tab
    before = tab.model.rowCount()
    path = Path(tempfile.mkdtemp()) / "rows.jsonl"
    path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in FAULTY_ROWS[walk.language]), "utf-8")
    window.open_paths([path])
    await until(lambda: tab.model.rowCount() > before)
    await walk.settle()
    button = next(one for one in tab.findChildren(QPushButton) if one.text().startswith(tr("Problems")))
    button.click()
    await walk.take("problems")


async def project_write(window: MainWindow, project: Project, change: Callable[..., Any]) -> None:
    window.workspace.tasks.changed.emit(await project.write("", change))


async def walk(window: MainWindow, language: str, theme: str, folder: Path, names: list[str]) -> None:
    window.setMinimumSize(0, 0)
    window.resize(SIZE)
    window.move(20, 40)
    one = Walk(window, language, folder, theme, names)
    await one.settle()
    await walk_taught(one)
    if one.wants("new-text", "found-facts", "generate", "approve", "problems"):
        await walk_new(one)


def main() -> int:
    language, theme, project, folder, *names = sys.argv[1:]
    chosen = settings.load()
    chosen.language, chosen.theme, chosen.recent = language, theme, [project]
    settings.save(chosen)
    failures: list[BaseException] = []
    shown = app.show

    async def show(
        found: settings.Settings, files: list[Path], on_window: Callable[[MainWindow], object], *look: Any
    ) -> None:
        def begin(window: MainWindow) -> None:
            on_window(window)
            task = asyncio.get_running_loop().create_task(play(window))
            window.destroyed.connect(lambda: task.done())

        async def play(window: MainWindow) -> None:
            try:
                await walk(window, language, theme, Path(folder), names)
            except Exception as error:
                failures.append(error)
            finally:
                window.close()

        await shown(found, files, begin, *look)

    app.show = show
    status = app.run([project])
    for error in failures:
        print(f"{language} {theme}: {error!r}", file=sys.stderr)
    return status or int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
