"""Builds conversations from a table with one message in a line: a conversation's id, a role and a text."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from core.checks import check_line
from core.checks.json_positions import dumps
from core.formats import column_mapping
from core.formats.encoded_text_lines import FileLine
from core.formats.forms.speakers import role_of_speaker
from core.formats.jsonl import FileRow


@dataclass
class _Conversation:
    line: FileLine
    metadata: dict[str, str]
    turns: list[tuple[str, str, str]] = field(default_factory=list)  # its place, the speaker, the text


class Conversations:
    """Collects the lines by conversation; those of one need not stand together. An empty id means that of the line above."""

    def __init__(self) -> None:
        self._by_id: dict[str, _Conversation] = {}
        self._last = ""

    def add(self, line: FileLine, cells: Mapping[str, str]) -> None:
        """Add one line of the table, as cells by field."""
        id = self._last = cells.get("conversation", "").strip() or self._last
        if id not in self._by_id:
            self._by_id[id] = _Conversation(line, column_mapping.build_metadata(cells))
        turn = (cells.get("turn", "").strip(), cells["role"].strip(), cells["content"])
        self._by_id[id].turns.append(turn)

    def build_rows(self) -> Iterator[FileRow]:
        """Yield a row for each conversation, with the line on which it begins."""
        for one in self._by_id.values():
            turns = one.turns
            if all(place.isdecimal() for place, _speaker, _text in turns):
                turns = sorted(turns, key=lambda turn: int(turn[0]))
            messages = [{"role": role_of_speaker(speaker), "content": text} for _place, speaker, text in turns]
            text, problems = check_line(dumps({"messages": messages}).encode())
            yield FileRow(one.line, text, problems, one.metadata)
