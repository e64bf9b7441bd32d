"""Text from tokens as they come: whole characters only, and nothing after a stop string."""

from typing import Any

BROKEN = "\ufffd"


class TextStream:
    """Decodes one answer bit by bit. A character may span tokens, a stop string too: both are held back."""

    def __init__(self, tokenizer: Any, stops: list[str]) -> None:
        self._tokenizer, self._stops = tokenizer, stops
        self._ids: list[int] = []
        self._start = self._shown = 0
        self._held = ""
        self.stopped = False

    def add(self, token: int) -> str:
        """The text that is certain now; may be empty."""
        self._ids.append(token)
        before = self._decode(self._ids[self._start : self._shown])
        after = self._decode(self._ids[self._start :])
        if after.endswith(BROKEN) or len(after) <= len(before):
            return ""  # in the middle of a character
        # Decode from a little earlier than what was shown: a token's text depends on the one before it.
        self._start, self._shown = self._shown, len(self._ids)
        return self._release(after[len(before) :])

    def end(self) -> str:
        """What was held back, without a character that never became whole."""
        before = self._decode(self._ids[self._start : self._shown])
        rest = self._decode(self._ids[self._start :])[len(before) :].rstrip(BROKEN)
        released = "" if self.stopped else self._release(rest)
        last, self._held = self._held, ""
        return released if self.stopped else released + last

    def _decode(self, ids: list[int]) -> str:
        text: str = self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text

    def _release(self, text: str) -> str:
        """Everything up to a stop string, or to what may become one."""
        text = self._held + text
        found = [at for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        keep = max((_overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]


def _overlap(text: str, stop: str) -> int:
    """How many of the last characters of `text` begin `stop`."""
    longest = min(len(text), len(stop) - 1)
    return next((size for size in range(longest, 0, -1) if text.endswith(stop[:size])), 0)
