"""Text from tokens as they come: whole characters only, and nothing from a stop string on."""

from typing import Any

REPLACEMENT_CHARACTER = "\ufffd"


class StreamingDecoder:
    """Decodes one completion token by token. A character or a stop string may span tokens: both are held back."""

    def __init__(self, tokenizer: Any, stop_strings: list[str]) -> None:
        self._tokenizer, self._stop_strings = tokenizer, stop_strings
        self._ids: list[int] = []
        # Ids before `_decoded` are decoded; decoding starts at `_start`, since a token's text depends on the one before.
        self._start = self._decoded = 0
        self._held = ""
        self.stopped = False

    def add(self, token_id: int) -> str:
        """The text that is certain after one more token; may be empty."""
        self._ids.append(token_id)
        before = self._decode(self._ids[self._start : self._decoded])
        after = self._decode(self._ids[self._start :])
        if after.endswith(REPLACEMENT_CHARACTER) or len(after) <= len(before):
            return ""  # in the middle of a character
        self._start, self._decoded = self._decoded, len(self._ids)
        return self._release(after[len(before) :])

    def flush(self) -> str:
        """The text that was held back, without an incomplete character."""
        before = self._decode(self._ids[self._start : self._decoded])
        rest = self._decode(self._ids[self._start :])[len(before) :].rstrip(REPLACEMENT_CHARACTER)
        released = "" if self.stopped else self._release(rest)
        held, self._held = self._held, ""
        return released if self.stopped else released + held

    def _decode(self, ids: list[int]) -> str:
        text: str = self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text

    def _release(self, text: str) -> str:
        """The text up to a stop string, or up to what may become one."""
        text = self._held + text
        found = [index for stop in self._stop_strings if (index := text.find(stop)) >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        length = max((_overlap(text, stop) for stop in self._stop_strings), default=0)
        self._held = text[len(text) - length :]
        return text[: len(text) - length]


def _overlap(text: str, stop: str) -> int:
    """How many of the last characters of `text` begin `stop`."""
    longest = min(len(text), len(stop) - 1)
    return next((size for size in range(longest, 0, -1) if text.endswith(stop[:size])), 0)
