"""The rules by name, so that screen, command line and guide speak of the same ones."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from core.language import tr

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """What a check found. `path` is a JSON path such as `$.messages[1].role`, or '' for the whole line."""

    rule: str
    severity: Severity
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Rule:
    """`words` gives title and explanation in the language chosen when it is called."""

    id: str
    severity: Severity
    words: Callable[[], tuple[str, str]]
    fixable: bool = False

    def title(self) -> str:
        return self.words()[0]

    def explanation(self) -> str:
        return self.words()[1]


def problem(rule: str, path: str, message: str) -> Problem:
    """A problem of a known rule, with that rule's severity."""
    return Problem(rule, RULES[rule].severity, path, message)


def clip(text: str, length: int = 40) -> str:
    """Foreign text made safe to stand in a message: short, on one line, without control characters."""
    short = text if len(text) <= length else text[: length - 1] + "…"
    return "".join(c if c.isprintable() else "\ufffd" for c in short)


_LINE_RULES = [
    Rule(
        "encoding",
        "error",
        lambda: (tr("Not UTF-8"), tr("The line's bytes are not UTF-8, the encoding of JSON Lines.")),
        fixable=True,
    ),
    Rule(
        "json-broken",
        "error",
        lambda: (tr("Broken JSON"), tr("The line cannot be read as JSON; the column says where it breaks.")),
        fixable=True,
    ),
    Rule(
        "not-object",
        "error",
        lambda: (tr("Not an object"), tr("A row is one JSON object, in curly brackets.")),
    ),
    Rule(
        "too-deep",
        "error",
        lambda: (tr("Nested too deep"), tr("Brackets are nested deeper than any training row needs.")),
    ),
    Rule(
        "too-long",
        "error",
        lambda: (tr("Line too long"), tr("The line is larger than any training row can be.")),
    ),
    Rule(
        "lone-surrogate",
        "error",
        lambda: (
            tr("Half a character"),
            tr("An escape stands for one half of a character, which no UTF-8 text can hold."),
        ),
    ),
    Rule(
        "number-invalid",
        "error",
        lambda: (
            tr("Invalid number"),
            tr("NaN, Infinity and numbers too large to read are not JSON that others can read."),
        ),
    ),
    Rule(
        "duplicate-key",
        "error",
        lambda: (tr("Key twice"), tr("An object has the same key twice; readers keep only one of the values.")),
    ),
]

_FILE_RULES = [
    Rule("blank", "warning", lambda: (tr("Blank line"), tr("A line holds no row; some services reject the file."))),
    Rule(
        "duplicate-row",
        "warning",
        lambda: (tr("Same row twice"), tr("The line is the same as an earlier one, byte for byte.")),
    ),
    Rule(
        "too-few-rows",
        "error",
        lambda: (tr("Too few rows"), tr("A training file needs at least ten rows.")),
    ),
    Rule(
        "encoding-bom",
        "warning",
        lambda: (tr("Byte order mark"), tr("The file starts with a byte order mark, which some services reject.")),
    ),
    Rule(
        "encoding-utf-16",
        "warning",
        lambda: (tr("UTF-16 file"), tr("The file is UTF-16; it is read, but services take UTF-8 only.")),
    ),
    Rule(
        "encoding-cp932",
        "warning",
        lambda: (tr("CP932 file"), tr("The file is CP932 (Shift_JIS); it is read, but services take UTF-8 only.")),
    ),
    Rule(
        "encoding-cp1252",
        "warning",
        lambda: (tr("CP1252 file"), tr("The file is CP1252 (Latin-1); it is read, but services take UTF-8 only.")),
    ),
    Rule(
        "cells-count",
        "error",
        lambda: (tr("Wrong number of cells"), tr("A line of a table has more or fewer cells than the table's head.")),
    ),
    Rule(
        "quote-unclosed",
        "error",
        lambda: (tr("Quote not closed"), tr("A cell of a table begins with a quote that does not end it properly.")),
    ),
]

_ROW_RULES = [
    Rule(
        "messages-missing",
        "error",
        lambda: (tr("No messages"), tr("A row holds its conversation as a list under the key messages.")),
    ),
    Rule(
        "messages-empty",
        "error",
        lambda: (tr("Empty conversation"), tr("The list of messages is empty.")),
    ),
    Rule(
        "message-not-object",
        "error",
        lambda: (tr("Message is not an object"), tr("A message is an object with a role and a content.")),
    ),
    Rule(
        "role-missing",
        "error",
        lambda: (tr("No role"), tr("A message does not say who speaks.")),
    ),
    Rule(
        "role-unknown",
        "error",
        lambda: (
            tr("Unknown role"),
            tr("A role is one of system, developer, user, assistant, tool and function."),
        ),
        fixable=True,
    ),
    Rule(
        "content-missing",
        "error",
        lambda: (tr("No content"), tr("A message has no content; only an assistant's call may do without.")),
    ),
    Rule(
        "content-empty",
        "error",
        lambda: (tr("Empty content"), tr("A message's content is empty or only blanks.")),
    ),
    Rule(
        "content-type",
        "error",
        lambda: (tr("Content of a wrong kind"), tr("Content is a text, or a list of text and image parts.")),
    ),
    Rule(
        "assistant-missing",
        "error",
        lambda: (tr("No answer to learn"), tr("No assistant message of the row is trained on.")),
    ),
    Rule(
        "last-not-assistant",
        "error",
        lambda: (tr("No answer at the end"), tr("The last message should be the assistant's.")),
    ),
    Rule(
        "weight-invalid",
        "error",
        lambda: (tr("Invalid weight"), tr("A weight is 0 or 1, and stands in assistant messages only.")),
    ),
    Rule(
        "key-unknown",
        "warning",
        lambda: (tr("Unknown key"), tr("A key is not part of the format; some services reject the row.")),
    ),
    Rule(
        "value-type",
        "error",
        lambda: (tr("Value of a wrong kind"), tr("A known key holds a value that the format does not allow.")),
    ),
    Rule(
        "special-token",
        "error",
        lambda: (tr("Special token in text"), tr("A text holds a token that is reserved for the model.")),
    ),
    Rule(
        "tool-call-unanswered",
        "error",
        lambda: (
            tr("Tool call without a result"),
            tr("Each tool call is followed by a tool message with its result, unless it ends the row."),
        ),
    ),
    Rule(
        "tool-call-id-unknown",
        "error",
        lambda: (tr("Result of no call"), tr("A tool message answers a call that was not made before it.")),
    ),
    Rule(
        "tool-arguments-invalid",
        "error",
        lambda: (tr("Invalid arguments"), tr("A call's arguments are a text that holds a JSON object.")),
    ),
    Rule(
        "image-role",
        "error",
        lambda: (tr("Image in a wrong place"), tr("Images stand in user messages only.")),
    ),
    Rule(
        "old-format",
        "error",
        lambda: (
            tr("Old format"),
            tr("The row is a prompt/completion pair, for models that are no longer trained."),
        ),
    ),
    Rule(
        "whitespace",
        "warning",
        lambda: (tr("Blanks at the edge"), tr("A content begins or ends with blanks or line breaks.")),
        fixable=True,
    ),
]

RULES: dict[str, Rule] = {rule.id: rule for rule in [*_LINE_RULES, *_FILE_RULES, *_ROW_RULES]}
