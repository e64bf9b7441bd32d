"""The editor of a row's messages as cards: edit, add, move, delete; the rest of the row is not changed."""

from collections.abc import Iterator
from functools import partial

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core import checks
from core.checks import CheckedLine
from core.dataset import row_edits, row_json
from core.dataset.row_edits import AddMessage, JsonEdit, SetToolCalls, SetTools
from core.dataset.row_json import RowMessage, Section
from core.errors import FormatError
from core.language import tr, trn
from ui import style
from ui.dataset.message_editor import MessageEditor
from ui.widgets import basics
from ui.widgets.json_dialog import JsonDialog
from ui.widgets.text_fields import CommittedTextEdit

MAX_CARDS_SHOWN = 40  # turns shown at first: a window of thousands of fields would be slow
CALLS_EXAMPLE = '[{"id": "call_1", "type": "function", "function": {"name": "", "arguments": "{}"}}]'
TOOLS_EXAMPLE = (
    '[{"type": "function", "function": {"name": "", "description": "", '
    '"parameters": {"type": "object", "properties": {}}}}]'
)
ROW_EXAMPLE = '{"messages": [{"role": "assistant"}]}'
CALLS_PATH, TOOLS_PATH = "$.messages[0]", "$.tools"


class ConversationEditor(QScrollArea):
    """Shows the messages of a row's JSON text; `changed` gives each edit."""

    changed = Signal(object)  # a JsonEdit

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(tr("Conversation"))
        self._data = ""
        self._most = MAX_CARDS_SHOWN
        self._problems: list[checks.Problem] = []
        self._sections: list[Section] = []
        self._cards: list[MessageEditor] = []
        self.titles: list[QWidget] = []
        page = QWidget()
        self._column = QVBoxLayout(page)
        self._column.setContentsMargins(0, 0, style.SPACE // 2, 0)
        self._column.setSpacing(style.SPACE // 2)
        self._make_foot()
        self.setWidget(page)

    def _make_foot(self) -> None:
        self.nothing = basics.label(tr("This row has no conversation yet. Add the first message."), wrap=True, dim=True)
        self.further_button = QPushButton()
        self.further_button.clicked.connect(self._on_further)
        self.add_button = QPushButton(style.icon("add"), "")
        self.add_button.setShortcut("Ctrl+Shift+Return")
        basics.explain(self.add_button, self.add_button.shortcut().toString(QKeySequence.SequenceFormat.NativeText))
        self.add_button.clicked.connect(lambda: self._append(self._next_role()))
        self.roles_button = basics.tool_button("▾", tr("Add a message with another role"))
        basics.explain(self.roles_button, self.roles_button.accessibleName())
        self.roles_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.roles_button.setStyleSheet(style.NO_MENU_ARROW_SHEET)
        menu = QMenu(self.roles_button)
        for role in checks.ROLES:
            menu.addAction(role, partial(self._append, role))
        self.roles_button.setMenu(menu)
        self._tools = QPushButton()
        self._tools.clicked.connect(self._on_tools)
        foot = QHBoxLayout()
        foot.setSpacing(style.SPACE // 2)
        for part in (self.add_button, self.roles_button, self._tools):
            foot.addWidget(part)
        foot.addStretch()
        self._column.addWidget(self.nothing)
        self._column.addWidget(self.further_button, 0, Qt.AlignmentFlag.AlignLeft)
        self._column.addLayout(foot)
        self._column.addStretch()

    def show_row(self, data: str, problems: list[checks.Problem], anew: bool = False) -> None:
        """Show a row's JSON text ('' for none); `anew` when it is another row than before."""
        if anew:
            self._most = MAX_CARDS_SHOWN
            self.verticalScrollBar().setValue(0)
        self._data, self._problems = data, problems
        self._sections = row_json.read_sections(data) if data else []
        self._show_cards()
        self.nothing.setVisible(bool(data) and not any(section.messages for section in self._sections))
        self.add_button.setText(tr("Add a message: {role}", role=self._next_role()))
        declared = row_json.read_tools(data) if data else ""
        self._tools.setText(tr("Tools…") if declared else tr("Add tools…"))
        for part in (self._tools, self.add_button, self.roles_button):
            part.setVisible(bool(data))

    def field(self, role: str) -> CommittedTextEdit | None:
        """The text field of the last message of `role`."""
        found = (card for card in reversed(self.visible_cards()) if checks.role_of({"role": card.message.role}) == role)
        return next((card.fields()[0] for card in found if card.fields()), None)

    def focus(self, path: str) -> None:
        """Focus the message that contains a problem's JSON path."""
        numbers = [i for i, message in enumerate(self._all_messages()) if _is_inside(path, message.path)]
        if numbers and numbers[0] >= self._most:
            self._most = numbers[0] + 1
            self._show_cards()
        for card in self.visible_cards():
            if _is_inside(path, card.message.path):
                card.focus_text()
                # Only now are the cards as high as their texts.
                QTimer.singleShot(0, card, lambda card=card: self.ensureWidgetVisible(card))

    def pending(self) -> list[JsonEdit]:
        """The edits that are typed and not committed yet; this commits them."""
        return [edit for card in self.visible_cards() for edit in card.pending()]

    def _all_messages(self) -> list[RowMessage]:
        return [message for section in self._sections for message in section.messages]

    def visible_cards(self) -> list[MessageEditor]:
        """The cards of the messages that are shown now."""
        return self._cards[: min(self._most, len(self._all_messages()))]

    def _show_cards(self) -> None:
        shown = list(self._messages_with_ends())[: self._most]
        while len(self._cards) < len(shown):
            self._cards.append(self._build_card())
        for card, (message, first, last) in zip(self._cards, shown, strict=False):
            problems = [problem for problem in self._problems if _is_inside(problem.path, message.path)]
            card.show_message(message, first, last, problems)
        for number, card in enumerate(self._cards):
            card.setVisible(number < len(shown))
        self._show_titles(len(shown))
        left = len(self._all_messages()) - len(shown)
        self.further_button.setVisible(left > 0)
        self.further_button.setText(trn("Show {n} more turn", "Show {n} more turns", min(left, MAX_CARDS_SHOWN)))

    def _messages_with_ends(self) -> Iterator[tuple[RowMessage, bool, bool]]:
        """Each message, and whether it is the first and the last of its section."""
        for section in self._sections:
            for number, message in enumerate(section.messages):
                yield message, number == 0, number == len(section.messages) - 1

    def _build_card(self) -> MessageEditor:
        card = MessageEditor()
        card.changed.connect(self.changed)
        card.calls_wanted.connect(self._on_calls)
        self._column.insertWidget(len(self._cards) + len(self.titles), card)
        return card

    def _show_titles(self, count: int) -> None:
        """Show which answer is preferred, above the first card of each section."""
        for title in self.titles:
            self._column.removeWidget(title)
            title.deleteLater()
        self.titles = []
        before = 0
        for section in self._sections:
            if (words := _section_title(section.path)) and before < count:
                title = basics.label(words, dim=True)
                self.titles.append(title)
                place = self._column.indexOf(self._cards[before]) if section.messages else -1
                self._column.insertWidget(place if place >= 0 else 0, title)
            before += len(section.messages)

    def _next_role(self) -> str:
        turns = self._sections[0].messages if self._sections else []
        return "assistant" if turns and turns[-1].role in ("user", "tool", "function") else "user"

    def _append(self, role: str) -> None:
        section = self._sections[0] if self._sections else Section(row_json.CHAT_PATH, [])
        path = f"{section.path}[{len(section.messages)}]"
        self.changed.emit(AddMessage(path, role))
        self.focus(path)

    def _on_further(self) -> None:
        self._most += MAX_CARDS_SHOWN
        self._show_cards()

    def _on_calls(self, message: RowMessage) -> None:
        dialog = ToolCallDialog(tr("Tool calls"), message.calls, key=message.calls_key, parent=self)
        dialog.saved.connect(lambda text: self.changed.emit(SetToolCalls(message.path, text, message.calls_key)))
        dialog.open()

    def _on_tools(self) -> None:
        dialog = ToolCallDialog(tr("Tools of the row"), row_json.read_tools(self._data), tools=True, parent=self)
        dialog.saved.connect(lambda text: self.changed.emit(SetTools(text)))
        dialog.open()


def _is_inside(path: str, place: str) -> bool:
    """Whether a JSON path is `place` or below it."""
    return path == place or path.startswith((f"{place}.", f"{place}["))


def _section_title(path: str) -> str:
    titles = {
        "$.input.messages": tr("Input"),
        "$.preferred_output": tr("Preferred answer"),
        "$.preferred_completion": tr("Preferred answer"),
        "$.non_preferred_output": tr("Other answer"),
        "$.non_preferred_completion": tr("Other answer"),
    }
    return titles.get(path, "")


class ToolCallDialog(JsonDialog):
    """Edits the tool calls of an answer, or the tools of a row, as JSON; `saved` gives the text, '' when it was deleted."""

    def __init__(self, title: str, text: str, tools: bool = False, key: str = "tool_calls",
                 parent: QWidget | None = None) -> None:  # fmt: skip
        self._tools, self._key = tools, key
        explanation = (
            tr("The tools that the model may call: a list of functions, each with a name and its parameters.")
            if tools
            else tr(
                "The arguments of a call are a JSON object written as a string. Delete everything to remove the call."
            )
        )
        super().__init__(title, text or (TOOLS_EXAMPLE if tools else CALLS_EXAMPLE), explanation, parent)
        if not text:
            self._before = ""

    def check(self, text: str) -> CheckedLine:
        """The problems of the calls alone, with paths inside the list."""
        if not text.strip():
            return CheckedLine("", [])
        try:
            row = (
                row_edits.set_tools(ROW_EXAMPLE, text)
                if self._tools
                else row_edits.set_tool_calls(ROW_EXAMPLE, CALLS_PATH, text, self._key)
            )
        except FormatError as error:
            broken = checks.check_line(text.encode("utf-8", "surrogatepass")).problems
            reasons = [problem for problem in broken if problem.rule == "json-broken"]
            return CheckedLine(None, reasons or [checks.problem("json-broken", "", error.message)])
        place = TOOLS_PATH if self._tools else f"{CALLS_PATH}.{self._key}"
        found = [problem for problem in checks.check_line(row.encode()).problems if problem.path.startswith(place)]
        return CheckedLine(row, found)
