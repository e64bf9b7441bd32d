"""Takes the calls of tools out of a completion, piece by piece as it comes."""

import json
from dataclasses import dataclass, field

from core.engine.http.protocol import Json, new_id
from core.engine.http.structured_output import CALL_ARGUMENTS, CALL_CLOSE, CALL_NAME
from core.engine.models.tool_syntax import CALL_BEGIN


@dataclass
class ToolCall:
    """One call: `arguments` is the JSON text as far as it has come."""

    name: str
    id: str = field(default_factory=lambda: new_id("call_"))
    arguments: str = ""

    def to_json(self) -> Json:
        """The protocol's object."""
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": self.arguments}}


@dataclass(frozen=True)
class Piece:
    """What came: text of the answer; or a call that begins (`call` 0, 1, …, with its `tool_call`), and then pieces of
    its arguments."""

    text: str = ""
    call: int | None = None
    tool_call: ToolCall | None = None
    arguments: str = ""


class ToolCallParser:
    """Parses one completion that a tool grammar has formed. `content`: the text beside the calls, so far."""

    def __init__(self) -> None:
        self.content = ""
        self.calls: list[ToolCall] = []
        self._rest = ""
        self._is_inside = False  # the arguments of the last call

    def feed(self, text: str) -> list[Piece]:
        """The pieces that are certain after more text."""
        self._rest += text
        pieces: list[Piece] = []
        while (step := self._step_arguments() if self._is_inside else self._step_text()) is not None:
            pieces += step
        return [piece for piece in pieces if piece.text or piece.tool_call or piece.arguments]

    def flush(self) -> list[Piece]:
        """The pieces that were held back, when the completion has ended: a call may be cut off."""
        rest, self._rest = self._rest, ""
        if self._is_inside:
            # What was held back begins the end of the call, unless the arguments lack it.
            return [self._add_arguments(rest)] if rest and not _is_json(self.calls[-1].arguments) else []
        # A call that was cut off before its function's name was whole calls nothing.
        text = "" if rest.startswith(CALL_BEGIN) or self.calls else rest
        return [self._add_text(text)] if text else []

    def _step_text(self) -> list[Piece] | None:
        """Text up to the head of a call; None when more has to come first."""
        begin = self._rest.find(CALL_BEGIN)
        if begin < 0:
            certain = len(self._rest) - _overlap(self._rest, CALL_BEGIN)
            text, self._rest = self._rest[:certain], self._rest[certain:]
            return [self._add_text(text)] if text else None
        text, self._rest = self._rest[:begin], self._rest[begin:]
        end = self._rest.find(CALL_ARGUMENTS)
        if end < 0:
            return [self._add_text(text)] if text else None
        before = self._add_text(text)
        call = ToolCall(self._rest[len(CALL_NAME) : end])
        self._rest, self._is_inside = self._rest[end + len(CALL_ARGUMENTS) :], True
        self.calls.append(call)
        return [before, Piece(call=len(self.calls) - 1, tool_call=call)]

    def _step_arguments(self) -> list[Piece] | None:
        """Arguments up to the end of the call. Inside of JSON no line ends, so the end is the first one found."""
        end = self._rest.find(CALL_CLOSE)
        if end >= 0:
            text, self._rest, self._is_inside = self._rest[:end], self._rest[end + len(CALL_CLOSE) :], False
            return [self._add_arguments(text)]
        certain = len(self._rest) - _overlap(self._rest, CALL_CLOSE)
        text, self._rest = self._rest[:certain], self._rest[certain:]
        return [self._add_arguments(text)] if text else None

    def _add_text(self, text: str) -> Piece:
        if self.calls:
            return Piece()  # the line break between two calls
        self.content += text
        return Piece(text=text)

    def _add_arguments(self, text: str) -> Piece:
        self.calls[-1].arguments += text
        return Piece(call=len(self.calls) - 1, arguments=text)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _overlap(text: str, mark: str) -> int:
    """How many of the last characters of `text` begin `mark`."""
    longest = min(len(text), len(mark) - 1)
    return next((size for size in range(longest, 0, -1) if text.endswith(mark[:size])), 0)
