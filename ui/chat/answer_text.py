"""An answer's text as it comes: as quick to add to at its end as at its beginning."""

import re

from ui.spec.spec_chat_messages import MessageText

LINES = 400  # of an answer that are shown at full height; a longer one scrolls in its field
RUN = 4000  # characters without a line break that are laid out as one; more would be laid out anew at every piece


class AnswerText(MessageText):
    """Text to the letter. Endless paragraphs are shown in pieces; `text` has them whole."""

    def __init__(self, name: str) -> None:
        super().__init__(name, most=LINES)
        self._text = ""
        self._run = 0  # characters since the last line break that is shown
        self.is_broken = False  # whether line breaks are shown that are none of the text's

    def text(self) -> str:
        return self._text

    def add(self, piece: str) -> None:
        """More of the text has come."""
        self._text += piece
        self.append(self._shown(piece))

    def say(self, text: str) -> None:
        """Show `text`; what of it is shown already stays."""
        if not text.startswith(self._text):
            self._text, self._run, self.is_broken = "", 0, False
            self.setPlainText("")
        if rest := text[len(self._text) :]:
            self.add(rest)

    def _shown(self, piece: str) -> str:
        parts: list[str] = []
        for line in re.split("(\n)", piece):
            if line == "\n":
                self._run = 0
                parts.append(line)
                continue
            while self._run + len(line) > RUN:
                room = RUN - self._run
                parts.append(f"{line[:room]}\n")
                line, self._run, self.is_broken = line[room:], 0, True
            self._run += len(line)
            parts.append(line)
        return "".join(parts)
