"""Argilla: records with fields, and the responses or suggestions of people and models.

Source: https://docs.argilla.io/latest/how_to_guides/import_export/
"""

from collections.abc import Iterator
from typing import Any

from core.formats import column_mapping
from core.formats.forms.form import Converted, Json, are_messages, message


def is_row(value: Json) -> bool:
    """Whether an object is a record with fields and answers to questions about them."""
    return isinstance(value.get("fields"), dict) and any(key in value for key in ("responses", "suggestions"))


def read(value: Json) -> list[Converted]:
    """Convert a record: the answer is the text that a person submitted, or else what was suggested, or a field."""
    fields = value["fields"]
    known = column_mapping.guess_mapping([key for key, text in fields.items() if isinstance(text, str)])
    chats = [text for text in fields.values() if are_messages(text)]
    asked = (
        chats[0]
        if chats
        else [message("user", fields[known["question"]])]
        if "question" in known
        else _only_text(fields)
    )
    answers = [*_texts(value.get("responses")), *_texts(value.get("suggestions"))]
    answers = answers or ([fields[known["answer"]]] if "answer" in known else [])
    if not answers or not asked:
        return [Converted(None, value, ("unsupported" if asked else "no-question",))]
    row = {"messages": [*asked, message("assistant", answers[0])]}
    return [Converted(row, {"id": value["id"]} if "id" in value else {}, ("choices",) if len(answers) > 1 else ())]


def _only_text(fields: Json) -> list[Json]:
    texts = [text for text in fields.values() if isinstance(text, str)]
    return [message("user", texts[0])] if len(texts) == 1 else []


def _texts(answers: Any) -> Iterator[str]:
    """The texts in responses (by question, or by person) and suggestions; not ratings, labels and rankings."""
    if isinstance(answers, dict):
        answers = [one | {"question": key} if isinstance(one, dict) else one for key, many in answers.items()
                   for one in (many if isinstance(many, list) else [many])]  # fmt: skip
    for one in answers if isinstance(answers, list) else []:
        if not isinstance(one, dict) or one.get("status") in ("discarded", "draft"):
            continue
        if isinstance(values := one.get("values"), dict):
            yield from _texts(values)
        elif isinstance(text := one.get("value"), str) and " " in text.strip():
            yield text
