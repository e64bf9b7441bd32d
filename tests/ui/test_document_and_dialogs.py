"""File dialogs open and close every file they list: the project's own among them, while it is written."""

import asyncio
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox, QPushButton

from core import dataset, filters, importing, live_file
from core.formats import jsonl
from core.project import Project
from tests.core.edit_for_ever import contents
from tests.core.test_project import KILLS, replay, run_and_kill
from tests.ui.waiting import until

ASK = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1], timeout=0).execute('SELECT count(*) FROM example').fetchone())"


def is_kept_out(path):
    done = subprocess.run([sys.executable, "-c", ASK, str(path)], capture_output=True, text=True)
    return "database is locked" in done.stderr


async def listed(path):
    """Open Qt's own dialog on the folder, and wait until it has shown the file and looked into it."""
    dialog = QFileDialog(None, "", str(path.parent))
    dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.open()
    model = dialog.findChild(QFileDialog.__bases__[0], "").parent() and None
    await until(lambda: path.name in _names(dialog))
    return dialog


def _names(dialog):
    view = dialog.findChild(object, "treeView") or dialog.findChild(object, "listView")
    model, root = view.model(), view.rootIndex()
    return [str(model.index(number, 0, root).data()) for number in range(model.rowCount(root))]
