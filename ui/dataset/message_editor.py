"""The editor of one message as a card: role, content, tool calls, and its problems."""

import json
from collections.abc import Iterator
from functools import partial

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeySequence, QPainter, QPaintEvent, QPalette, QShortcut
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core import checks
from core.checks.rule_registry import clip
from core.dataset.row_edits import (
    AddMessage,
    DeleteMessage,
    JsonEdit,
    MoveMessage,
    SetRole,
    SetString,
    SetText,
    SetWeight,
)
from core.dataset.row_json import CHAT_PATH, ContentPart, RowMessage
from core.language import tr
from ui import style
from ui.widgets import basics
from ui.widgets.drop_down import ScrollSafeDropDown
from ui.widgets.text_fields import CommittedTextEdit

STRIPE_WIDTH = 3  # pixels of the edge that tells the roles apart
MAX_FIELD_LINES = 16  # a longer text scrolls in its field
MAX_ADDRESS_CHARACTERS, MAX_CALLS_CHARACTERS = 60, 80  # characters of an image's address and of calls that are shown
MOVE_UP_KEYS, MOVE_DOWN_KEYS, REMOVE_KEYS = "Alt+Up", "Alt+Down", "Ctrl+Shift+Backspace"


class MessageEditor(QFrame):
    """A card that edits one `RowMessage`; `changed` gives each edit."""

    changed = Signal(object)  # a JsonEdit
    calls_wanted = Signal(object)  # the Message whose calls are to be edited

    def __init__(self) -> None:
        super().__init__()
        self.message = RowMessage("", "", ())
        self._meaning = ""
        self._fields: list[CommittedTextEdit] = []
        self._make_head()
        self._call_id = QLineEdit()
        self._call_id.setAccessibleName(tr("Id of the call that this result belongs to"))
        self._call_id.editingFinished.connect(self._on_call_id)
        self.call_row = _build_row(basics.label(tr("Result of call"), dim=True), self._call_id)
        self._body = QVBoxLayout()
        self._body.setSpacing(style.SPACE // 3)
        self.calls_button = QPushButton()
        self.calls_button.clicked.connect(lambda: self.calls_wanted.emit(self.message))
        self.note = basics.Note()
        self._lay_out()
        self._make_keys()

    def _make_head(self) -> None:
        self.role = ScrollSafeDropDown(tr("Role"))
        self.role.textActivated.connect(lambda role: self.changed.emit(SetRole(self.message.path, role)))
        self.weight = ScrollSafeDropDown(tr("Weight"))
        self.weight.addItem(tr("Used for training"), 1)
        self.weight.addItem(tr("Not used for training"), 0)
        basics.explain(self.weight, tr("Whether the model learns to give this answer, or only reads it."))
        self.weight.activated.connect(self._on_weight)
        self._name = basics.label(dim=True)
        self.up_button = _build_tool_button("↑", tr("Move this message up"), MOVE_UP_KEYS)
        self._down = _build_tool_button("↓", tr("Move this message down"), MOVE_DOWN_KEYS)
        self.remove_button = _build_tool_button("✕", tr("Delete this message"), REMOVE_KEYS)
        self._more = _build_tool_button("⋯", tr("More about this turn"))
        self._more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._more.setStyleSheet(style.NO_MENU_ARROW_SHEET)
        menu = QMenu(self._more)
        self._more.setMenu(menu)
        menu.addAction(tr("Add a message above"), lambda: self._insert(0))
        menu.addAction(tr("Add a message below"), lambda: self._insert(1))
        self._call_action = menu.addAction(tr("Tool calls…"), lambda: self.calls_wanted.emit(self.message))

    def _make_keys(self) -> None:
        for button, keys, act in (
            (self.up_button, MOVE_UP_KEYS, partial(self._move, -1)),
            (self._down, MOVE_DOWN_KEYS, partial(self._move, 1)),
            (self.remove_button, REMOVE_KEYS, self._delete),
        ):
            button.clicked.connect(act)
            key = QShortcut(QKeySequence(keys), self)
            key.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            key.activated.connect(button.click)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(style.SPACE // 2)
        for part in (self.role, self.weight, self._name):
            head.addWidget(part)
        head.addStretch()
        for button in (self.up_button, self._down, self.remove_button, self._more):
            head.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SPACE, style.SPACE // 2, style.SPACE // 2, style.SPACE // 2)
        layout.setSpacing(style.SPACE // 2)
        layout.addLayout(head)
        layout.addWidget(self.call_row)
        layout.addLayout(self._body)
        layout.addWidget(self.calls_button, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self.note)

    def show_message(self, message: RowMessage, first: bool, last: bool, problems: list[checks.Problem]) -> None:
        """Show `message`; `first` and `last` in its section cannot be moved further."""
        before, self.message = self.message, message
        self._show_head(first, last)
        if _field_layout(before) != _field_layout(message):
            self._rebuild()
        for field, text in zip(self._fields, _field_texts(message), strict=True):
            field.show_text(text)
        self._show_calls()
        worst = "error" if any(problem.severity == "error" for problem in problems) else "warning"
        self._meaning = worst if problems else ""
        self.note.show_text("\n".join(problem.message for problem in problems), worst)
        self.update()

    def fields(self) -> list[CommittedTextEdit]:
        """The text fields of the card, one for each text part and the refusal."""
        return self._fields

    def pending(self) -> list[JsonEdit]:
        """The edits that are typed and not committed yet; this commits them."""
        typed = [(number, field.take_changed_text()) for number, field in enumerate(self._fields)]
        found: list[JsonEdit] = [self._build_edit(number, text) for number, text in typed if text is not None]
        if self.message.call_id is not None and self._call_id.text() != self.message.call_id:
            found.append(self._call_id_edit())
        return found

    def focus_text(self) -> None:
        """Focus the content field, or the role when there is none."""
        target: QWidget = self._fields[0] if self._fields else self.role
        target.setFocus(Qt.FocusReason.OtherFocusReason)

    def _show_head(self, first: bool, last: bool) -> None:
        message = self.message
        names = [*checks.ROLES, *([] if message.role in checks.ROLES else [message.role])]
        if names != [self.role.itemText(index) for index in range(self.role.count())]:
            self.role.clear()
            self.role.addItems(names)
        self.role.setCurrentText(message.role)
        self.role.setEnabled(message.readable)
        answers = checks.role_of({"role": message.role}) == "assistant"
        # Of two answers, which one is better is learned, and not either of them.
        has_weight = answers and message.path.startswith(CHAT_PATH)
        self.weight.setVisible(message.readable and (has_weight or message.weight is not None))
        self.weight.setCurrentIndex(1 if message.weight == 0 else 0)
        self._name.setText(tr("name: {name}", name=message.name) if message.name else "")
        self.up_button.setEnabled(not first)
        self._down.setEnabled(not last)
        self._call_action.setVisible(answers)
        self.call_row.setVisible(message.call_id is not None or message.role == "tool")
        if not self._call_id.hasFocus() or self._call_id.text() == message.call_id:
            self._call_id.setText(message.call_id or "")

    def _show_calls(self) -> None:
        self.calls_button.setVisible(bool(self.message.calls))
        text = ", ".join(_format_calls(self.message.calls))
        self.calls_button.setText(tr("Calls: {calls}", calls=clip(text, MAX_CALLS_CHARACTERS)).replace("&", "&&"))
        basics.explain(self.calls_button, clip(text, 2000) if len(text) > MAX_CALLS_CHARACTERS else "")

    def _rebuild(self) -> None:
        """Build new fields: reused ones would keep another message's undo history."""
        self._fields = []
        while item := self._body.takeAt(0):
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        for part in self.message.parts:
            self._body.addWidget(self._build_field(tr("Text")) if part.kind == "text" else _build_chip(part))
        if self.message.refusal:
            self._body.addWidget(basics.label(tr("Refusal"), dim=True))
            self._body.addWidget(self._build_field(tr("Refusal")))

    def _build_field(self, name: str) -> CommittedTextEdit:
        field = CommittedTextEdit(name, least=1, most=MAX_FIELD_LINES)
        number = len(self._fields)
        field.committed.connect(lambda text: self.changed.emit(self._build_edit(number, text)))
        self._fields.append(field)
        return field

    def _build_edit(self, number: int, text: str) -> JsonEdit:
        """The edit that writes `text` where the field `number` belongs: a text part, or the refusal after them."""
        path = self.message.path
        texts = [part for part in self.message.parts if part.kind == "text"]
        if number == len(texts):
            return SetString(path, "refusal", text)
        return SetText(path, text, texts[number].number)

    def _call_id_edit(self) -> SetString:
        return SetString(self.message.path, "tool_call_id", self._call_id.text())

    def _on_weight(self, _index: int) -> None:
        self.changed.emit(SetWeight(self.message.path, self.weight.currentData()))

    def _move(self, steps: int, _checked: bool = False) -> None:
        self.changed.emit(MoveMessage(self.message.path, steps))

    def _delete(self, _checked: bool = False) -> None:
        self.changed.emit(DeleteMessage(self.message.path))

    def _insert(self, after: int) -> None:
        section, _, number = self.message.path.rpartition("[")
        role = "user" if self.message.role == "assistant" else "assistant"
        self.changed.emit(AddMessage(f"{section}[{int(number[:-1]) + after}]", role))

    def _on_call_id(self) -> None:
        if self._call_id.text() != (self.message.call_id or ""):
            self.changed.emit(self._call_id_edit())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        palette = self.palette()
        painter.setPen(palette.color(QPalette.ColorRole.Mid))
        painter.setBrush(palette.color(QPalette.ColorRole.AlternateBase))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), style.RADIUS, style.RADIUS)
        inset = style.SPACE // 3  # inside of the round corners
        painter.fillRect(QRectF(1, inset, STRIPE_WIDTH, self.height() - 2 * inset), self._stripe_colour())

    def _stripe_colour(self) -> QColor:
        if self._meaning:
            return style.colours(self._meaning)[0]
        if self.message.role == "assistant":
            return style.accent()
        meaning = {"system": "note", "developer": "note", "tool": "warning", "function": "warning"}
        if self.message.role in meaning:
            return style.colours(meaning[self.message.role])[0]
        return self.palette().color(QPalette.ColorRole.Mid)


def _field_layout(message: RowMessage) -> tuple[object, ...]:
    """What determines the fields of a card."""
    parts = ((part.kind, part.number) if part.kind == "text" else part for part in message.parts)
    return (*parts, bool(message.refusal))


def _field_texts(message: RowMessage) -> list[str]:
    """The texts of a card's fields."""
    texts = [part.text for part in message.parts if part.kind == "text"]
    return [*texts, message.refusal] if message.refusal else texts


def _format_calls(calls: str) -> Iterator[str]:
    value = json.loads(calls) if calls else []
    for call in value if isinstance(value, list) else [{"function": value}]:
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict):
            yield f"{function.get('name', '')}({function.get('arguments', '')})"
        else:
            yield "?"


def _build_chip(part: ContentPart) -> QLabel:
    """A label for content that cannot be typed: an image, which is never fetched, or other JSON."""
    if part.kind == "other":
        words = clip(part.text, MAX_ADDRESS_CHARACTERS)
    elif part.bytes:
        kind = part.text[len("data:") :].partition(";")[0]
        words = tr("Image in the row: {kind}, {size}", kind=clip(kind), size=basics.format_bytes(part.bytes))
    else:
        words = tr("Image at {address}", address=clip(part.text, MAX_ADDRESS_CHARACTERS))
    chip = basics.label(words, dim=True)
    chip.setFrameShape(QFrame.Shape.StyledPanel)
    chip.setMargin(style.SPACE // 3)
    basics.explain(chip, clip(part.text, 500) if len(part.text) > MAX_ADDRESS_CHARACTERS else "")
    return chip


def _build_tool_button(text: str, name: str, keys: str = "") -> QToolButton:
    button = basics.tool_button(text, name)
    shown = QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
    button.setToolTip(f"{name} ({shown})" if keys else name)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button


def _build_row(*parts: QWidget) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    for part in parts:
        layout.addWidget(part)
    layout.addStretch()
    return row
