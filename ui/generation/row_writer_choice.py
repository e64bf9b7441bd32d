"""Who writes rows: a chat model, or templates without one."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QGridLayout, QRadioButton, QWidget

from core.language import tr
from ui import style
from ui.widgets import basics
from ui.widgets.chat_model_row import ModelRow


class Ways(QWidget):
    """`changed` says that another way is chosen, by the person or because another model is."""

    changed = Signal()

    def __init__(self, model: ModelRow, templates: str) -> None:
        """`templates` says what rows made without a model are like."""
        super().__init__()
        self._model, self._decided = model, False  # whether the person has chosen
        self.online = QRadioButton(tr("With a chat &model"))
        self.offline = QRadioButton(tr("Without a model, from &templates"))
        self._group = QButtonGroup(self)
        for way in (self.online, self.offline):
            self._group.addButton(way)
            way.setMinimumHeight(model.box.sizeHint().height())  # so that they stand in line with the box
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(2 * style.SPACE)
        grid.setVerticalSpacing(style.SPACE)
        grid.addWidget(self.online, 0, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(model, 0, 1)
        grid.addWidget(self.offline, 1, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(basics.label(templates, wrap=True, dim=True), 1, 1)
        grid.setColumnStretch(1, 1)
        self._group.buttonClicked.connect(lambda _button: self._on_clicked())
        model.changed.connect(self.suit_model)
        self.suit_model()

    def suit_model(self) -> None:
        """Without a model that writes well, templates are the better beginning; the person's choice stays."""
        if not self._decided:
            (self.offline if self._model.is_weak() else self.online).setChecked(True)
        self._show()

    def _on_clicked(self) -> None:
        self._decided = True
        self._show()

    def _show(self) -> None:
        self._model.setEnabled(self.online.isChecked())
        self.changed.emit()
