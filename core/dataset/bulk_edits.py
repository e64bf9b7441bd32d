"""Changes to many rows at once: set, tag, prefix, system prompt, find and replace."""

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from core.dataset import examples, filters, row_edits, system_prompts
from core.dataset.examples import METADATA_FIELDS, TEXT_FIELDS, Example
from core.dataset.filters import Choice, Filter
from core.dataset.row_json import read_messages, read_texts
from core.errors import FormatError
from core.formats import jsonl
from core.language import tr
from core.progress import Reporter
from core.spec import facts, spec

CHUNK = 1000
SYSTEM = "system"
DIFFERING = "system-prompt-differs"
JUDGED = ("judge-contradicts", "judge-not-in-text")  # by a judge who refused the row
ROLES = {"question": "user", "answer": "assistant", SYSTEM: "system"}
REPLACEABLE = ("question", "answer", SYSTEM, "tags", "notes", "key_points")


def set_field(db: sqlite3.Connection, ids: Sequence[int], field: str, value: str, reporter: Reporter) -> None:
    """Set one field of all these rows; question and answer are written into their JSON."""
    _change(db, ids, field, lambda _before: value, reporter)


def refused(db: sqlite3.Connection, ids: Sequence[int]) -> list[int]:
    """Those of the rows that a judge has refused (core/generation/row_judging.py)."""
    wanted = " OR ".join("instr(' ' || problems || ' ', ?) > 0" for _rule in JUDGED)
    sql = f"SELECT id FROM example WHERE {wanted}"
    found = {id for (id,) in db.execute(sql, [f" {rule} " for rule in JUDGED])}
    return [id for id in ids if id in found]


def approve(db: sqlite3.Connection, ids: Sequence[int], reporter: Reporter) -> None:
    """Approve the rows, but those that a judge has refused: a person approves these knowingly, by `set_field`."""
    left = set(refused(db, ids))
    set_field(db, [id for id in ids if id not in left], "status", "approved", reporter)


def prefix(db: sqlite3.Connection, ids: Sequence[int], field: str, text: str, reporter: Reporter) -> None:
    """Put `text` before what the field says in all these rows."""
    _change(db, ids, field, lambda before: text + before, reporter)


def add_tag(db: sqlite3.Connection, ids: Sequence[int], tag: str, reporter: Reporter) -> None:
    _change(db, ids, "tags", lambda tags: " ".join(dict.fromkeys([*tags.split(), *tag.split()])), reporter)


def remove_tag(db: sqlite3.Connection, ids: Sequence[int], tag: str, reporter: Reporter) -> None:
    gone = set(tag.split())
    _change(db, ids, "tags", lambda tags: " ".join(word for word in tags.split() if word not in gone), reporter)


def set_system_prompt(db: sqlite3.Connection, ids: Sequence[int], prompt: str, reporter: Reporter) -> None:
    """Give all these rows the same instructions, in place of those they have; '' leaves them none."""
    _change(db, ids, SYSTEM, lambda _before: prompt, reporter)


def delete(db: sqlite3.Connection, ids: Sequence[int], reporter: Reporter) -> None:
    for start in range(0, len(ids), CHUNK):
        examples.delete(db, ids[start : start + CHUNK])
        reporter.update(min(start + CHUNK, len(ids)), len(ids))


@dataclass(frozen=True, slots=True)
class Pattern:
    """What to find and what to put there. Raises `FormatError` when a regular expression or its replacement is wrong."""

    find: str
    replace: str = ""
    regex: bool = False
    match_case: bool = False
    fields: tuple[str, ...] = TEXT_FIELDS

    def __post_init__(self) -> None:
        assert set(self.fields) <= set(REPLACEABLE), self.fields
        try:
            self.substitution()("")
            re.compile(self.find if self.regex else "").sub(self.replace if self.regex else "", "")
        except (re.error, IndexError) as error:
            title = tr("This is not a regular expression")
            raise FormatError(title, tr("{reason}. Nothing was searched or changed.", reason=error)) from error

    def substitution(self) -> Callable[[str], str]:
        """Text to text with every occurrence replaced."""
        flags = 0 if self.match_case else re.IGNORECASE
        pattern = re.compile(self.find if self.regex else re.escape(self.find), flags)
        # Not a template where it is meant to the letter: a backslash there is a backslash.
        replacement = self.replace if self.regex else lambda _match: self.replace
        return lambda text: pattern.sub(replacement, text)


@dataclass(frozen=True, slots=True)
class Replacement:
    """One field of one row, before and after."""

    id: int
    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Preview:
    """The first changes in full, and how many rows would change in all."""

    changes: list[Replacement]
    total: int

    @property
    def more(self) -> bool:
        return self.total > len({change.id for change in self.changes})


def preview(
    db: sqlite3.Connection, pattern: Pattern, choice: Choice, limit: int = 1000, reporter: Reporter | None = None
) -> Preview:
    """What `replace` would do to the chosen rows. Raises `Cancelled`."""
    shown: list[Replacement] = []
    total = 0
    for _row, changes in _replacements(db, pattern, examples.find_ids(db, choice), reporter or Reporter()):
        total += 1
        if len(shown) < limit:
            shown += changes
    return Preview(shown, total)


def replace(db: sqlite3.Connection, pattern: Pattern, choice: Choice, reporter: Reporter) -> None:
    """Replace every occurrence in the chosen rows."""
    _write(db, _replacements(db, pattern, list(examples.find_ids(db, choice)), reporter))


def _change(
    db: sqlite3.Connection, ids: Sequence[int], field: str, change: Callable[[str], str], reporter: Reporter
) -> None:
    if field in METADATA_FIELDS:
        _change_own(db, ids, field, change, reporter)
    else:
        _write(db, _changed(db, ids, (field,), change, reporter))


def _change_own(
    db: sqlite3.Connection, ids: Sequence[int], field: str, change: Callable[[str], str], reporter: Reporter
) -> None:
    """Change what stands beside the texts, which are not read for it."""
    for start in range(0, len(ids), CHUNK):
        reporter.update(start, len(ids))
        chunk = list(ids[start : start + CHUNK])
        rows = db.execute(f"SELECT id, {field} FROM example WHERE id IN ({','.join('?' * len(chunk))})", chunk)
        changed = [(after, id) for id, before in rows if (after := change(before)) != before]
        db.executemany(f"UPDATE example SET {field} = ? WHERE id = ?", changed)


def _replacements(
    db: sqlite3.Connection, pattern: Pattern, ids: Sequence[int], reporter: Reporter
) -> Iterator[tuple[Example, list[Replacement]]]:
    if pattern.find:
        yield from _changed(db, ids, pattern.fields, pattern.substitution(), reporter)


def _changed(
    db: sqlite3.Connection, ids: Sequence[int], fields: Sequence[str], change: Callable[[str], str], reporter: Reporter
) -> Iterator[tuple[Example, list[Replacement]]]:
    """Of all these rows those that change, each with what changes in it."""
    for start in range(0, len(ids), CHUNK):
        reporter.update(start, len(ids))
        for row in examples.iterate(db, ids[start : start + CHUNK]):
            befores = ((field, _text(row, field)) for field in fields)
            changes = [Replacement(row.id, field, before, change(before)) for field, before in befores]
            if changes := [one for one in changes if one.after != one.before]:
                yield row, changes


def _text(row: Example, field: str) -> str:
    return jsonl.system(row.data) if field == SYSTEM else getattr(row, field)


def _write(db: sqlite3.Connection, changed: Iterator[tuple[Example, list[Replacement]]]) -> None:
    """Own fields where they stand, texts into the rows' JSON, as many rows a time as share a pack."""
    texts: list[tuple[int, str]] = []
    for row, changes in changed:
        data = row.data
        for change in changes:
            if change.field in METADATA_FIELDS:
                db.execute(f"UPDATE example SET {change.field} = ? WHERE id = ?", (change.after, row.id))
            else:
                data = _said(data, change)
        if data != row.data:
            texts.append((row.id, data))
        if len(texts) >= CHUNK:
            examples.replace_texts(db, texts)
            texts = []
    examples.replace_texts(db, texts)


def _said(data: str, change: Replacement) -> str:
    if change.field == SYSTEM and not change.after.strip():
        return _without_system(data)
    return row_edits.say(data, ROLES[change.field], change.after)


def _without_system(data: str) -> str:
    """No instructions at all, since an empty message would be an error."""
    paths = [message.path for message in read_messages(data) if message.role == SYSTEM]
    for path in reversed(paths):
        data = row_edits.remove(data, path)
    return data


def fixed_prompt(db: sqlite3.Connection) -> str:
    """What `fix_all` puts into rows with another system prompt: the project's, else that of most rows; '' removes theirs."""
    if (wanted := spec.load(db).system_prompt).strip():
        return wanted
    # The row that the finding names as usual, rather than all of them: a button says this for each row that is looked at.
    sql = "SELECT e.id FROM finding f JOIN example e ON e.id = CAST(f.message AS INTEGER) WHERE f.rule = ? LIMIT 1"
    if named := db.execute(sql, (DIFFERING,)).fetchone():
        return read_texts(next(examples.iterate(db, [named[0]])).data).system_prompt.strip()
    usual = system_prompts.of_rows(db, Filter(split="train"))
    return usual.prompt if usual else ""


def fix_all(db: sqlite3.Connection, rule: str, reporter: Reporter) -> None:
    """Mend every row that has the problem `rule`, where that is safe; the others are left as they are."""
    if rule == facts.STALE:
        facts.confirm(db, filters.find(db, Filter(rule=rule)))
        return
    if rule != DIFFERING:
        examples.fix_all(db, rule, reporter)
        return
    set_system_prompt(db, filters.find(db, Filter(rule=rule)), fixed_prompt(db), reporter)
