"""A file to import: its recognised format, the meaning of its columns, and a preview of its rows."""

from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from core import formats
from core.dataset import examples
from core.errors import JukuError
from core.formats import DETECTED, DetectedFormat, ReadingOptions, column_mapping, describe_reading, detect
from core.formats.format_detection import TABLE_SUFFIXES
from core.formats.forms import FORMS, batch
from core.formats.jsonl import system_prompt
from core.language import end_sentence, tr, trn
from core.progress import Reporter

MAX_SHOWN_COLUMNS = 100
PREVIEW_ROWS = 20  # rows in the preview
OWN_ENCODINGS = ("utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "cp932", "cp1252")  # known without a doubt


class RowPreview(NamedTuple):
    """A row as it will be imported: its texts by field, or why it will go to the quarantine."""

    line: int
    fields: dict[str, str]
    problem: str = ""


@dataclass
class ImportSource:
    """One file and how it is to be read. `error` when it cannot be read at all."""

    path: Path
    name: str
    detected: DetectedFormat = DetectedFormat("")  # noqa: RUF009
    head: bool = True
    encoding: str = ""
    form: str = ""  # a person's choice; '' is what was detected
    meaning: dict[str, str] = field(default_factory=dict)  # field by column
    error: JukuError | None = None
    pasted: bool = False  # not a person's file: its encoding is ours
    is_settled: bool = False  # a person has said how the file is to be read
    delimiter: str = ""
    requests: Path | None = None  # the other file of a batch
    note: str = ""  # what else is to be told of it

    def recognise(self, options: ReadingOptions = DETECTED) -> None:
        """Detect the format, with what is given or detected. Slow; an error is stored in `error`."""
        options = replace(options, requests=self.requests)
        self.is_settled = options != DETECTED
        try:
            self.detected = detect(self.path, options)
        except JukuError as error:
            self.error = error
            return
        self.error, self.form = None, options.format
        self.encoding, self.delimiter = self.detected.encoding, self.detected.delimiter
        self.set_head(self.detected.has_head or column_mapping.is_above_numbers(self.detected.sample))

    def is_table(self) -> bool:
        """Whether the file has columns, or JSON rows have keys, whose fields a person can choose."""
        return self.error is None and (self.detected.is_table or bool(self.detected.columns))

    def needs_answer(self) -> bool:
        """Whether a person is to see how the file will be read, before it is imported."""
        return self.is_table() or (
            self.error is None
            and (bool(self.detected.doubts) or self.encoding not in OWN_ENCODINGS or self.is_converted())
        )

    def is_half_batch(self) -> bool:
        """Whether the file is one of the two of a batch, and the other is not known."""
        return any(doubt.about in (batch.REQUESTS, batch.ANSWERS) for doubt in self.detected.doubts)

    def is_converted(self) -> bool:
        """Whether the rows have another form than those of services for chat models, or several."""
        return not self.is_table() and (
            len(self.detected.forms) > 1
            or (self.detected.format in FORMS and not FORMS[self.detected.format].is_native)
        )

    def describe_doubts(self) -> str:
        """What was guessed and is to be looked at, as text; once a person has chosen, only what else is to be told."""
        if self.is_settled or self.error is not None:
            return self.note
        about = [doubt.about for doubt in self.detected.doubts]
        sentences = [self.note] if self.note else []
        if self.is_table():
            sentences += self.detected.notes
            if (hidden := len(self.names()) - len(self.shown_places())) > 0:
                sentences.append(
                    trn(
                        "{n} more column is not shown, and is ignored.",
                        "{n} more columns are not shown, and are ignored.",
                        hidden,
                    )
                )
        if "encoding" in about or self.encoding not in OWN_ENCODINGS:
            sentences.append(tr("The encoding is a guess: choose the one in which the preview reads well."))
        if "columns" in about:
            sentences.append(tr("The columns are a guess: say what each means, and whether the first row names them."))
        if "form" in about:
            sentences.append(tr("The rows have a form that Juku does not know: say what each key means."))
        if self.is_converted():
            sentences += describe_reading(self.detected)
        return " ".join(sentences)

    def set_head(self, head: bool) -> None:
        """Set whether the first row has the column names, and guess the meanings again."""
        self.head = head
        names = self.names()
        guessed = column_mapping.guess_mapping(names)
        if column_mapping.find_doubt(names, guessed):
            guessed = column_mapping.propose_mapping(names, self.sample())
        self.meaning = {column: field for field, column in guessed.items()}

    def names(self) -> list[str]:
        """The names of the columns: those of the first line if it is the head, else numbers."""
        found, sample = self.detected.columns, self.detected.sample
        numbered = column_mapping.number_columns(len(found))
        if not self.head:
            return numbered
        return column_mapping.unique_names(sample[0]) if found == numbered and sample else found

    def shown_places(self) -> list[int]:
        """Which columns a window shows: the first ones, and those that mean something; thousands would take minutes."""
        names = self.names()
        return [place for place, name in enumerate(names) if place < MAX_SHOWN_COLUMNS or name in self.meaning]

    def sample(self) -> list[list[str]]:
        """The first rows as they are in the file."""
        found, sample = self.detected.columns, self.detected.sample
        if self.detected.has_head == self.head:
            return sample
        return sample[1:] if self.head else [found, *sample]

    def set_field(self, column: str, field: str) -> None:
        """Set the field of a column, '' for none; another column with that field is ignored from now on."""
        self.is_settled = True
        self.meaning = {name: old for name, old in self.meaning.items() if old != field and name != column}
        if field:
            self.meaning[column] = field

    def columns(self) -> dict[str, str] | None:
        """Field -> column; None when the file is not a table."""
        return {field: column for column, field in self.meaning.items()} if self.is_table() else None

    def missing_choice(self) -> str:
        """What still has to be chosen, as text; '' when the file can be imported."""
        if self.error is not None:
            return f"{end_sentence(self.error.title)} {self.error.message}"
        if self.is_half_batch():
            return tr("The answers of a batch and its requests are in two files: choose the other one.")
        if self.is_table() and not any(field in column_mapping.REQUIRED_FIELDS for field in self.meaning.values()):
            return tr("Choose the column with the questions.")
        return ""

    def format(self) -> str:
        """The format to read the file in; '' where each JSON row has its own form."""
        return self.detected.format if self.detected.format in TABLE_SUFFIXES else self.form

    def reading(self) -> ReadingOptions:
        """How the file is to be read, as it was detected or chosen."""
        return ReadingOptions(
            self.format(), self.encoding, self.columns(), self.delimiter, self.detected.sheet, self.requests
        )

    def preview(self) -> list[RowPreview]:
        """The first rows as they will be imported. Raises `JukuError`."""
        return [
            _build_preview(row) for row in islice(formats.read(self.path, Reporter(), self.reading()), PREVIEW_ROWS)
        ]


def _build_preview(row: formats.FileRow) -> RowPreview:
    if row.text is None:
        return RowPreview(row.line.number, {}, row.problems[0].message)
    question, answer = examples.read_previews(row.text)
    fields = {"question": question, "answer": answer, "system": system_prompt(row.text), **row.fields}
    return RowPreview(row.line.number, {name: text for name, text in fields.items() if text})


def recognise_all(sources: list[ImportSource]) -> list[ImportSource]:
    """Recognise the files; the two of a batch become one. Slow, as `recognise` is."""
    for source in sources:
        source.recognise()
    halves = {
        side: [one for one in sources if one.error is None and side in (doubt.about for doubt in one.detected.doubts)]
        for side in (batch.REQUESTS, batch.ANSWERS)
    }
    if len(halves[batch.REQUESTS]) != 1 or len(halves[batch.ANSWERS]) != 1:
        return sources
    (requests,), (answers,) = halves.values()
    answers.requests = requests.path
    answers.recognise()
    return [one for one in sources if one is not requests]
