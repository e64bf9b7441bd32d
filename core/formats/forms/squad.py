"""SQuAD: questions about passages, nested by article, or one in each row.

Source: https://huggingface.co/datasets/rajpurkar/squad_v2
"""

from collections.abc import Iterator
from typing import Any

from core.formats.forms.form import Converted, Json, message


def is_row(value: Json) -> bool:
    """Whether an object is an article with its questions, or one question with its answers."""
    paragraphs = value.get("paragraphs")
    return (isinstance(paragraphs, list) and all(isinstance(one, dict) and "qas" in one for one in paragraphs)) or (
        isinstance(value.get("question"), str) and isinstance(value.get("context"), str) and _answers(value) is not None
    )


def read(value: Json) -> Iterator[Converted]:
    """Yield a row for each question: the passage, the question, and its first answer."""
    for paragraph in value.get("paragraphs") or [value]:
        context = str(paragraph.get("context", ""))
        for question in paragraph.get("qas") or [paragraph]:
            yield _read_question(context, question)


def _read_question(context: str, question: Json) -> Converted:
    texts = _answers(question) or []
    rest = {key: question[key] for key in ("id", "title") if question.get(key)}
    if not texts:
        return Converted(None, question, ("no-answer",))
    asked = "\n\n".join(filter(None, (context, str(question.get("question", "")))))
    row = {"messages": [message("user", asked), message("assistant", texts[0])]}
    return Converted(row, rest, ("choices",) if len(set(texts)) > 1 else ())


def _answers(question: Json) -> list[str] | None:
    """The texts of the answers; None where the object has none of that form."""
    answers: Any = question.get("answers")
    if isinstance(answers, dict) and isinstance(answers.get("text"), list):
        return [str(text) for text in answers["text"]]
    if isinstance(answers, list) and all(isinstance(one, dict) and "text" in one for one in answers):
        return [str(one["text"]) for one in answers]
    return None
