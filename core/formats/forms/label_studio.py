"""Label Studio: tasks with their data, and what people wrote about them.

Source: https://labelstud.io/guide/export.html
"""

from collections.abc import Iterator

from core.formats import column_mapping
from core.formats.forms.form import Converted, Json, are_messages, message

_ASKED = ("question", "prompt", "instruction", "text", "query", "dialogue", "messages")


def is_row(value: Json) -> bool:
    """Whether an object is a task with annotations."""
    return isinstance(value.get("data"), dict) and any(
        isinstance(value.get(key), list) for key in ("annotations", "completions")
    )


def read(value: Json) -> list[Converted]:
    """Convert a task where people wrote the answer as a text; labels, spans and rankings cannot be converted."""
    asked, data = _find_question(value["data"]), value["data"]
    answers = list(_iterate_texts(value))
    known = column_mapping.guess_mapping([key for key in data if isinstance(data[key], str)])
    if not answers and "answer" in known:
        answers = [data[known["answer"]]]
    if not answers or not asked:
        return [Converted(None, value, ("unsupported" if asked else "no-question",))]
    row = {"messages": [*asked, message("assistant", answers[0])]}
    return [Converted(row, {"id": value["id"]} if "id" in value else {}, ("choices",) if len(answers) > 1 else ())]


def _find_question(data: Json) -> list[Json]:
    for key in _ASKED:
        if are_messages(data.get(key)):
            return list(data[key])
        if isinstance(data.get(key), str) and data[key].strip():
            return [message("user", data[key])]
    return []


def _iterate_texts(value: Json) -> Iterator[str]:
    for annotation in value.get("annotations") or value.get("completions") or []:
        if isinstance(annotation, dict) and not annotation.get("was_cancelled"):
            for result in annotation.get("result") or []:
                text = (result.get("value") or {}).get("text") if result.get("type") == "textarea" else None
                if text:
                    yield "\n".join(map(str, text)) if isinstance(text, list) else str(text)
