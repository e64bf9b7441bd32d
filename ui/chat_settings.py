"""How answers are drawn, and under which system prompt."""

from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QWidget

from core.language import tr
from core.providers import Sampling
from ui import style, widgets
from ui.growing_edit import GrowingEdit

MOST_SAMPLES = 8
MOST_TOKENS = 8192


class ChatSettings(QWidget):
    """Temperature 0 and the project's own system prompt, until the person wants something else."""

    def __init__(self) -> None:
        super().__init__()
        self._project = ""  # the system prompt of the project
        self._prompt = GrowingEdit(least=1, most=4)
        self._reset = QPushButton(tr("&Reset"))
        self._warning, self._hint = widgets.Note(), widgets.Note()
        usual = Sampling()
        self._temperature = widgets.decimal(0.0, 2.0, 0.1, usual.temperature)
        self._top_p = widgets.decimal(0.05, 1.0, 0.05, usual.top_p)
        self._samples = widgets.whole(1, MOST_SAMPLES, usual.n)
        self._tokens = widgets.whole(1, MOST_TOKENS, usual.max_tokens)
        self._prompt.textChanged.connect(self._show_warning)
        self._reset.clicked.connect(lambda: self._prompt.setPlainText(self._project))
        for box in (self._temperature, self._samples):
            box.valueChanged.connect(lambda _value: self._show_hint())
        self._lay_out()
        self._show_warning()

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(style.SPACE)
        grid.addWidget(_label(tr("S&ystem prompt"), self._prompt), 0, 0)
        prompt = QHBoxLayout()
        prompt.setSpacing(style.SPACE // 2)
        prompt.addWidget(self._prompt, 1)
        prompt.addWidget(self._reset)
        grid.addLayout(prompt, 0, 1)
        grid.addWidget(self._warning, 1, 1)
        numbers = QHBoxLayout()
        fields = ((tr("Te&mperature"), self._temperature), (tr("&Top p"), self._top_p), (tr("Sam&ples"), self._samples),
                  (tr("Ma&x tokens"), self._tokens))  # fmt: skip
        for number, (name, field) in enumerate(fields):
            if number:
                numbers.addWidget(_label(name, field))
                numbers.addSpacing(style.SPACE // 2)
            numbers.addWidget(field)
            numbers.addSpacing(style.SPACE)
        self._hint.setWordWrap(False)
        numbers.addWidget(self._hint)
        numbers.addStretch()
        grid.addWidget(_label(*fields[0]), 2, 0)
        grid.addLayout(numbers, 2, 1)
        grid.setColumnStretch(1, 1)

    def system_prompt(self) -> str:
        return self._prompt.toPlainText()

    def sampling(self) -> Sampling:
        return Sampling(self._temperature.value(), self._top_p.value(), self._tokens.value(), self._samples.value())

    def show_project(self, system_prompt: str) -> None:
        """The project's system prompt has changed; what the person has written here stays."""
        edited = self.system_prompt() != self._project
        self._project = system_prompt
        if edited:
            self._show_warning()
        else:
            self._prompt.setPlainText(system_prompt)

    def _show_warning(self) -> None:
        edited = self.system_prompt() != self._project
        self._reset.setVisible(edited)
        text = tr("This is not the project's system prompt: under another one a tuned model may look untrained.")
        self._warning.say(text if edited else "", "warning")

    def _show_hint(self) -> None:
        alike = self._samples.value() > 1 and self._temperature.value() == 0
        self._hint.say(tr("At temperature 0 all samples are alike.") if alike else "")


def _label(name: str, field: QWidget) -> QWidget:
    label = widgets.label(name, dim=True)
    label.setBuddy(field)
    label.setContentsMargins(0, 0, 2, 0)  # or the last letter may lose its edge
    field.setAccessibleName(name.replace("&", ""))
    return label
