"""Get the local engine: what would be fetched, how large it is, and the fetching, which can be broken off and gone on with."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QProgressBar, QVBoxLayout, QWidget

from core.errors import JukuError
from core.installation import engine_folder, engine_install, engine_plan, graphics_card
from core.installation.engine_folder import EngineManifest
from core.installation.engine_plan import EnginePlan
from core.language import tr
from core.progress import Cancelled, Progress, Reporter
from ui import style
from ui.widgets import basics
from ui.workspace import Workspace

DIALOG_WIDTH = 560
PROGRESS_STEPS = 1000  # of the bar: bytes would not fit into it
T = TypeVar("T")


class LocalEngineDialog(QDialog):
    """Looks what is to be fetched, tells it, and fetches it when *Download* is pressed. Closing it breaks that off."""

    progressed = Signal(Progress)  # from the thread that fetches

    def __init__(self, workspace: Workspace, parent: QWidget) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._plan: EnginePlan | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Get the local engine"))
        self.text = basics.label(_describe_state(), wrap=True)
        self.notes = basics.label(wrap=True, dim=True)
        self.bar = QProgressBar(textVisible=False)
        self.bar.setAccessibleName(tr("Progress of the download"))
        self.bar.hide()
        buttons = QDialogButtonBox()
        self.fetch = buttons.addButton(tr("&Download"), QDialogButtonBox.ButtonRole.ActionRole)
        self.close_button = buttons.addButton(tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
        self.fetch.clicked.connect(lambda _checked: self._start_fetching())
        self.progressed.connect(self._show_progress)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        for part in (self.text, self.notes, self.bar):
            layout.addWidget(part)
        layout.addStretch()
        layout.addWidget(buttons)
        self.resize(style.scaled(DIALOG_WIDTH), self.sizeHint().height())
        if engine_folder.is_in_own_environment():
            self.fetch.hide()
        else:
            self._start_looking()

    def _start_looking(self) -> None:
        self._start(self._look(), tr("Asking the index what is to be fetched…"))

    def _start(self, work: Coroutine[Any, Any, None], words: str) -> None:
        basics.set_enabled(self.fetch, words)
        self._workspace.tasks.start("", work, self)

    async def _look(self) -> None:
        self.bar.setRange(0, 0)
        self.bar.show()
        try:
            self._plan = plan = await _run_in_thread(
                lambda reporter: engine_plan.make_plan(reporter, card=graphics_card.find_card()), Reporter()
            )
        except JukuError as error:
            self._show_error(error)
            return
        self.bar.hide()
        self.text.setText("\n\n".join((_describe_state(), _describe_plan(plan))))
        self.notes.setText("\n".join(plan.notes))
        basics.set_enabled(self.fetch)
        self.fetch.setDefault(True)

    def _start_fetching(self) -> None:
        assert self._plan
        self._start(self._fetch(self._plan), tr("It is being fetched."))

    async def _fetch(self, plan: EnginePlan) -> None:
        self.bar.show()
        self.close_button.setText(tr("Cancel"))
        try:
            manifest = await _run_in_thread(
                lambda reporter: engine_install.install(plan, reporter), Reporter(self.progressed.emit)
            )
        except JukuError as error:
            self._show_error(error)
            return
        self._show_done(manifest)
        await self._workspace.load_offers()

    def _show_progress(self, progress: Progress) -> None:
        total = progress.total or 0
        share = PROGRESS_STEPS * progress.done // total if total else 0
        is_fetched = bool(total) and progress.done >= total
        self.bar.setRange(0, 0 if is_fetched or not total else PROGRESS_STEPS)
        self.bar.setValue(share)
        fetched = tr(
            "{done} of {total} fetched", done=basics.format_bytes(progress.done), total=basics.format_bytes(total)
        )
        self.notes.setText(tr("Installing and trying…") if is_fetched else fetched)

    def _show_error(self, error: JukuError) -> None:
        self.bar.hide()
        self.notes.setText("\n".join(filter(None, (error.title, error.message))))
        self.close_button.setText(tr("Close"))
        self.fetch.setText(tr("&Try again"))
        self.fetch.clicked.disconnect()
        retry = self._start_fetching if self._plan else self._start_looking
        self.fetch.clicked.connect(lambda _checked: retry())
        basics.set_enabled(self.fetch)

    def _show_done(self, manifest: EngineManifest) -> None:
        self.bar.hide()
        self.fetch.hide()
        self.notes.setText("")
        self.text.setText(tr("The local engine is ready. torch computes on: {device}", device=manifest.device))
        self.close_button.setText(tr("Close"))


async def _run_in_thread(work: Callable[[Reporter], T], reporter: Reporter) -> T:
    """The result of `work(reporter)`; a cancelled caller ends it at its next step."""
    try:
        return await asyncio.to_thread(work, reporter)
    except asyncio.CancelledError:
        reporter.cancel()
        raise
    except Cancelled:
        raise asyncio.CancelledError from None


def _describe_state() -> str:
    if engine_folder.is_in_own_environment():
        return tr("The local engine was installed together with Juku.")
    if manifest := engine_folder.load_manifest():
        version = manifest.packages.get("torch", "?")
        return tr("The local engine is here, with torch {version}. It can be fetched anew.", version=version)
    return tr(
        "The local engine trains and asks models on this computer. It is not part of this package, since it is large."
    )


def _describe_plan(plan: EnginePlan) -> str:
    size = basics.format_bytes(plan.bytes)
    words = tr("{size} would be fetched ({n} packages; torch: {build}) and unpacked into {folder}.",
               size=size, n=len(plan.files), build=engine_plan.format_build(plan.build), folder=engine_folder.packages_folder())  # fmt: skip
    if plan.unknown_sizes:
        words = f"{words} {tr('Of {n} packages the size is not known.', n=plan.unknown_sizes)}"
    return f"{words} {tr('You can cancel at any time; the next start goes on from there.')}"
