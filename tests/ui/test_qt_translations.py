"""Qt's own dialogs, buttons and menus speak Japanese where the window does."""

import subprocess
import sys

import pytest

from core.paths import ROOT

# A process of its own: a translator changes all windows, and those of other tests.
COLLECT = """
import sys
from PySide6.QtWidgets import *
from core import language
from ui import qt_translations
app = QApplication([])
language.set_language("ja")
if "without-qts" in sys.argv:
    from PySide6.QtCore import QTranslator
    QTranslator.load = lambda *arguments: False
qt_translations.translate(app, "ja")
Box, Files = QMessageBox.StandardButton, QFileDialog
box = QMessageBox()
for kind in (Box.Ok, Box.Cancel, Box.Close, Box.Save, Box.Open, Box.Yes, Box.No, Box.Discard):
    box.addButton(kind)
texts = [button.text() for button in box.buttons()]
keep = []
for accept in Files.AcceptMode:
    dialog = Files()
    dialog.setOption(Files.Option.DontUseNativeDialog)
    dialog.setAcceptMode(accept)
    keep.append(dialog)
    texts += [label.text() for label in dialog.findChildren(QLabel)]
    texts += [button.text() for button in dialog.findChildren(QPushButton)]
for field in (QLineEdit(), QPlainTextEdit()):
    menu = field.createStandardContextMenu()
    keep += [field, menu]
    texts += [action.text().split(chr(9))[0] for action in menu.actions()]
print(chr(10).join(text for text in texts if text))
"""


@pytest.mark.parametrize("how", ["with-qts", "without-qts"])
def test_no_word_of_qt_stays_english(how):
    """Also where a bundle leaves Qt's own catalog out."""
    made = subprocess.run([sys.executable, "-c", COLLECT, how], cwd=ROOT, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    texts = made.stdout.splitlines()
    assert len(texts) > 20
    assert [text for text in texts if text.isascii()] == ["OK"]
