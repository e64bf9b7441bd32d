"""The messages of the spec chat: the person's questions, the model's answers and proposals, and its remarks."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from core.checks.rule_registry import clip_list
from core.generation import spec_drafting
from core.language import tr, trn
from ui import style
from ui.widgets import basics
from ui.widgets.text_fields import GrowingTextEdit

MAX_KEPT_TITLES = 5  # titles of sections that are named below a proposal
FRAME_MS = 30  # pieces of an answer are shown together, once in so many milliseconds
QUESTION_INDENT = 4 * style.SPACE  # pixels by which the person's messages are indented


class MessageText(GrowingTextEdit):
    """A selectable plain text. With `most` lines, a longer one scrolls."""

    def __init__(self, name: str, text: str = "", own: bool = False, most: int = 0) -> None:
        super().__init__(most=most)
        self.setReadOnly(True)
        self.setViewportMargins(0, 0, 0, 0)  # it is no field
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(name)
        self.setPlainText(text)
        self.setStyleSheet(f"MessageText {{ {style.OWN_MESSAGE_SHEET if own else style.OTHER_MESSAGE_SHEET} }}")
        self.document().setDocumentMargin(style.SPACE // 2 if own else 0)

    def show_text(self, text: str) -> None:
        """Show `text`; when it continues the shown one, the selection is kept."""
        shown = self.toPlainText()
        if text.startswith(shown):
            self.append(text[len(shown) :])
        else:
            self.setPlainText(text)


class QuestionMessage(QWidget):
    """A message that the person wrote."""

    def __init__(self, text: str) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(QUESTION_INDENT, style.SPACE // 2, 0, 0)
        layout.addWidget(MessageText(tr("You"), text, own=True))


class AnswerMessage(QWidget):
    """A model's answer as it is streamed; a proposed text is not shown here but can be opened."""

    look_wanted = Signal()

    def __init__(self, model: str, state: str, is_shown: bool = True) -> None:
        """`state` is shown until there is an answer; without `is_shown` the answer's text, meant for the program, is hidden."""
        super().__init__()
        self.model, self.reply = model, ""
        self._is_shown = is_shown
        self._flush = QTimer(self, interval=FRAME_MS, singleShot=True)
        self._flush.timeout.connect(self._show)
        name = basics.short_model_name(model)
        self._name = basics.label(name, dim=True)
        basics.explain(self._name, model)
        self.words = MessageText(name)
        self.words.hide()
        self.state, self.error = basics.Note(), basics.Note()
        self.state.show_text(state)
        self._offer = self._make_offer()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, style.SPACE // 2, 0, 0)
        layout.setSpacing(style.SPACE // 3)
        for part in (self._name, self.words, self.state, self._offer, self.error):
            layout.addWidget(part)

    def _make_offer(self) -> QFrame:
        frame = QFrame()
        frame.setObjectName("offer")
        frame.setStyleSheet(f"#offer {{ {style.FRAME_SHEET} }}")
        self.offered = basics.label(wrap=True)
        self.look = QPushButton(tr("Review the changes…"))
        self.look.clicked.connect(lambda _checked: self.look_wanted.emit())
        layout = QHBoxLayout(frame)
        layout.addWidget(self.offered, 1)
        layout.addWidget(self.look)
        frame.hide()
        return frame

    def add(self, piece: str) -> None:
        """Add a streamed piece; pieces are shown together, once a frame."""
        self.reply += piece
        if not self._flush.isActive():
            self._flush.start()

    def _show(self) -> None:
        self._flush.stop()
        if not self._is_shown:
            return
        draft = spec_drafting.parse_reply(self.reply)
        self.words.show_text(draft.talk)
        self.words.setVisible(bool(draft.talk))
        if draft.is_cut or draft.text is not None:
            lines = self.reply.count("\n") - draft.talk.count("\n")
            self.state.show_text(trn("Writing the new text… {n} line", "Writing the new text… {n} lines", lines))

    def finish(self) -> spec_drafting.SpecReply:
        """The answer is complete; returns it parsed as a draft."""
        self._show()
        self.state.show_text("")
        return spec_drafting.parse_reply(self.reply)

    def fail(self, text: str, meaning: str = "error") -> None:
        """Keep the text so far and show the error below."""
        self._show()
        self.state.show_text("")
        self.error.show_text(text, meaning)

    def offer(self, changes: int, kept: Sequence[str] = ()) -> None:
        """Show how many changes are proposed, with a button to see them, and the sections kept that the model left out."""
        text = trn("{n} change is suggested.", "{n} changes are suggested.", changes)
        if not changes:
            text = tr("The suggested text is the same as yours.")
        if kept:
            sections = clip_list(kept, MAX_KEPT_TITLES)
            text += "\n" + tr("The suggestion leaves these sections out; they are kept: {sections}", sections=sections)
        self.offered.setText(text)
        self.look.setVisible(changes > 0)
        self._offer.show()


class RemarksMessage(QWidget):
    """What a model remarked on the spec; each remark can be shown in the text or fixed by a model."""

    place_wanted = Signal(str)  # the remark
    mend_wanted = Signal(str)  # the remark that the model is asked to fix

    def __init__(self, model: str, found: Sequence[str], text: str) -> None:
        super().__init__()
        self.remarks = list(found)
        name = basics.short_model_name(model)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, style.SPACE // 2, 0, 0)
        layout.setSpacing(style.SPACE // 3)
        title = trn("{n} remark, found by {model}", "{n} remarks, found by {model}", len(found), model=name)
        layout.addWidget(basics.label(title if found else tr("{model} has no remarks.", model=name), dim=True))
        for remark in found:
            layout.addWidget(self._build_remark(remark, spec_drafting.find_quoted_place(remark, text) is not None))

    def _build_remark(self, remark: str, is_placed: bool) -> QWidget:
        acts = QHBoxLayout()
        acts.setSpacing(style.SPACE)
        for title, wanted, is_there in (
            (tr("Show in the text"), self.place_wanted, is_placed),
            (tr("Fix with a model…"), self.mend_wanted, True),
        ):
            button = QToolButton()
            button.setText(title)
            button.setStyleSheet(style.LINK_SHEET)
            button.setAccessibleDescription(remark)
            button.clicked.connect(lambda _checked, wanted=wanted: wanted.emit(remark))
            if is_there:
                acts.addWidget(button)
        acts.addStretch()
        row = QWidget()
        layout = QVBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, style.SPACE // 2)
        layout.setSpacing(style.HAIR)
        layout.addWidget(MessageText(tr("Remark"), f"⚠ {remark}"))
        layout.addLayout(acts)
        return row


def clear_messages(column: QVBoxLayout, kept: int) -> None:
    """Remove the messages from index `kept` on; the stretch at the end stays."""
    while column.count() > kept + 1:
        item = column.takeAt(kept)
        if item and (widget := item.widget()):
            widget.deleteLater()
