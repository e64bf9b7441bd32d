"""A program of its own whose window is a file that can be dragged: the other side of a real drag and drop."""

import sys

from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QDrag, QMouseEvent
from PySide6.QtWidgets import QApplication, QLabel


class DragSource(QLabel):
    def __init__(self, path: str) -> None:
        super().__init__("drag me")
        self._path = path
        self.setWindowTitle("drag source")
        self.setWindowFlag(Qt.WindowType.BypassWindowManagerHint)
        self.setGeometry(0, 0, 150, 100)

    def mouseMoveEvent(self, _event: QMouseEvent) -> None:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(self._path)])
        drag = QDrag(self)
        drag.setMimeData(data)
        drag.actionChanged.connect(lambda action: print(action.name, flush=True))
        drag.exec(Qt.DropAction.CopyAction)
        print("dropped", flush=True)


if __name__ == "__main__":
    app = QApplication([])
    source = DragSource(sys.argv[1])
    source.show()
    print("ready", flush=True)
    app.exec()
