"""Edits the calls of an answer, or the tools of a row, as JSON that is checked while it is typed."""

from PySide6.QtWidgets import QWidget

from core import checks
from core.checks import Checked
from core.dataset import row_edits
from core.errors import FormatError
from core.language import tr
from ui.widgets.json_dialog import JsonDialog

CALLS = '[{"id": "call_1", "type": "function", "function": {"name": "", "arguments": "{}"}}]'
TOOLS = (
    '[{"type": "function", "function": {"name": "", "description": "", '
    '"parameters": {"type": "object", "properties": {}}}}]'
)
ROW = '{"messages": [{"role": "assistant"}]}'
CALLS_PATH, TOOLS_PATH = "$.messages[0]", "$.tools"


class ToolCallDialog(JsonDialog):
    """`saved` gives JSON text, '' when all of it was deleted."""

    def __init__(self, title: str, text: str, tools: bool = False, key: str = "tool_calls",
                 parent: QWidget | None = None) -> None:  # fmt: skip
        self._tools, self._key = tools, key
        about = (
            tr("The tools that the model may call: a list of functions, each with a name and its parameters.")
            if tools
            else tr(
                "The arguments of a call are a JSON object written as a string. Delete everything to remove the call."
            )
        )
        super().__init__(title, text or (TOOLS if tools else CALLS), about, parent)
        if not text:
            self._before = ""

    def check(self, text: str) -> Checked:
        """What is wrong with the calls alone, at the paths they have in the list."""
        if not text.strip():
            return Checked("", [])
        try:
            row = (
                row_edits.set_tools(ROW, text)
                if self._tools
                else row_edits.set_tool_calls(ROW, CALLS_PATH, text, self._key)
            )
        except FormatError as error:
            broken = checks.check_line(text.encode("utf-8", "surrogatepass")).problems
            reasons = [problem for problem in broken if problem.rule == "json-broken"]
            return Checked(None, reasons or [checks.problem("json-broken", "", error.message)])
        place = TOOLS_PATH if self._tools else f"{CALLS_PATH}.{self._key}"
        found = [problem for problem in checks.check_line(row.encode()).problems if problem.path.startswith(place)]
        return Checked(row, found)
