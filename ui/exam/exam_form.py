"""The form for an exam: models, repeats, grader, judge, sampling, retrieval; and the estimated cost."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core.dataset import row_system_prompts
from core.dataset.row_system_prompts import PromptUse
from core.exam import judges, prompt_conditions
from core.exam.graders import GRADERS
from core.exam.runs import ExamEstimate, ExamPlan, ExamRun
from core.language import tr, trn
from core.providers import LOCAL, Sampling, model_kinds, prices
from core.providers.server_presets import MAX_SEED
from ui import style
from ui.exam import exam_texts
from ui.exam.examined_models import ExaminedModels
from ui.widgets import basics, cost_texts, length_and_time_texts, server_texts
from ui.widgets.drop_down import DropDown
from ui.widgets.flow_layout import FlowLayout
from ui.widgets.model_box import USABLE_STATES
from ui.workspace import Workspace

MAX_REPEATS = 10
MAX_ANSWER_TOKENS = 8192
MAX_PASSAGE_TOKENS = 100_000


class ExamForm(QWidget):
    """The form of a new exam. Everything has a default; what is rarely changed is hidden at first."""

    changed = Signal()
    start_wanted = Signal()
    keep_wanted = Signal()  # there are no questions: rows are to be kept for the exam
    prompt_wanted = Signal(str)  # a system prompt, to be made the project's

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self.estimates: list[ExamEstimate] = []
        self.seconds = 0.0  # for all answers, estimated
        self._running = False
        self.subjects = ExaminedModels(workspace)
        self._make_fields()
        self._make_more()
        self.total, self.hint, self.warning = basics.label(wrap=True, dim=True), basics.Note(), basics.Note()
        self.as_trained = QPushButton(tr("Use the rows’ prompt"))
        basics.explain(self.as_trained, tr("Makes it the project's system prompt; this can be undone."))
        self.as_trained.clicked.connect(lambda _checked: self._on_as_trained())
        self.trained: PromptUse | None = None  # the prompt of the rows, where the project asks under another one
        self.keep = QPushButton(tr("Keep some rows for the exam…"))
        self.keep.clicked.connect(lambda _checked: self.keep_wanted.emit())
        self.start = basics.primary_button(tr("Start exam"))
        self.start.clicked.connect(lambda _checked: self.start_wanted.emit())
        self._lay_out()
        self._connect()
        self.show_trained(None, "")
        self._show()

    def _make_fields(self) -> None:
        self.repeats, self.grader = basics.integer_field(1, MAX_REPEATS, 1), DropDown()
        self.repeats.setToolTip(tr("How often each question is asked"))
        for name, grader in GRADERS.items():
            self.grader.addItem(grader.title(), name)
        self.general, self.judge = QCheckBox(tr("&General questions too")), QCheckBox()
        basics.explain(self.general, tr("General knowledge in the language of the spec: it shows what was forgotten."))
        self.general.setChecked(True)
        basics.explain(
            self.judge,
            tr("In addition to the grader, a chat model marks each answer. The judge is chosen in the settings."),
        )
        self.more = basics.disclosure_button(tr("More settings"))

    def _make_more(self) -> None:
        usual, books = Sampling(), prompt_conditions.RetrievalSettings()
        self.temperature = basics.decimal_field(0.0, 2.0, 0.1, usual.temperature)
        self.top_p = basics.decimal_field(0.05, 1.0, 0.05, usual.top_p)
        self.tokens = basics.integer_field(1, MAX_ANSWER_TOKENS, usual.max_tokens)
        self.seed = basics.integer_field(-1, MAX_SEED, -1)
        self.seed.setSpecialValueText(tr("Auto"))
        self.k = basics.integer_field(1, 50, books.k)
        self.budget = basics.integer_field(50, MAX_PASSAGE_TOKENS, books.budget)
        self.shots = basics.integer_field(1, 50, books.shots)
        self.embedding = QLineEdit(placeholderText=prompt_conditions.describe_offline_search())
        self.embedding.setMinimumWidth(style.scaled(200))
        self.batch = QCheckBox(tr("As a &batch: half the price, answered within a day"))
        self.temperature.setToolTip(tr("0 picks the most likely words; higher values vary the answer"))

    def _lay_out(self) -> None:
        fields = QWidget()
        flow = FlowLayout(fields, style.SPACE)
        for name, field in ((tr("&Repeats"), self.repeats), (tr("&Marked by"), self.grader)):
            flow.addWidget(_make_pair(name, field))
        for part in (self.general, self.judge, self.more):
            flow.addWidget(part)
        self._hidden_settings = self._more_settings()
        self._hidden_settings.hide()
        warned = QHBoxLayout()
        warned.addWidget(self.warning, 1)
        warned.addWidget(self.as_trained, 0, Qt.AlignmentFlag.AlignTop)
        below = QHBoxLayout()
        below.addWidget(self.total, 1)
        below.addWidget(self.keep, 0, Qt.AlignmentFlag.AlignBottom)
        below.addWidget(self.start, 0, Qt.AlignmentFlag.AlignBottom)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SPACE // 2)
        layout.addWidget(self.subjects)
        layout.addWidget(fields)
        layout.addWidget(self._hidden_settings)
        layout.addWidget(self.hint)
        layout.addLayout(warned)
        layout.addLayout(below)

    def _more_settings(self) -> QWidget:
        page = QWidget()
        grid = QGridLayout(page)
        grid.setContentsMargins(2 * style.SPACE, 0, 0, 0)
        grid.setHorizontalSpacing(style.SPACE)
        grid.setVerticalSpacing(style.SPACE // 2)
        named = (
            (tr("Te&mperature"), self.temperature), (tr("&Top p"), self.top_p), (tr("Ma&x tokens"), self.tokens),
            (tr("See&d"), self.seed), (tr("Passages found"), self.k), (tr("Tokens of passages"), self.budget),
            (tr("Number of examples shown"), self.shots), (tr("Embedding model"), self.embedding),
        )  # fmt: skip
        for number, (name, field) in enumerate(named):
            label = basics.label(name, dim=True)
            label.setBuddy(field)
            field.setAccessibleName(name.replace("&", ""))
            row, column = divmod(number, 4)
            grid.addWidget(label, row, 2 * column)
            grid.addWidget(field, row, 2 * column + 1)
        grid.setColumnStretch(8, 1)
        grid.addWidget(self.batch, 2, 0, 1, 9)
        return page

    def _connect(self) -> None:
        self.more.toggled.connect(self._on_more)
        self.subjects.changed.connect(self._on_changed)
        for box in (
            self.repeats,
            self.tokens,
            self.k,
            self.budget,
            self.shots,
            self.seed,
            self.temperature,
            self.top_p,
        ):
            box.valueChanged.connect(lambda _value: self._on_changed())
        for check in (self.general, self.judge, self.batch):
            check.toggled.connect(lambda _on: self._on_changed())
        self.grader.activated.connect(lambda _index: self._on_changed())

    def _on_more(self, on: bool) -> None:
        self._hidden_settings.setVisible(on)

    def plan(self) -> ExamPlan:
        """What is wished for now."""
        seed = self.seed.value()
        return ExamPlan(
            self.subjects.subjects(),
            Sampling(
                self.temperature.value(), self.top_p.value(), self.tokens.value(), self.repeats.value(),
                None if seed < 0 else seed,
            ),
            self.grader.currentData(),
            self._judge() if self.judge.isChecked() else None,
            self.general.isChecked(),
            self.batch.isChecked() and self._has_batch(),
            prompt_conditions.RetrievalSettings(
                self.k.value(), self.budget.value(), self.embedding.text().strip(), self.shots.value()
            ),
        )  # fmt: skip

    def _on_as_trained(self) -> None:
        if self.trained:
            self.prompt_wanted.emit(self.trained.prompt)

    def fill(self, run: ExamRun) -> None:
        """Fill the form with the settings of a run."""
        asked, books = run.sampling, run.retrieval
        counts = (
            (self.repeats, asked.n), (self.tokens, asked.max_tokens),
            (self.seed, -1 if asked.seed is None else asked.seed), (self.k, books.k), (self.budget, books.budget),
            (self.shots, books.shots),
        )  # fmt: skip
        for field, value in counts:
            field.setValue(value)
        self.temperature.setValue(asked.temperature)
        self.top_p.setValue(asked.top_p)
        self.embedding.setText(books.embedding)
        self.grader.setCurrentIndex(self.grader.findData(run.grader))
        self.judge.setChecked(run.judge is not None)
        self.batch.setChecked(run.batch)
        self.subjects.choose(
            [
                type(one)(one.provider or self._workspace.settings.provider, one.model, one.condition)
                for one in run.subjects
            ]
        )

    def show_offers(self) -> None:
        """Servers, models or roles have changed."""
        self._workspace.request_offers(self._workspace.role("judge")[0])
        self.subjects.show_offers()
        self._on_changed()

    def show_estimates(self, found: Sequence[ExamEstimate], seconds: float) -> None:
        """What the exam comes to, and about how long it takes, estimated for what was wished a moment ago."""
        self.estimates, self.seconds = list(found), seconds
        self._show()

    def show_trained(self, found: PromptUse | None, wanted: str) -> None:
        """Under which prompt rows or models were trained, where it is not `wanted`, under which the exam would ask."""
        self.trained = found
        self.warning.show_text(row_system_prompts.describe_difference(found, wanted) if found else "", "warning")
        self.as_trained.setVisible(found is not None and found.is_offered)

    def show_running(self, running: bool) -> None:
        """Disable the form while an exam runs."""
        self._running = running
        self._show()

    def _on_changed(self) -> None:
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        judge = self._judge()
        named = (
            tr("{model} judges too", model=basics.short_model_name(judge[1]))
            if judge
            else tr("A chat model judges too")
        )
        self.judge.setText(named.replace("&", "&&"))
        self.judge.setEnabled(judge is not None)
        self.batch.setVisible(self._has_batch())
        self.subjects.show_estimates(self.estimates)
        self.total.setText(self._format_total())
        problem = self.problem()
        self.hint.show_text(problem or self._format_remark(), "warning" if problem else "")
        self.keep.setVisible(bool(self.estimates) and self.estimates[0].requests == self.estimates[0].general)
        basics.set_enabled(self.start, problem or (tr("An exam is running.") if self._running else ""))

    def problem(self) -> str:
        """Why the exam cannot start; '' if it can."""
        if self.estimates and not self.estimates[0].requests:
            return tr("There are no exam questions: set the split of some rows to “test” in the examples tab.")
        return self.subjects.problem()

    def _format_remark(self) -> str:
        if self.estimates and self.estimates[0].requests == self.estimates[0].general:
            return tr("None of these questions is about your text: general questions only show what is forgotten. Set the split "
                      "of some rows to “test” in the examples tab.")  # fmt: skip
        if self.repeats.value() > 1 and self.temperature.value() == 0:
            return tr("At temperature 0 all repeats give the same answer.")
        return ""

    def _format_total(self) -> str:
        if [one.subject for one in self.estimates] != self.subjects.subjects():
            return ""
        text = exam_texts.format_total(self.estimates, self.repeats.value())
        if self.estimates:
            is_batch = self.batch.isChecked() and self._has_batch()
            text += f" · {tr('within a day') if is_batch else length_and_time_texts.format_about(self.seconds)}"
        if self.judge.isChecked() and self.estimates:
            answers = sum(one.requests for one in self.estimates) * self.repeats.value()
            text += f" · {self._format_judge_cost(answers)}"
        return text

    def _format_judge_cost(self, answers: int) -> str:
        provider, model = self._judge() or ("", "")
        cost = cost_texts.format_cost(prices.chat_price(*judges.estimate_tokens(answers), model), provider)
        return trn("and at most {n} request to the judge: {cost}",
                   "and at most {n} requests to the judge: {cost}", answers, cost=cost)  # fmt: skip

    def _judge(self) -> tuple[str, str] | None:
        """The provider and the model that judge; None where none is known."""
        provider, model = self._workspace.role("judge")
        offers = [
            offer.id
            for offer in self._workspace.known_offers(provider)
            if offer.state in USABLE_STATES and model_kinds.fits(offer, model_kinds.BASE)
        ]
        model = model or next(iter(offers), "")
        return (provider, model) if model else None

    def _has_batch(self) -> bool:
        """Whether there is a server that is paid, and all of those take batches."""
        servers = {subject.provider for subject in self.subjects.subjects()} - {LOCAL}
        return bool(servers) and all(server_texts.has_capability(self._workspace, one, "batch") for one in servers)


def _make_pair(name: str, field: QWidget) -> QWidget:
    pair = QWidget()
    row = QHBoxLayout(pair)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(style.SPACE // 2)
    label = basics.label(name, dim=True)
    label.setBuddy(field)
    field.setAccessibleName(name.replace("&", ""))
    row.addWidget(label)
    row.addWidget(field)
    return pair
