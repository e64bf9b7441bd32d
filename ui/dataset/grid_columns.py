"""The columns of the grid: content, width, sort order, and whether they can be edited."""

from dataclasses import dataclass

from core.checks import RULES
from core.dataset import examples
from core.dataset.examples import Example
from core.dataset.filters import ANY, Term
from core.language import tr
from ui.widgets.value_texts import value_text

PREVIEW_CHARACTERS = 400  # characters: a cell never lays out a whole book


@dataclass(frozen=True, slots=True)
class GridColumn:
    """A column of the grid.

    `order` is its name in `filters.SORT_COLUMNS`; `choices` are the allowed values, if limited.
    """

    name: str
    width: int
    order: str
    editable: bool = True
    shown: bool = True
    choices: tuple[str, ...] = ()
    long: bool = False  # text over several lines


ALL_COLUMNS = (
    GridColumn("problems", 72, "problems", editable=False),
    GridColumn("question", 330, "question", long=True),
    GridColumn("answer", 330, "answer", long=True),
    GridColumn("split", 92, "split", choices=examples.SPLITS),
    GridColumn("kind", 104, "kind", choices=("", *examples.KINDS)),
    GridColumn("status", 96, "status", choices=examples.STATUSES),
    GridColumn("facts", 84, "facts"),
    GridColumn("tags", 110, "tags"),
    GridColumn("notes", 160, "notes", shown=False, long=True),
    GridColumn("key_points", 160, "key_points", shown=False, long=True),
    GridColumn("quote", 160, "quote", shown=False, long=True),
    GridColumn("length", 84, "length", editable=False, shown=False),
    GridColumn("source", 140, "source", editable=False, shown=False),
    GridColumn("line", 76, "line", editable=False, shown=False),
)
COLUMNS = tuple(column.name for column in ALL_COLUMNS)
CHOICES = frozenset(column.name for column in ALL_COLUMNS if column.choices)
FILTER_FIELDS = {
    "split": "split", "kind": "kind", "status": "status", "source": "source",
    "tags": "tag", "facts": "fact", "problems": "rule",
}  # fmt: skip
SEVERAL_VALUES = frozenset(("tags", "facts", "problems"))  # separated by spaces
NUMBER_COLUMNS = frozenset(COLUMNS.index(name) for name in ("length", "line"))


def headings() -> list[str]:
    """The titles of `ALL_COLUMNS`, in the language of the screen."""
    return [
        tr("Check"), tr("Question"), tr("Answer"), tr("Split"), tr("Kind"), tr("Status"), tr("Facts"), tr("Tags"),
        tr("Notes"), tr("Key points"), tr("Source passage"), tr("Length"), tr("Source"), tr("Line"),
    ]  # fmt: skip


def cell_value(example: Example, name: str) -> str:
    """The whole stored value of a cell, to edit or copy."""
    if name == "length":
        return str(len(example.question) + len(example.answer))
    if name == "line":
        return "" if example.line is None else str(example.line)
    stored: str = getattr(example, name)
    return stored


def filter_terms(example: Example, name: str) -> tuple[Term, ...]:
    """The conditions under which a row has the same value in the column `name`; none if it cannot be filtered by."""
    if name not in FILTER_FIELDS:
        return ()
    value = cell_value(example, name)
    values = value.split() if name in SEVERAL_VALUES else [value] if value else []
    return tuple(Term(FILTER_FIELDS[name], one) for one in values) or (Term(FILTER_FIELDS[name], ANY, excluded=True),)


def cell_text(example: Example) -> tuple[str, ...]:
    """The texts of a row's cells in the order of `ALL_COLUMNS`, each as one shortened line."""
    return tuple(_format_cell(example, name) for name in COLUMNS)


def _format_cell(example: Example, name: str) -> str:
    if name == "problems":
        return format_problem_mark(example.problems)
    if name in ("length", "line"):
        number = cell_value(example, name)
        return f"{int(number):,}" if number else ""
    if name in CHOICES:
        return value_text(cell_value(example, name))
    # Line breaks of every kind, tabs too: a cell is one line.
    return " ".join(cell_value(example, name)[:PREVIEW_CHARACTERS].split())


def severity(problems: str) -> str:
    """The worst severity among rule ids separated by spaces."""
    errors = any(RULES[rule].severity == "error" for rule in problems.split())
    return "error" if errors else "warning"


def format_problem_mark(problems: str) -> str:
    """A symbol and a number, so severities differ without colour too."""
    if not problems:
        return ""
    return f"{'✖' if severity(problems) == 'error' else '⚠'} {len(problems.split())}"


def cell_meanings(example: Example) -> dict[int, str]:
    """The coloured cells of a row, by column: error, warning or good."""
    found = {}
    if example.problems:
        found[COLUMNS.index("problems")] = severity(example.problems)
    if example.status == "draft":
        found[COLUMNS.index("status")] = "warning"
    elif example.status == "rejected":
        found[COLUMNS.index("status")] = "error"
    return found
