"""The rules of a file and of its lines, before anything is known of the rows in them."""

from core.checks.rule import Rule
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

FILE_RULES = [
    Rule("blank", "warning", lambda: (tr("Blank line"), tr("A line holds no row; some services reject the file."))),
    Rule(
        "duplicate-row",
        "warning",
        lambda: (tr("Same row twice"), tr("The line is the same as an earlier one, byte for byte.")),
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
