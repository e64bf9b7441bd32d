"""One dialog for our own mistakes, which says what is known to be safe and claims nothing else."""

import asyncio
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMessageBox

from core.dataset import examples
from core.storage import check_after_crash
from tests.support.patience import PATIENCE
from tests.support.until import until
from ui import crash_dialog, restart
from ui.crash_dialog import CrashDialog

pytestmark = pytest.mark.logs
ROW = "the lid of the blue teapot is broken"


def mistake(text="boom", kind=RuntimeError):
    try:
        raise kind(text)
    except kind as error:
        return error


def shown(window):
    return [dialog for dialog in window.findChildren(CrashDialog) if dialog.isVisible()]


async def checked(dialog):
    await until(lambda: dialog.safe.text() and not dialog.safe.text().startswith("Checking"))
    return dialog.safe.text()


def test_a_hundred_and_twenty_mistakes_give_one_dialog_that_counts(run, window):
    async def go():
        for _number in range(120):
            crash_dialog.show(mistake())
            await asyncio.sleep(0)
        (dialog,) = shown(window)
        assert dialog.windowTitle() == "Unexpected error"
        assert "120 times" in dialog.count.text()
        assert dialog.details.toPlainText().count("RuntimeError") == 1
        await checked(dialog)
        dialog.go_on.click()
        await until(lambda: not shown(window))
        crash_dialog.show(mistake())
        assert shown(window)[0].count.isHidden(), "it counts anew"
        await checked(shown(window)[0])
        shown(window)[0].reject()

    run(go())


def test_different_mistakes_are_all_told_within_a_limit(run, window):
    async def go():
        for number in range(60):
            crash_dialog.show(mistake(kind=type(f"Mistake{number}", (Exception,), {})))
        (dialog,) = shown(window)
        assert "60 times" in dialog.count.text()
        assert dialog.details.toPlainText().count("Traceback") == crash_dialog.MAX_ERROR_KINDS
        await checked(dialog)
        dialog.reject()

    run(go())


def test_what_is_saved_is_said_after_a_look(run, window):
    async def go():
        project = window.workspace.project
        await project.write("Edit", examples.set_field, 1, "answer", "changed")
        crash_dialog.show(mistake())
        (dialog,) = shown(window)
        assert (await checked(dialog)).startswith("All your changes are saved in “test.juku”")
        dialog.reject()

    run(go())


def unlink(path):
    path.unlink()


def overwrite(path):
    path.write_bytes(b"\0" * path.stat().st_size)


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("ruin", [unlink, overwrite, cut])
def test_nothing_is_claimed_of_a_project_that_is_ruined(run, window, ruin):
    async def go():
        project = window.workspace.project
        await project.write("Edit", examples.set_field, 1, "answer", "changed")
        ruin(project.path)
        crash_dialog.show(mistake())
        (dialog,) = shown(window)
        text = await checked(dialog)
        assert "not certain" in text, text
        assert "All your changes" not in text
        dialog.reject()

    run(go())


def test_nothing_is_claimed_of_a_project_that_does_not_answer(run, window, monkeypatch):
    monkeypatch.setattr(check_after_crash, "SAFETY_CHECK_TIMEOUT", 0.2)

    async def go():
        project = window.workspace.project
        reading = project.rows.execute("SELECT id FROM example")  # a reader that never ends
        await project.write("Edit", examples.set_field, 1, "answer", "changed")
        next(reading)
        await project.write("Edit", examples.set_field, 1, "answer", "again")
        crash_dialog.show(mistake())
        (dialog,) = shown(window)
        assert "not certain" in await checked(dialog)
        dialog.reject()
        reading.close()

    run(go())


def test_the_details_are_copied_without_what_people_wrote(run, window):
    async def go():
        crash_dialog.show(mistake(ROW))
        (dialog,) = shown(window)
        dialog.copy_details.click()
        copied = QGuiApplication.clipboard().text()
        assert "RuntimeError" in copied
        assert "in mistake" in copied
        assert "teapot" not in copied + dialog.details.toPlainText()
        await checked(dialog)
        dialog.reject()

    run(go())


def test_a_copy_can_be_saved_from_there(run, window, tmp_path):
    """Waits until the copy is on the disk."""

    async def go():
        crash_dialog.show(mistake())
        (dialog,) = shown(window)
        await checked(dialog)
        dialog.copy.click()
        asking = window.findChild(QFileDialog)
        asking.fileSelected.emit(str(tmp_path / "copy.juku"))
        asking.close()
        await until((tmp_path / "copy.juku").exists)
        dialog.reject()

    run(go())


def test_restart_closes_the_window_and_begins_anew(run, window):
    async def go():
        crash_dialog.show(mistake())
        (dialog,) = shown(window)
        dialog.restart.click()
        await window.closed
        assert window.restarts

    run(go())


@pytest.mark.parametrize(("answer", "restarts"), [("Close", True), ("Keep open", False), ("", False)])
def test_who_keeps_the_window_for_a_training_wants_no_restart_later(run, window, monkeypatch, answer, restarts):
    monkeypatch.setattr(window.workspace.queue, "trains_here", lambda: not window.closed.done())

    async def go():
        window.restart()
        (box,) = [one for one in window.findChildren(QMessageBox) if one.isVisible()]
        buttons = [one for one in box.buttons() if one.text() == answer]
        if buttons:
            buttons[0].click()
        else:
            box.close()  # by its frame
        if restarts:
            await window.closed
        assert window.restarts is restarts
        window._agreed = True

    run(go())


def test_a_mistake_while_saving_does_not_keep_the_window_open_for_ever(run, window, monkeypatch):
    async def fail():
        raise RuntimeError("a tab that cannot be saved")

    async def go():
        failed = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failed.append(context))
        monkeypatch.setattr(window.spec_tab, "flush", fail)
        window.close()
        await until(lambda: failed)
        assert not window.closed.done()
        window.close()
        await window.closed

    run(go())


def test_the_new_process_waits_for_the_old_one(tmp_path, monkeypatch):
    """A stand-in for the program reports through a pipe when the process before it was gone."""
    told = tmp_path / "told"
    os.mkfifo(told)
    pipe = os.open(told, os.O_RDWR)  # for reading alone, opening would wait for the writer
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom core import processes\nfrom ui import restart\n"
        "before = int(os.environ['JUKU_AFTER'])\nrestart.wait_for_predecessor()\n"
        f"Path({str(told)!r}).write_text(f'{{sys.argv[1]}} {{processes.start_time(before)}}')\n"
    )
    main = tmp_path / "main.py"
    main.write_text(code)
    root = Path(restart.MAIN_SCRIPT).parent
    old = (
        "from pathlib import Path\nfrom ui import restart\n"
        f"restart.MAIN_SCRIPT = Path({str(main)!r})\nrestart.restart(Path('/a/p.juku'))\n"
    )
    env = {**os.environ, "PYTHONPATH": str(root)}
    subprocess.run([sys.executable, "-c", old], cwd=root, env=env, check=True)
    try:
        assert select.select([pipe], [], [], PATIENCE)[0], "nothing was started"
        assert os.read(pipe, 1000) == b"/a/p.juku None"
    finally:
        os.close(pipe)
