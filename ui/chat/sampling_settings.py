"""The chat's settings: sampling parameters, system prompt and retrieval; folded away at first."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from core.exam import prompt_conditions
from core.language import tr, trn
from core.providers import Sampling
from core.providers.server_presets import MAX_SEED
from ui import style
from ui.widgets import basics
from ui.widgets.basics import LinkButton
from ui.widgets.flow_layout import FlowLayout
from ui.widgets.text_fields import GrowingTextEdit

MAX_SAMPLES = 8
MAX_ANSWER_TOKENS = 8192
MAX_STOP_TEXTS = 4  # that the protocol takes
NO_SEED = -1
MAX_PASSAGES = 20


class SamplingSettings(QWidget):
    """The sampling parameters, the system prompt and the retrieval of the chat.

    By default the temperature is 0 and the prompt is the project's.
    """

    retrieval_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._project = ""  # the system prompt of the project
        self._trained: dict[str, str] = {}  # the prompts that models were trained under, by their names
        self._make_fields()
        self._make_head()
        self._lay_out()
        self._connect()
        self._show_warning()
        self._show_hint()

    def _make_fields(self) -> None:
        usual, search = Sampling(), prompt_conditions.RetrievalSettings()
        self.prompt = GrowingTextEdit(least=1, most=4)
        self.reset, self.as_trained = QPushButton(tr("&Reset")), QPushButton(tr("Use the rows’ prompt"))
        basics.explain(self.as_trained, tr("Asks with the system prompt that the model was trained with."))
        self.temperature = basics.decimal_field(0.0, 2.0, 0.1, usual.temperature)
        self.top_p = basics.decimal_field(0.05, 1.0, 0.05, usual.top_p)
        self.samples = basics.integer_field(1, MAX_SAMPLES, usual.n)
        self.tokens = basics.integer_field(1, MAX_ANSWER_TOKENS, usual.max_tokens)
        self.seed = basics.integer_field(NO_SEED, MAX_SEED, NO_SEED)
        self.seed.setSpecialValueText(tr("none"))
        self.stops = GrowingTextEdit(least=1, most=4)
        self.stops.setPlaceholderText(tr("One per line; \\n is a line break"))
        self.stops.setMinimumWidth(style.scaled(280))
        self.passages = basics.integer_field(1, MAX_PASSAGES, search.k)
        self.budget = basics.integer_field(50, 100_000, search.budget)
        self.embedding = QLineEdit(search.embedding)
        self.embedding.setPlaceholderText(prompt_conditions.describe_offline_search())
        words = self.embedding.fontMetrics().horizontalAdvance(self.embedding.placeholderText())
        self.embedding.setMinimumWidth(words + 3 * style.SPACE)
        self.warning, self.hint = basics.Note(), basics.Note()

    def _make_head(self) -> None:
        self.fold = LinkButton(tr("▸ Settings"))
        self.fold.setCheckable(True)
        self.summary = basics.label(dim=True)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(style.SPACE)
        head.addWidget(self.fold)
        head.addWidget(self.summary, 1)
        self._body = QWidget()
        grid = QGridLayout(self._body)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(style.SPACE)
        grid.addWidget(_add_label(tr("S&ystem prompt"), self.prompt), 0, 0)
        prompt = QHBoxLayout()
        prompt.setSpacing(style.SPACE // 2)
        prompt.addWidget(self.prompt, 1)
        prompt.addWidget(self.reset)
        grid.addLayout(prompt, 0, 1)
        for row, (name, fields) in enumerate(self._lines(), 1):
            grid.addWidget(basics.label(name, dim=True), row, 0)
            grid.addWidget(_make_flow(fields), row, 1)
        grid.setColumnStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SPACE // 2)
        layout.addLayout(head)
        layout.addWidget(self._body)
        warned = QHBoxLayout()
        warned.addWidget(self.warning, 1)
        warned.addWidget(self.as_trained, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(warned)
        layout.addWidget(self.hint)
        self._body.hide()

    def _lines(self) -> tuple[tuple[str, tuple[tuple[str, QWidget], ...]], ...]:
        answers = (
            (tr("Te&mperature"), self.temperature),
            (tr("&Top p"), self.top_p),
            (tr("Ma&x tokens"), self.tokens),
            (tr("Sam&ples"), self.samples),
            (tr("See&d"), self.seed),
            (tr("St&op before"), self.stops),
        )
        found = (
            (tr("&Passages"), self.passages),
            (tr("Max tokens"), self.budget),
            (tr("Embedding model"), self.embedding),
        )
        return (tr("Answers"), answers), (tr("Retrieved"), found)

    def _connect(self) -> None:
        self.fold.toggled.connect(self._on_fold)
        self.prompt.textChanged.connect(self._show_warning)
        self.stops.textChanged.connect(self._show_hint)
        self.reset.clicked.connect(lambda _checked: self.prompt.setPlainText(self._project))
        self.as_trained.clicked.connect(
            lambda _checked: self.prompt.setPlainText(next(iter(self._models_with_other_prompt().values())))
        )
        for box in (self.temperature, self.top_p, self.samples, self.tokens, self.seed):
            box.valueChanged.connect(lambda _value: self._show_hint())
        for field in (self.passages, self.budget):
            field.valueChanged.connect(lambda _value: self.retrieval_changed.emit())
        self.embedding.textChanged.connect(lambda _text: self.retrieval_changed.emit())

    def system_prompt(self) -> str:
        """The system prompt as it is typed."""
        return self.prompt.toPlainText()

    def sampling(self) -> Sampling:
        """The sampling parameters as they are entered."""
        seed = self.seed.value()
        return Sampling(
            self.temperature.value(),
            self.top_p.value(),
            self.tokens.value(),
            self.samples.value(),
            None if seed == NO_SEED else seed,
            tuple(self._stop_sequences()[:MAX_STOP_TEXTS]),
        )

    def retrieval(self) -> prompt_conditions.RetrievalSettings:
        """How passages are found for the condition that wants some."""
        return prompt_conditions.RetrievalSettings(
            self.passages.value(), self.budget.value(), self.embedding.text().strip()
        )

    def begin(self) -> None:
        """Another project is shown, whose system prompt takes the place of what was written here for the one before."""
        self.prompt.setPlainText(self._project)

    def show_project(self, system_prompt: str) -> None:
        """The project's system prompt has changed; what the person has written here stays."""
        edited = self.system_prompt() != self._project
        self._project = system_prompt
        if edited:
            self._show_warning()
        else:
            self.prompt.setPlainText(system_prompt)

    def show_trained(self, prompts: dict[str, str]) -> None:
        """The system prompts that the models of the panes were trained under, as far as that is known, by their names."""
        if prompts != self._trained:
            self._trained = dict(prompts)
            self._show_warning()

    def _models_with_other_prompt(self) -> dict[str, str]:
        """The models that were trained under another prompt than the one they would be asked under."""
        now = self.system_prompt().strip()
        return {name: prompt for name, prompt in self._trained.items() if prompt != now}

    def _stop_sequences(self) -> list[str]:
        return [_unescape(line) for line in self.stops.toPlainText().split("\n") if line]

    def _on_fold(self, is_open: bool) -> None:
        self.fold.setText(tr("▾ Settings") if is_open else tr("▸ Settings"))
        self._body.setVisible(is_open)

    def _show_warning(self) -> None:
        edited = self.system_prompt() != self._project
        self.reset.setVisible(edited)
        otherwise = self._models_with_other_prompt()
        text = ""
        if otherwise:
            text = tr("{model} was trained with another system prompt. With this one it may seem untrained.",
                      model=", ".join(otherwise))  # fmt: skip
        elif edited and not self._trained:
            text = tr(
                "This is not the project's system prompt: with another one a fine-tuned model may seem untrained."
            )
        self.as_trained.setVisible(len(set(otherwise.values())) == 1)
        self.warning.show_text(text, "warning")

    def _show_hint(self) -> None:
        found = self.sampling()
        parts = [tr("temperature {value}", value=f"{found.temperature:g}")]
        parts += [tr("top p {value}", value=f"{found.top_p:g}")] if found.top_p < 1 else []
        parts.append(trn("at most {n} token", "at most {n} tokens", found.max_tokens))
        parts += [trn("{n} sample", "{n} samples", found.n)] if found.n > 1 else []
        parts += [tr("seed {value}", value=found.seed)] if found.seed is not None else []
        parts += [tr("stops before {texts}", texts=", ".join(map(repr, found.stop)))] if found.stop else []
        self.summary.setText(" · ".join(parts))
        hints = [tr("At temperature 0 all answers are identical.")] if found.n > 1 and not found.temperature else []
        if len(self._stop_sequences()) > MAX_STOP_TEXTS:
            hints.append(tr("Only the first {n} stop sequences are sent.", n=MAX_STOP_TEXTS))
        self.hint.show_text("\n".join(hints))


def _unescape(line: str) -> str:
    return line.replace("\\n", "\n").replace("\\t", "\t")


def _make_flow(fields: tuple[tuple[str, QWidget], ...]) -> QWidget:
    fields_row = QWidget()
    flow = FlowLayout(fields_row, style.SPACE)
    for name, field in fields:
        pair = QWidget()
        row = QHBoxLayout(pair)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(style.SPACE // 2)
        row.addWidget(_add_label(name, field))
        row.addWidget(field)
        flow.addWidget(pair)
    return fields_row


def _add_label(name: str, field: QWidget) -> QWidget:
    label = basics.label(name, dim=True)
    label.setBuddy(field)
    label.setContentsMargins(
        0, 0, style.SPACE, 0
    )  # or the last letter may lose its edge: underlined, letters take more room
    field.setAccessibleName(name.replace("&", ""))
    return label
