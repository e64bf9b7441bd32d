"""A process to be killed: edits and imports while Qt's own file dialogs list the project's folder again and again."""

import asyncio
import os
import sys
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QFileDialog

from tests.support import edit_forever
from ui.event_loop import EventLoop

PAUSE = 30  # milliseconds from one dialog to the next


class Dialogs:
    """Opens a dialog on `folder`, and the next one when it has listed it; the files it lists are opened and closed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._timer = QTimer(interval=PAUSE)
        self._timer.timeout.connect(self._show_next)
        self._dialog: QFileDialog | None = None
        self._timer.start()

    def _show_next(self) -> None:
        if self._dialog:
            self._dialog.close()
            self._dialog.deleteLater()
        self._dialog = QFileDialog(None, "", str(self._folder))
        self._dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
        self._dialog.open()


def main() -> None:
    path, rows, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    app = QApplication([])
    loop = EventLoop(app)
    asyncio.set_event_loop(loop)
    with loop:
        _dialogs = Dialogs(path.parent)
        loop.run_until_complete(edit_forever.main(path, rows, seed))


if __name__ == "__main__":
    main()
