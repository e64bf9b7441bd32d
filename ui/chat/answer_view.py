"""The answers of one pane to one question: streamed texts, model and cost, passages, marks and buttons."""

import re
from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from core.chat import conversations
from core.chat.conversations import ChatAnswer
from core.exam.prompt_conditions import CONDITIONS
from core.exam.retrieval import FoundPassage
from core.language import tr, trn
from core.providers import LOCAL, model_identity, prices
from core.text import diff
from core.text.diff import LinePair
from ui import style
from ui.chat.answer_rating import AnswerRating
from ui.spec.spec_chat_messages import FRAME_MS, MessageText
from ui.widgets import basics, context_menus, diff_row_painting
from ui.widgets.basics import LinkButton
from ui.widgets.flow_layout import FlowLayout
from ui.widgets.text_highlights import highlight_spans

MAX_LINES_SHOWN = 400  # of an answer that are shown at full height; a longer one scrolls in its field
# Characters without a line break that are laid out as one; longer ones would be laid out again at every piece.
MAX_PARAGRAPH_PIECE = 4000


class StreamedText(MessageText):
    """The text of an answer while it is streamed.

    Very long paragraphs are shown in pieces; `text` returns them whole.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name, most=MAX_LINES_SHOWN)
        self._text = ""
        self._run = 0  # characters since the last line break that is shown
        self.is_broken = False  # whether line breaks are shown that are none of the text's

    def text(self) -> str:
        return self._text

    def add(self, piece: str) -> None:
        """More of the text has come."""
        self._text += piece
        self.append(self._break_paragraphs(piece))

    def show_text(self, text: str) -> None:
        """Show `text`; the part that is shown already is not painted again."""
        if not text.startswith(self._text):
            self._text, self._run, self.is_broken = "", 0, False
            self.setPlainText("")
        if rest := text[len(self._text) :]:
            self.add(rest)

    def _break_paragraphs(self, piece: str) -> str:
        parts: list[str] = []
        for line in re.split("(\n)", piece):
            if line == "\n":
                self._run = 0
                parts.append(line)
                continue
            while self._run + len(line) > MAX_PARAGRAPH_PIECE:
                room = MAX_PARAGRAPH_PIECE - self._run
                parts.append(f"{line[:room]}\n")
                line, self._run, self.is_broken = line[room:], 0, True
            self._run += len(line)
            parts.append(line)
        return "".join(parts)


class AnswerView(QWidget):
    """The answers of one pane to one question. Empty until `begin` or `show_answers`."""

    again_wanted = Signal()
    code_wanted = Signal()
    marked = Signal(int, object, str)  # the answer's id, the mark or None, the note
    example_wanted = Signal(object, bool)  # the Answer, and whether it goes to the exam

    def __init__(self, title_of: Callable[[str], str]) -> None:
        """`title_of` names a provider."""
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)  # as wide as the pane's head
        self._title_of = title_of
        self._pending: dict[int, str] = {}
        self.blocks: list[AnswerBlock] = []
        self.flushes = 0
        self.flush_timer = QTimer(self, interval=FRAME_MS, singleShot=True)
        self.flush_timer.timeout.connect(self._flush)
        self.state, self.error, self.summary = basics.Note(), basics.Note(), basics.Note()
        self.passages = PassageList()
        self.again, self.code = LinkButton(tr("Run again")), LinkButton(tr("Show code…"))
        self.again.clicked.connect(self.again_wanted)
        self.code.clicked.connect(self.code_wanted)
        self._can_ask = self._is_busy = False
        self._lay_out()
        self._show_links()

    def _lay_out(self) -> None:
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(style.SPACE // 3)
        self._links = QWidget()
        flow = FlowLayout(self._links, style.SPACE)
        for button in (self.again, self.code):
            flow.addWidget(button)
        for part in (self.state, self.error, self.summary, self.passages, self._links):
            self._column.addWidget(part)
        self._column.addStretch()

    def texts(self) -> list[str]:
        """The texts of the answers as they are shown, one for each sample."""
        return [block.text.text() for block in self.blocks]

    def has_text(self) -> bool:
        """Whether anything of an answer has come."""
        return any(self._pending.values()) or any(self.texts())

    def begin(self, n: int, converts: bool) -> None:
        """`n` answers are asked for; with `converts` their model has to be made ready first."""
        self._clear()
        self._add_blocks(n)
        self._is_busy = True
        self.state.show_text(tr("Preparing the model for its first use…") if converts else tr("Answering…"))
        self._show_links()

    def show_preparation(self, progress: float) -> None:
        """How far the model is made ready, 0 to 1."""
        self.state.show_text(tr("Preparing the model for its first use: {share}", share=f"{progress:.0%}"))

    def add(self, index: int, piece: str) -> None:
        """Another piece of answer `index`; pieces are shown together, once a frame."""
        self._pending[index] = self._pending.get(index, "") + piece
        self.state.show_text(tr("Answering…"))  # a model that writes has been made ready
        if not self.flush_timer.isActive():
            self.flush_timer.start()

    def fail(self, text: str, meaning: str = "error", refused: bool = False) -> None:
        """What has come stays, for now; with `refused` it does not, since it is not this pane's answer."""
        if refused:
            self._clear()
        else:
            self._flush()
        self._end()
        self.error.show_text(text, meaning)
        for block in self.blocks:
            block.setVisible(bool(block.text.text()))

    def show_answers(self, answers: Sequence[ChatAnswer]) -> None:
        """What was kept; none where this pane was not asked, or did not answer."""
        self._flush()
        if len(self.blocks) != len(answers):
            self._clear()
            self._add_blocks(len(answers))
        self.error.show_text("")
        for block, answer in zip(self.blocks, answers, strict=True):
            block.show_answer(answer, answers[0].text)
        self.summary.show_text(self._format_answers(answers))
        basics.explain(self.summary, answers[0].reported if answers else "")
        self.passages.show_passages(answers[0].passages if answers else [])
        if answers and not answers[0].complete:
            self.error.show_text(tr("The answer is incomplete: it was stopped early."), "warning")
        elif limit := conversations.find_cut(answers):
            self.show_limit(limit)
        self._end()

    def show_limit(self, limit: int) -> None:
        """Say that the newest answers have as many tokens as they may, and so probably end before their end."""
        words = tr("The answer was probably cut off: it has the {n} tokens that an answer may have (see the settings below).",
                   n=f"{limit:,}")  # fmt: skip
        self.error.show_text(words, "warning")

    def allow_asking(self, allowed: bool) -> None:
        """Whether this question may be asked again: only the last one may, since the others were built upon."""
        self._can_ask = allowed
        self._show_links()

    def _add_blocks(self, n: int) -> None:
        for number in range(n):
            block = AnswerBlock(number + 1 if n > 1 else 0)
            block.marked.connect(self.marked)
            block.example_wanted.connect(self.example_wanted)
            self.blocks.append(block)
            self._column.insertWidget(number, block)

    def _clear(self) -> None:
        self.flush_timer.stop()
        self._pending.clear()
        for block in self.blocks:
            block.hide()
            block.deleteLater()
        self.blocks = []
        for note in (self.error, self.summary):
            note.show_text("")
        self.passages.show_passages([])

    def _end(self) -> None:
        self._is_busy = False
        self.state.show_text("")
        self._show_links()

    def _flush(self) -> None:
        self.flush_timer.stop()
        self.flushes += bool(self._pending)
        for index, text in self._pending.items():
            if index < len(self.blocks):
                self.blocks[index].text.add(text)
        self._pending.clear()

    def _show_links(self) -> None:
        self.again.setVisible(self._can_ask and not self._is_busy)
        self.again.setText(tr("Run again") if self.blocks else tr("Ask"))
        self.code.setVisible(bool(self.summary.text()))
        self._links.setVisible(not self.again.isHidden() or not self.code.isHidden())

    def _format_answers(self, answers: Sequence[ChatAnswer]) -> str:
        """Whose answer it is and what it took; before that, where there are several, how far they agree."""
        if not answers:
            return ""
        lines = [_format_provenance(answers[0], self._title_of), _format_cost(answers[0])]
        if len(answers) > 1:
            different = len({answer.text.strip() for answer in answers})
            alike = tr("All {n} answers are identical", n=len(answers))
            count = tr("{n} different answers of {all}", n=different, all=len(answers))
            lines.insert(0, count if different > 1 else alike)
        return "\n".join(lines)


def _format_provenance(answer: ChatAnswer, title_of: Callable[[str], str]) -> str:
    """The server, the model that it says has answered, and which weights."""
    pane, adapter = answer.pane, model_identity.adapter_hash(answer.fingerprint)
    weights = answer.fingerprint
    if pane.provider == LOCAL and answer.fingerprint:
        weights = tr("adapter {hash}", hash=adapter) if adapter else tr("without an adapter")
    condition = CONDITIONS[pane.condition].title() if pane.condition in CONDITIONS else pane.condition
    parts = (title_of(pane.provider), basics.short_model_name(answer.reported), weights, condition)
    return " · ".join(part for part in parts if part)


def _format_cost(answer: ChatAnswer) -> str:
    """How long it took, how many tokens went there and back, and what they cost."""
    parts = [tr("{seconds} s", seconds=f"{answer.seconds:.1f}")]
    if answer.first_seconds:
        parts.append(tr("first word after {seconds} s", seconds=f"{answer.first_seconds:.1f}"))
    if answer.sent or answer.received:
        parts.append(
            tr("tokens: {sent} sent, {received} received", sent=f"{answer.sent:,}", received=f"{answer.received:,}")
        )
    if (pace := answer.tokens_per_second) is not None:
        parts.append(tr("{pace} tokens/s", pace=f"{pace:.3g}"))
    if answer.reason:
        parts.append(_format_reason(answer.reason))
    if answer.pane.provider == LOCAL:
        parts.append(tr("free"))
    elif (cost := prices.chat_price(answer.sent, answer.received, answer.pane.model)) is not None:
        parts.append(f"${cost:.6f}".rstrip("0").rstrip("."))
    return " · ".join(parts)


def _format_reason(reason: str) -> str:
    """Why an answer ends; a reason that the protocol does not have in the server's own words."""
    return {
        "stop": tr("ended by itself"),
        conversations.CUT: tr("cut at the limit of tokens"),
        "content_filter": tr("stopped by a filter"),
        "tool_calls": tr("calls a tool"),
        "function_call": tr("calls a tool"),
    }.get(reason, reason)


class AnswerBlock(QWidget):
    """One answer, with its number where there are several; words that differ from the first one are marked."""

    marked = Signal(int, object, str)  # the answer's id, the mark (0 to 100) or None, the note
    example_wanted = Signal(object, bool)  # the `ChatAnswer`, and whether it goes to the exam

    def __init__(self, number: int) -> None:
        super().__init__()
        self._answer: ChatAnswer | None = None
        self.text = StreamedText(tr("Answer {number}", number=number) if number else tr("Answer"))
        self.mark = AnswerRating()
        self.mark.marked.connect(self._on_marked)
        self._links = self._make_links()
        column = QVBoxLayout()
        column.setSpacing(0)
        for part in (self.text, self.mark, self._links):
            column.addWidget(part)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, style.SPACE // 3)
        if number:
            label = basics.label(str(number), dim=True)
            label.setFixedWidth(style.scaled(style.ICON_SIZE))
            layout.addWidget(label, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(column, 1)

    def _make_links(self) -> QWidget:
        self.judge, self.correct, self.examine = (
            LinkButton(tr("Mark")),
            LinkButton(tr("Correct…")),
            LinkButton(tr("Add to exam…")),
        )
        self.correct.setToolTip(tr("Correct this answer and save it as a new example"))
        self.examine.setToolTip(tr("Add this question to the exam"))
        self.judge.clicked.connect(lambda _checked: self.mark.edit())
        self.correct.clicked.connect(lambda _checked: self.example_wanted.emit(self._answer, False))
        self.examine.clicked.connect(lambda _checked: self.example_wanted.emit(self._answer, True))
        copy = QAction(tr("&Copy the answer"), self)
        copy.triggered.connect(lambda _checked=False: QGuiApplication.clipboard().setText(self.text.text()))
        context_menus.offer(self, copy, None, self.judge, self.correct, self.examine)
        row = QWidget()
        flow = FlowLayout(row, style.SPACE)
        for button in (self.judge, self.correct, self.examine):
            flow.addWidget(button)
        row.hide()
        return row

    def _on_marked(self, mark: int | None, note: str) -> None:
        if self._answer:
            self.marked.emit(self._answer.id, mark, note)

    def show_answer(self, answer: ChatAnswer, first: str) -> None:
        """Show a finished answer; words that differ from the answer `first` are marked."""
        self._answer = answer
        self.text.show_text(answer.text)
        self.text.setPlaceholderText(tr("The model did not reply."))
        self.mark.show_mark(answer.mark, answer.note)
        self._links.show()
        if not self.text.is_broken:
            spans = find_differences(first, answer.text)
            highlight_spans(self.text, spans, "warning")


def find_differences(first: str, other: str) -> list[tuple[int, int]]:
    """The spans of `other` that are not as in `first`; of texts that have little in common, all of it."""
    if first == other:
        return []
    if max(len(first), len(other)) > diff_row_painting.MAX_SHOWN_CHARACTERS:
        return [(0, len(other))]
    spans = diff_row_painting.find_marks(LinePair(first, other, 1, 1, 0))[1][1]
    return spans if diff.are_similar(first, other) else [(0, len(other))]


class PassageList(QWidget):
    """The passages that were in the prompt, hidden until the button is pressed."""

    def __init__(self) -> None:
        super().__init__()
        self._found: list[FoundPassage] = []
        self.fold = LinkButton("")
        self.fold.setCheckable(True)
        self.fold.toggled.connect(self._on_fold)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(style.SPACE // 3)
        self._layout.addWidget(self.fold, 0, Qt.AlignmentFlag.AlignLeft)
        self._listed: QWidget | None = None
        self.hide()

    def show_passages(self, found: list[FoundPassage]) -> None:
        """Offer the passages that were in the prompt; they are listed when the button is pressed."""
        self._found = found
        self.fold.setChecked(False)
        if self._listed:
            self._listed.deleteLater()
            self._listed = None
        self._show_count()
        self.setVisible(bool(found))

    def _show_count(self) -> None:
        sign = "▾" if self.fold.isChecked() else "▸"
        self.fold.setText(f"{sign} {trn('{n} passage found', '{n} passages found', len(self._found))}")

    def _on_fold(self, is_open: bool) -> None:
        self._show_count()
        if is_open and self._listed is None:
            parts = [part for number, one in enumerate(self._found, 1) for part in _make_passage(number, one)]
            self._listed = basics.column(*parts)
            self._layout.addWidget(self._listed)
        if self._listed:
            self._listed.setVisible(is_open)


def _make_passage(number: int, one: FoundPassage) -> tuple[QWidget, QWidget]:
    score = tr("score {score}", score=f"{one.score:.3g}")
    head = basics.label(f"[{number}] {one.passage.heading} · {score}", wrap=True, dim=True)
    return head, MessageText(tr("Passage {number}", number=number), one.passage.text, own=True)
