"""Changes many rows at once: sets fields, tags, prefixes and system prompts; finds and replaces.

All changes raise `Cancelled` when their reporter is cancelled; the transaction of the caller then rolls back.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from core.checks.contents_digest import compute_contents_digest
from core.dataset import examples, filters, row_edits, row_system_prompts
from core.dataset.examples import METADATA_FIELDS, TEXT_FIELDS, Example
from core.dataset.filters import Choice, Filter
from core.dataset.row_json import read_messages, read_texts
from core.errors import FormatError
from core.formats import jsonl
from core.language import tr
from core.progress import Reporter
from core.spec import facts, spec

ROWS_PER_CHUNK = 1000
SYSTEM_FIELD = "system"
DIFFERENT_PROMPT = "system-prompt-differs"
SAME_CONTENTS = "same-contents"
JUDGE_RULES = ("judge-contradicts", "judge-not-in-text")  # of rows that a judge refused
ROLE_BY_FIELD = {"question": "user", "answer": "assistant", SYSTEM_FIELD: "system"}
REPLACEABLE_FIELDS = ("question", "answer", SYSTEM_FIELD, "tags", "notes", "key_points")


def set_field(db: sqlite3.Connection, ids: Sequence[int], field: str, value: str, reporter: Reporter) -> None:
    """Set one field of all these rows; question and answer are written into their JSON.

    Raises `FormatError` when one of them cannot be written into a row.
    """
    _change_field(db, ids, field, lambda _before: value, reporter)


def find_rows_refused_by_judge(db: sqlite3.Connection, ids: Sequence[int]) -> list[int]:
    """Those of the rows that a judge refused (core/generation/row_judging.py), in order."""
    wanted = " OR ".join("instr(' ' || problems || ' ', ?) > 0" for _rule in JUDGE_RULES)
    sql = f"SELECT id FROM example WHERE {wanted}"
    refused = {id for (id,) in db.execute(sql, [f" {rule} " for rule in JUDGE_RULES])}
    return [id for id in ids if id in refused]


def approve(db: sqlite3.Connection, ids: Sequence[int], reporter: Reporter) -> None:
    """Approve the rows except those that a judge refused: the user approves these one by one, with `set_field`."""
    refused = set(find_rows_refused_by_judge(db, ids))
    set_field(db, [id for id in ids if id not in refused], "status", "approved", reporter)


def add_prefix(db: sqlite3.Connection, ids: Sequence[int], field: str, text: str, reporter: Reporter) -> None:
    """Put `text` before the value of the field in all these rows. Raises `FormatError` as `set_field` does."""
    _change_field(db, ids, field, lambda before: text + before, reporter)


def add_tag(db: sqlite3.Connection, ids: Sequence[int], tag: str, reporter: Reporter) -> None:
    """Add one or several tags (separated by spaces) to all these rows."""
    _change_field(db, ids, "tags", lambda tags: " ".join(dict.fromkeys([*tags.split(), *tag.split()])), reporter)


def remove_tag(db: sqlite3.Connection, ids: Sequence[int], tag: str, reporter: Reporter) -> None:
    """Remove one or several tags (separated by spaces) from all these rows."""
    removed = set(tag.split())
    _change_field(
        db, ids, "tags", lambda tags: " ".join(word for word in tags.split() if word not in removed), reporter
    )


def set_system_prompt(db: sqlite3.Connection, ids: Sequence[int], prompt: str, reporter: Reporter) -> None:
    """Replace the system prompts of all these rows; '' removes them. Raises `FormatError` as `set_field` does."""
    _change_field(db, ids, SYSTEM_FIELD, lambda _before: prompt, reporter)


def duplicate(db: sqlite3.Connection, ids: Sequence[int], reporter: Reporter) -> None:
    """Add a copy of each row behind the last one, as a draft: a copy nobody has changed is not to be trained on.

    Raises `Cancelled`.
    """
    for start in range(0, len(ids), ROWS_PER_CHUNK):
        chunk = ids[start : start + ROWS_PER_CHUNK]
        found = examples.fetch(db, chunk)
        # Without the findings of the check of the whole dataset, which are about the first row.
        sql = f"SELECT id, problems, recited FROM example WHERE id IN ({','.join('?' * len(chunk))})"
        own = {id: (problems, recited) for id, problems, recited in db.execute(sql, [*chunk])}
        there = [id for id in chunk if id in found]
        copies = [replace(found[id], status="draft", source="", line=None, problems=own[id][0]) for id in there]
        stated = ((own[id][1], copy) for id, copy in zip(there, examples.add(db, copies), strict=True) if own[id][1])
        db.executemany("UPDATE example SET recited = ? WHERE id = ?", stated)
        reporter.update(min(start + ROWS_PER_CHUNK, len(ids)), len(ids))


def delete(db: sqlite3.Connection, ids: Sequence[int], reporter: Reporter) -> None:
    """Delete the rows. Raises `Cancelled`."""
    for start in range(0, len(ids), ROWS_PER_CHUNK):
        examples.delete(db, ids[start : start + ROWS_PER_CHUNK])
        reporter.update(min(start + ROWS_PER_CHUNK, len(ids)), len(ids))


@dataclass(frozen=True, slots=True)
class ReplacePattern:
    """What to find and its replacement. Raises `FormatError` when a regular expression or its replacement is invalid."""

    find: str
    replace: str = ""
    regex: bool = False
    match_case: bool = False
    fields: tuple[str, ...] = TEXT_FIELDS

    def __post_init__(self) -> None:
        assert set(self.fields) <= set(REPLACEABLE_FIELDS), self.fields
        try:
            self.substitution()("")
            re.compile(self.find if self.regex else "").sub(self.replace if self.regex else "", "")
        except (re.error, IndexError) as error:
            title = tr("This is not a regular expression")
            raise FormatError(title, tr("{reason}. Nothing was searched or changed.", reason=error)) from error

    def substitution(self) -> Callable[[str], str]:
        """A function that returns a text with every occurrence replaced."""
        flags = 0 if self.match_case else re.IGNORECASE
        pattern = re.compile(self.find if self.regex else re.escape(self.find), flags)
        # Without regular expressions a backslash in the replacement is only a backslash.
        replacement = self.replace if self.regex else lambda _match: self.replace
        return lambda text: pattern.sub(replacement, text)


@dataclass(frozen=True, slots=True)
class Replacement:
    """One changed field of one row."""

    id: int
    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ReplacePreview:
    """The first changes, and `total`: how many rows would change."""

    changes: list[Replacement]
    total: int

    @property
    def more(self) -> bool:
        """Whether more rows would change than `changes` has."""
        return self.total > len({change.id for change in self.changes})


def preview_replacements(
    db: sqlite3.Connection, pattern: ReplacePattern, choice: Choice, limit: int = 1000, reporter: Reporter | None = None
) -> ReplacePreview:
    """What `replace_text` would change in the chosen rows: the changes of the first `limit`. Raises `Cancelled`."""
    changes_shown: list[Replacement] = []
    total = 0
    for _row, changes in _find_replacements(db, pattern, examples.find_ids(db, choice), reporter or Reporter()):
        total += 1
        if len(changes_shown) < limit:
            changes_shown += changes
    return ReplacePreview(changes_shown, total)


def replace_text(db: sqlite3.Connection, pattern: ReplacePattern, choice: Choice, reporter: Reporter) -> None:
    """Replace every occurrence in the chosen rows. Raises `FormatError` as `set_field` does, and `Cancelled`."""
    _write_changes(db, _find_replacements(db, pattern, list(examples.find_ids(db, choice)), reporter))


def _change_field(
    db: sqlite3.Connection, ids: Sequence[int], field: str, change: Callable[[str], str], reporter: Reporter
) -> None:
    if field in METADATA_FIELDS:
        _change_metadata(db, ids, field, change, reporter)
    else:
        _write_changes(db, _find_changes(db, ids, (field,), change, reporter))


def _change_metadata(
    db: sqlite3.Connection, ids: Sequence[int], field: str, change: Callable[[str], str], reporter: Reporter
) -> None:
    """Change a metadata column; the JSON texts are not read."""
    for start in range(0, len(ids), ROWS_PER_CHUNK):
        reporter.update(start, len(ids))
        chunk = list(ids[start : start + ROWS_PER_CHUNK])
        rows = db.execute(f"SELECT id, {field} FROM example WHERE id IN ({','.join('?' * len(chunk))})", chunk)
        changed = [(after, id) for id, before in rows if (after := change(before)) != before]
        db.executemany(f"UPDATE example SET {field} = ? WHERE id = ?", changed)


def _find_replacements(
    db: sqlite3.Connection, pattern: ReplacePattern, ids: Sequence[int], reporter: Reporter
) -> Iterator[tuple[Example, list[Replacement]]]:
    if pattern.find:
        yield from _find_changes(db, ids, pattern.fields, pattern.substitution(), reporter)


def _find_changes(
    db: sqlite3.Connection, ids: Sequence[int], fields: Sequence[str], change: Callable[[str], str], reporter: Reporter
) -> Iterator[tuple[Example, list[Replacement]]]:
    """Yield the rows that change, each with its changed fields."""
    for start in range(0, len(ids), ROWS_PER_CHUNK):
        reporter.update(start, len(ids))
        for row in examples.iterate(db, ids[start : start + ROWS_PER_CHUNK]):
            befores = ((field, _get_text(row, field)) for field in fields)
            changes = [Replacement(row.id, field, before, change(before)) for field, before in befores]
            if changes := [one for one in changes if one.after != one.before]:
                yield row, changes


def _get_text(row: Example, field: str) -> str:
    return jsonl.system_prompt(row.data) if field == SYSTEM_FIELD else getattr(row, field)


def _write_changes(db: sqlite3.Connection, changed: Iterator[tuple[Example, list[Replacement]]]) -> None:
    """Write metadata into its columns and texts into the rows' JSON, many rows at a time so that they share a pack."""
    texts: list[tuple[int, str]] = []
    for row, changes in changed:
        data = row.data
        for change in changes:
            if change.field in METADATA_FIELDS:
                db.execute(f"UPDATE example SET {change.field} = ? WHERE id = ?", (change.after, row.id))
            else:
                data = _set_text(data, change)
        if data != row.data:
            texts.append((row.id, data))
        if len(texts) >= ROWS_PER_CHUNK:
            examples.replace_texts(db, texts)
            texts = []
    examples.replace_texts(db, texts)


def _set_text(data: str, change: Replacement) -> str:
    if change.field == SYSTEM_FIELD and not change.after.strip():
        return _remove_system_messages(data)
    return row_edits.set_last_message(data, ROLE_BY_FIELD[change.field], change.after)


def _remove_system_messages(data: str) -> str:
    """The row without its system messages: an empty one would be an error."""
    paths = [message.path for message in read_messages(data) if message.role == SYSTEM_FIELD]
    for path in reversed(paths):
        data = row_edits.delete_message(data, path)
    return data


def find_expected_system_prompt(db: sqlite3.Connection) -> str:
    """The system prompt that `fix_all` sets in rows with another one: the project's, else that of most rows, else ''."""
    if (wanted := spec.load(db).system_prompt).strip():
        return wanted
    # Read the one row that the finding names: this runs for each selected row, so reading all rows would be too slow.
    sql = "SELECT e.id FROM finding f JOIN example e ON e.id = CAST(f.message AS INTEGER) WHERE f.rule = ? LIMIT 1"
    if row_id := db.execute(sql, (DIFFERENT_PROMPT,)).fetchone():
        return read_texts(next(examples.iterate(db, [row_id[0]])).data).system_prompt.strip()
    usual = row_system_prompts.find_majority_prompt(db, Filter(split="train"))
    return usual.prompt if usual else ""


def fix_all(db: sqlite3.Connection, rule: str, reporter: Reporter) -> None:
    """Fix the problem `rule` in every row where that is safe; the other rows stay unchanged."""
    if rule == facts.STALE_RULE:
        facts.confirm(db, filters.find(db, Filter(rule=rule)))
        return
    if rule == SAME_CONTENTS:
        examples.delete(db, _find_same_contents(db))
        return
    if rule != DIFFERENT_PROMPT:
        examples.fix_all(db, rule, reporter)
        return
    set_system_prompt(db, filters.find(db, Filter(rule=rule)), find_expected_system_prompt(db), reporter)


def _find_same_contents(db: sqlite3.Connection) -> list[int]:
    """The rows that the last check found to say the same as an earlier one, where they still do."""
    pairs = db.execute("SELECT cluster, example FROM finding WHERE rule = ?", (SAME_CONTENTS,)).fetchall()
    rows = examples.iterate(db, sorted({id for pair in pairs for id in pair}))
    contents = {row.id: (row.split, compute_contents_digest(row.data)) for row in rows}
    return [id for first, id in pairs if id in contents and contents.get(first) == contents[id]]
