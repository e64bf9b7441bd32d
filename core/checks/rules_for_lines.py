"""The rules of a file and of its lines, independent of the rows in them."""

from core.checks.rule_type import Rule
from core.language import tr

LINE_RULES = [
    Rule(
        "encoding",
        "error",
        lambda: (tr("Not UTF-8"), tr("The line's bytes are not UTF-8, the encoding of JSON Lines.")),
        fixable=True,
    ),
    Rule(
        "json-broken",
        "error",
        lambda: (tr("Broken JSON"), tr("The line is not valid JSON; the column shows where it breaks.")),
        fixable=True,
    ),
    Rule(
        "not-object",
        "error",
        lambda: (tr("Not an object"), tr("A row is one JSON object, in curly braces.")),
    ),
    Rule(
        "too-deep",
        "error",
        lambda: (tr("Nested too deeply"), tr("Brackets are nested deeper than any training row needs.")),
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
            tr("Unpaired surrogate"),
            tr("An escape is an unpaired surrogate, which UTF-8 cannot represent."),
        ),
    ),
    Rule(
        "number-invalid",
        "error",
        lambda: (
            tr("Invalid number"),
            tr("NaN, Infinity and numbers that are too large are not valid JSON for other programs."),
        ),
    ),
    Rule(
        "duplicate-key",
        "error",
        lambda: (tr("Duplicate key"), tr("An object has the same key twice; readers keep only one of the values.")),
    ),
]

FILE_RULES = [
    Rule(
        "not-json-lines",
        "error",
        lambda: (
            tr("Not JSON Lines"),
            tr("The rows can be read, but not as one JSON object in each line, which is what services take."),
        ),
    ),
    Rule(
        "form-other",
        "warning",
        lambda: (
            tr("Rows of another form"),
            tr("Juku converts the rows when it imports them; services for chat models take messages only."),
        ),
    ),
    Rule(
        "form-near",
        "note",
        lambda: (tr("Rows with parts of a request"), tr("Juku removes what belongs to a request and not to a row.")),
    ),
    Rule(
        "form-mixed",
        "warning",
        lambda: (tr("Rows of several forms"), tr("The rows of the file do not all have the same form.")),
    ),
    Rule(
        "form-unsupported",
        "error",
        lambda: (
            tr("Nothing to train on"),
            tr("The row has no question, no answer, or a form that cannot be trained on."),
        ),
    ),
    Rule("blank", "warning", lambda: (tr("Blank line"), tr("A line has no data; some services reject the file."))),
    Rule(
        "duplicate-row",
        "warning",
        lambda: (tr("Duplicate row"), tr("The line is identical to an earlier one.")),
        fixable=True,
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
        lambda: (tr("UTF-16 file"), tr("The file is UTF-16; Juku reads it, but services accept only UTF-8.")),
    ),
    Rule(
        "encoding-cp932",
        "warning",
        lambda: (tr("CP932 file"), tr("The file is CP932 (Shift_JIS); Juku reads it, but services accept only UTF-8.")),
    ),
    Rule(
        "encoding-cp1252",
        "warning",
        lambda: (tr("CP1252 file"), tr("The file is CP1252 (Latin-1); Juku reads it, but services accept only UTF-8.")),
    ),
    Rule(
        "service-refuses",
        "error",
        lambda: (
            tr("A service refuses it"),
            tr("The service that the check was asked for does not accept this, by its published rules."),
        ),
    ),
    Rule(
        "encoding-other",
        "warning",
        lambda: (
            tr("Not UTF-8"),
            tr("The file has an older encoding; Juku reads it, but services accept only UTF-8."),
        ),
    ),
    Rule(
        "cells-count",
        "error",
        lambda: (tr("Wrong number of cells"), tr("A table row has more or fewer cells than the header.")),
    ),
    Rule(
        "quote-unclosed",
        "error",
        lambda: (
            tr("Unclosed quotation mark"),
            tr("A table cell begins with a quotation mark that is not closed properly."),
        ),
    ),
]
