"""The summary of an exam's result: verdict, totals, and the facts that were gained, lost and not learned."""

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QStringListModel, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QListView,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from core.exam import verdict
from core.exam.runs import ExamQuestion
from core.exam.scores import GENERAL, ResultLine, kind_title
from core.language import tr, trn
from ui import style
from ui.exam import exam_texts
from ui.exam.answer_comparison import format_leak
from ui.exam.heat_map_model import FACT_LEVEL, QUESTION_LEVEL, SHOW_ALL, SHOW_LEAKED
from ui.exam.result_data import ExamOutcome, SubjectComparison
from ui.exam.totals_table import TotalsTable
from ui.widgets import basics, context_menus
from ui.widgets.drop_down import DropDown

MAX_LEAKS_NAMED = 3
VERDICT_SENTENCES = 2  # that come before the table: what was learned, and what was gained and lost
MAX_LINES = 12  # of the longest list of facts, before it scrolls


class FactResultList(QListView):
    """Facts by name, with their texts; `picked` gives the key of the clicked one."""

    picked = Signal(str)

    def __init__(self, name: str) -> None:
        super().__init__(uniformItemSizes=True)
        self._keys: list[str] = []
        self.lines = QStringListModel(self)
        self.setModel(self.lines)
        self.setAccessibleName(name)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setStyleSheet(style.ROOMY_LIST_SHEET)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.clicked.connect(self._on_picked)
        self.activated.connect(self._on_picked)

    def show_facts(self, found: Sequence[tuple[str, str]]) -> None:
        """Show keys with their texts."""
        self._keys = [key for key, _text in found]
        texts = [text for _key, text in found]
        if texts != self.lines.stringList():
            self.lines.setStringList(texts)
        self.setVisible(bool(texts))

    def needed_height(self) -> int:
        """The height of its lines in pixels, as many as are shown without scrolling."""
        lines = min(self.lines.rowCount(), MAX_LINES)
        return lines * self.sizeHintForRow(0) + 2 * self.frameWidth() if lines else 0

    def _on_picked(self, index: QModelIndex) -> None:
        self.picked.emit(self._keys[index.row()])


class ResultSummary(QScrollArea):
    """The first page of a result: verdict, totals, and the facts that were gained, lost or not learned."""

    line_wanted = Signal(str, str, str)  # a level of the heat map, a line's key, a filter
    wordings_wanted = Signal(list)  # names of facts
    against_chosen = Signal(int)  # the place of the subject that all others are compared with

    def __init__(self) -> None:
        super().__init__(widgetResizable=True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self._outcome: ExamOutcome | None = None
        self.compared: SubjectComparison | None = None
        self.sentences: list[QLabel] = []
        self._verdict, self._remarks = QVBoxLayout(), QVBoxLayout()
        for words in (self._verdict, self._remarks):
            words.setSpacing(style.SPACE // 3)
        self.table, self.against, self.on_error = TotalsTable(), DropDown(), basics.Note()
        self.against.setAccessibleName(tr("Compared with"))
        self.against.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.gained, self.lost = FactResultList(tr("Facts gained")), FactResultList(tr("Facts lost"))
        self.missing = FactResultList(tr("Facts not learned yet"))
        self.named, self.titles = basics.heading(""), [basics.label(wrap=True) for _list in range(3)]
        self.wordings = QPushButton(tr("Generate more word&ings for these facts…"))
        self.leaks, self.show_leaks = basics.Note(), QPushButton(tr("Show them"))
        self.checks = basics.label(wrap=True, dim=True)
        context_menus.offer(self.table)
        for found in (self.gained, self.lost, self.missing):
            context_menus.offer(found, self.wordings)
        self._lay_out()
        self._connect()

    def _connect(self) -> None:
        self.table.chosen.connect(lambda _subject: self._show_lists())
        self.against.activated.connect(lambda index: self.against_chosen.emit(index))
        for one in (self.gained, self.lost, self.missing):
            one.picked.connect(self._on_picked)
        self.wordings.clicked.connect(lambda _checked: self.wordings_wanted.emit(self._unlearned_facts()))
        self.show_leaks.clicked.connect(lambda _checked: self.line_wanted.emit(QUESTION_LEVEL, "", SHOW_LEAKED))

    def _lay_out(self) -> None:
        beside = QHBoxLayout()
        name = QLabel(tr("&Compare with"))
        name.setBuddy(self.against)
        beside.addWidget(basics.heading(tr("Results")))
        beside.addStretch()
        beside.addWidget(name)
        beside.addWidget(self.against)
        leaks = QHBoxLayout()
        leaks.addWidget(self.leaks, 1)
        leaks.addWidget(self.show_leaks, 0, Qt.AlignmentFlag.AlignTop)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, style.SPACE, style.SPACE // 2, 0)
        layout.setSpacing(style.SPACE // 2)
        layout.addLayout(self._verdict)
        layout.addWidget(self.on_error)
        layout.addLayout(leaks)
        layout.addSpacing(style.SPACE // 2)
        layout.addLayout(beside)
        layout.addWidget(self.table)
        layout.addSpacing(style.SPACE // 2)
        layout.addWidget(self.named)
        layout.addWidget(self._build_lists())
        layout.addSpacing(style.SPACE // 2)
        layout.addLayout(self._remarks)
        layout.addWidget(self.checks)
        layout.addStretch()
        self.setWidget(page)

    def _build_lists(self) -> QWidget:
        """What was gained, what was lost, and what is still missing, side by side; they begin at one height."""
        self.lists = QWidget()
        lists = QGridLayout(self.lists)
        lists.setContentsMargins(0, 0, 0, 0)
        lists.setHorizontalSpacing(style.SPACE)
        lists.setVerticalSpacing(style.SPACE // 3)
        for at, (title, one) in enumerate(zip(self.titles, (self.gained, self.lost, self.missing), strict=True)):
            lists.addWidget(title, 0, at, Qt.AlignmentFlag.AlignBottom)
            below = QVBoxLayout()
            below.setSpacing(style.SPACE // 3)
            below.addWidget(one)
            if one is self.missing:
                below.addWidget(self.wordings, 0, Qt.AlignmentFlag.AlignLeft)
            below.addStretch()
            lists.addLayout(below, 1, at)
            lists.setColumnStretch(at, 1)
        return self.lists

    def show_outcome(self, outcome: ExamOutcome, against: int) -> None:
        """Show a run's totals at once; what takes longer to compute stays until `show_compared`."""
        other = self._outcome is None or self._outcome.run.id != outcome.run.id
        self._outcome = outcome
        if other:
            self.compared = None
            self._show_sentences([])
            self.checks.setText("")
        names = [exam_texts.subject_line(*pair) for pair in zip(outcome.run.subjects, outcome.servers, strict=True)]
        if names != [self.against.itemText(at) for at in range(self.against.count())]:
            self.against.clear()
            self.against.addItems(names)
        self.against.setCurrentIndex(against)
        self.table.show_outcome(outcome, self.compared)
        if self.table.subject() is None:
            others = [at for at in verdict.find_tuned(outcome.result) if at != against]
            basics.select_row(self.table, others[-1] if others else len(outcome.run.subjects) - 1)
        errors = dict.fromkeys(
            f"{exam_texts.subject_line(subject)}: {subject.error}" for subject in outcome.run.subjects if subject.error
        )
        self.on_error.show_text("\n".join(errors), "error")
        self._show_leaks(outcome)
        self._show_lists()

    def show_compared(self, compared: SubjectComparison, checks: Sequence[str]) -> None:
        """The verdict, what parts each subject from the one it is compared with, and how far other graders agree."""
        assert self._outcome
        self.compared = compared
        self._show_sentences(compared.verdict or [compared.waiting])
        self.checks.setText("\n".join(checks))
        self.checks.setVisible(bool(checks))
        self.table.show_outcome(self._outcome, compared)
        self._show_lists()

    def _show_sentences(self, words: Sequence[str]) -> None:
        """The verdict above the table, its first sentence in large letters; how far it can be trusted below."""
        while len(self.sentences) > len(words):
            label = self.sentences.pop()
            label.setParent(None)
            label.deleteLater()
        while len(self.sentences) < len(words):
            is_verdict = len(self.sentences) < VERDICT_SENTENCES
            label = basics.label(wrap=True, dim=not is_verdict)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            if not self.sentences:
                label.setFont(style.sized_font(label.font(), style.HEADLINE, bold=True))
            self.sentences.append(label)
            (self._verdict if is_verdict else self._remarks).addWidget(label)
        for label, text in zip(self.sentences, words, strict=True):
            label.setText(text)

    def _show_leaks(self, outcome: ExamOutcome) -> None:
        found = outcome.result.leaks
        named = "\n".join(f"{one.question} – {format_leak(one)}" for one in found[:MAX_LEAKS_NAMED])
        more = len(found) - MAX_LEAKS_NAMED
        title = trn("{n} question is also among the training rows. It proves nothing and is not counted:",
                    "{n} questions are also among the training rows. They prove nothing and are not counted:", len(found))  # fmt: skip
        rest = tr("… and {n} more", n=more) if more > 0 else ""
        self.leaks.show_text("\n".join(filter(None, (title, named, rest))) if found else "", "warning")
        self.show_leaks.setVisible(bool(found))

    def _subject(self) -> int:
        return self.table.subject() or 0

    def _unlearned_facts(self) -> list[str]:
        return self.compared.unlearned[self._subject()] if self.compared else []

    def _show_lists(self) -> None:
        if self._outcome is None:
            return
        compared, subject = self.compared, self._subject()
        found = compared.comparisons[subject] if compared else None
        name = exam_texts.subject_line(self._outcome.run.subjects[subject])
        asked = compared.questions if compared else []
        gained, lost = (_list_facts(lines, asked) for lines in ((found.gained, found.lost) if found else ([], [])))
        texts = {line.name: line.text for line in self._outcome.result.facts}
        missing = [(f"fact:{one}", f"{one}   {texts.get(one, '')}") for one in self._unlearned_facts()]
        for one, lines in ((self.gained, gained), (self.lost, lost), (self.missing, missing)):
            one.show_facts(lines)
        for one in (self.gained, self.lost, self.missing):
            one.setFixedHeight(one.needed_height())
        waits = compared is None or bool(compared.waiting)
        for part in (self.named, self.lists):
            part.setVisible(not waits)  # there is nothing to tell yet
        self.named.setText(name)
        self.titles[0].setText(tr("Gained: {facts}", facts=_format_counts(gained)))
        self.titles[1].setText(tr("Lost: {facts}", facts=_format_counts(lost)))
        self.titles[2].setText(tr("Not learned yet: {facts}", facts=_format_counts(missing)))
        self.wordings.setVisible(bool(missing))

    def _on_picked(self, key: str) -> None:
        self.line_wanted.emit(FACT_LEVEL, key, SHOW_ALL)


def _list_facts(lines: Sequence[ResultLine], asked: Sequence[ExamQuestion]) -> list[tuple[str, str]]:
    """Facts and general questions as lines of a list, by their keys in the heat map."""
    general = kind_title(GENERAL)
    return [
        (f"question:{asked[line.questions[0]].id}", f"{general}   {line.text}")
        if line.name == GENERAL
        else (f"fact:{line.name}", f"{line.name}   {line.text}")
        for line in lines
    ]


def _format_counts(found: Sequence[tuple[str, str]]) -> str:
    """How many facts these are, and how many general questions."""
    facts = sum(key.startswith("fact:") for key, _text in found)
    text = trn("{n} fact", "{n} facts", facts)
    general = len(found) - facts
    return f"{text}, {trn('{n} general question', '{n} general questions', general)}" if general else text
