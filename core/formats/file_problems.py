"""What keeps a whole file from being JSON Lines of chat rows, though it can be read; and how it was read, in words."""

from collections.abc import Iterator, Mapping

from core.checks import Problem, problem
from core.checks.rule_registry import clip_list
from core.formats import column_mapping, forms, json_layouts
from core.formats.format_detection import DetectedFormat
from core.language import tr


def find_file_problems(detected: DetectedFormat) -> Iterator[Problem]:
    """Yield the problems of a JSON file as a whole: how its rows stand, and their form."""
    if detected.is_table:
        return
    if detected.layout.name != "lines":
        message = tr(
            "{what} An import and an export make JSON Lines of it.", what=json_layouts.describe(detected.layout.name)
        )
        yield problem("not-json-lines", "", message)
    if len(detected.forms) > 1:
        yield problem("form-mixed", "", tr("The first rows have these forms: {forms}.", forms=_list_forms(detected)))
    elif (form := forms.FORMS.get(detected.format)) and detected.forms:
        rule = "form-near" if form.is_native else "form-other"
        yield problem(
            rule, "", tr("The rows have the form “{form}”; an import converts them.", form=title_of(detected.format))
        )


def _list_forms(detected: DetectedFormat) -> str:
    return ", ".join(f"{title_of(form)} ({count})" for form, count in detected.forms.items())


def title_of(form: str) -> str:
    """The name of a form of JSON rows."""
    names = {
        forms.CHAT: tr("chat messages"),
        forms.PREFERENCES: tr("OpenAI preferences"),
        forms.PAIRS: tr("prompt and completion"),
        "batch": tr("Batch of OpenAI or Anthropic"),
        "swift": tr("ms-swift preferences"),
        "trl": tr("TRL preferences (prompt, chosen, rejected)"),
        "promptcompletion": tr("TRL prompt and completion"),
        "anthropic": tr("Anthropic or Bedrock messages"),
        "stored": tr("stored chat completions"),
        "chatgpt": tr("ChatGPT or Claude export"),
        "ranking": tr("rankings of answers"),
        "query": tr("query and response"),
        "pairs": tr("question and answer by name"),
        "spans": tr("texts with labels or spans"),
        "text": tr("plain texts"),
    }
    return names.get(form) or forms.FORMS[form].title


def describe_reading(detected: DetectedFormat, columns: Mapping[str, str] | None = None) -> list[str]:
    """How a file is read where that is a guess, as translated sentences."""
    notes = [*detected.notes]
    if detected.encoding not in ("utf-8", "utf-8-sig"):
        notes.append(tr("Read as {encoding}.", encoding=detected.encoding))
    if detected.is_table:
        return [*notes, *_describe_table(detected, detected.mapping if columns is None else columns)]
    if detected.layout.name != "lines":
        notes.append(json_layouts.describe(detected.layout.name))
    if len(detected.forms) > 1:
        notes.append(
            tr("The rows have several forms, and each is converted by its own: {forms}.", forms=_list_forms(detected))
        )
    elif detected.format in forms.FORMS:
        notes.append(tr("Converted from the form “{form}”.", form=title_of(detected.format)))
    return notes


def _describe_table(detected: DetectedFormat, mapping: Mapping[str, str]) -> list[str]:
    if not mapping:
        return []
    notes = []
    if any(field != name.strip().lower() for field, name in mapping.items()):  # the field's own name is no guess
        used = tr(", ").join(f"{column_mapping.field_title(field)} = {name}" for field, name in mapping.items())
        notes.append(tr("Columns: {columns}.", columns=used))
    by_name = not all(name.startswith("#") for name in mapping.values())
    is_head = by_name and not detected.has_head and detected.sample  # a person has said that the first row names them
    names = column_mapping.unique_names(detected.sample[0]) if is_head else detected.columns
    blank = {
        name
        for place, name in enumerate(names)
        if name.startswith("#") and not any("".join(row[place : place + 1]).strip() for row in detected.sample)
    }
    if left := [name for name in column_mapping.list_left_out(names, mapping) if name not in blank]:
        notes.append(tr("Columns left out: {columns}.", columns=clip_list(left)))
    if detected.delimiter not in ("", ",", "\t"):
        notes.append(tr("The cells are separated by “{delimiter}”.", delimiter=detected.delimiter))
    return notes
