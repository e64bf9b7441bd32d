"""Finds questions and answers in objects, messages and tables by the names of their fields, in many words."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from core.dataset.examples import KINDS
from core.formats import column_mapping
from core.replies.lenient_json import AGAIN, DEPTH, CutText, Object

NAME_LIMIT = 60  # no name of a field is longer

_NAMES = {
    "question": "question_text user_question ques 問 質問文 問題文 問い合わせ",
    "answer": (
        "ans answer_text expected_answer model_answer reference_answer ideal_answer correct_answer gpt ai bot "
        "答 回答文 解答文 模範解答 模範回答 正解 応え"
    ),
    "input": "input 入力",
    "quote": (
        "quote source evidence citation passage excerpt context supporting_quote 引用 引用文 引用元 根拠 出典 原文 抜粋"
    ),
    "kind": "kind type category question_type 種類 種別 分類 タイプ",
}
_FIELD_OF = {name: field for field, names in _NAMES.items() for name in names.split()}
_KINDS = {
    "direct": "直接 直接の質問 直接質問",
    "reworded": "rewording reword rephrased rephrasing paraphrase paraphrased 言い換え 言いかえ",
    "reverse": "reversed inverse 逆 逆質問 逆向き 逆方向",
    "applied": "application apply 応用",
    "statement": "state 陳述 記述 記述文",
    "not_stated": "notstated not_in_text unstated 記載なし 規定なし 書かれていない",
    "general": "一般",
    "memorised": "memorized",
}
_KIND_OF = {word: kind for kind, words in _KINDS.items() for word in words.split()} | {kind: kind for kind in KINDS}
_DRESSED = " \t*_`#【】[]「」<>:：'\""
_NUMBERED = re.compile(r"(.*?)(?:\(.*\))?[_.#]*(\d{0,6})_?", re.DOTALL)
_ASKED = re.compile(r"(?:[?？]|か|(?:くだ|下)さい)[。．.!！*」』\")）\s]*$")
_RULE_CELL = re.compile(r":?-+:?|")
_INDEX = re.compile(r"\W*[QqNn]?o?\W*\d{1,6}\W*|")


class Raw(NamedTuple):
    """A question and an answer as they were found; either may be missing. `reason` says why they cannot be used."""

    question: str = ""
    answer: str = ""
    kind: str = ""
    quote: str = ""
    reason: str = ""
    is_cut: bool = False


def field_of(name: str) -> tuple[str, str]:
    """What a field's name means (question, answer, input, quote, kind, or '') and the number it carries:
    `質問1` is a question, '1'.
    """
    name, _, again = name.partition(AGAIN)
    if len(name) > NAME_LIMIT:
        return "", ""
    field, number = _known(name)
    return field, number + (again and AGAIN + again)


@lru_cache(maxsize=4096)
def _known(name: str) -> tuple[str, str]:
    match = _NUMBERED.fullmatch(column_mapping.normalise_name(name.strip(_DRESSED)).strip("_"))
    assert match
    word = match[1].strip("_")
    return next(filter(None, (_field(one) for one in (word, word.removesuffix("s")))), ""), match[2]


def _field(word: str) -> str:
    known = next(iter(column_mapping.guess([word])), "") if word not in _FIELD_OF else _FIELD_OF[word]
    return known if known in _NAMES else ""


def kind_of(text: object) -> str:
    """The name of the kind a model calls `text`, or ''."""
    if not isinstance(text, str) or len(text) > NAME_LIMIT:
        return ""
    word = re.sub(
        r"_?(?:questions?|examples?|の質問|質問)?[_.#]*\d*$", "", column_mapping.normalise_name(text.strip(_DRESSED))
    )
    return _KIND_OF.get(word, "")


def asks(text: str) -> bool:
    """Whether a text ends as a question, or a request in Japanese, does."""
    return _ASKED.search(text[-20:]) is not None


def in_value(value: object) -> list[Raw]:
    """What a value of JSON holds, however deep."""
    found: list[Raw] = []
    _collect(value, "", 0, found)
    return found


def _collect(value: object, kind: str, depth: int, into: list[Raw]) -> bool:
    """Add what `value` holds to `into`; True when a pair is among it. `kind` is what the key above says of it."""
    start = len(into)
    if depth > DEPTH:
        return False
    if isinstance(value, Object):
        return _collect_object(value, kind, depth, into)
    if isinstance(value, list):
        if any(_role(one) for one in value):
            into += _in_turns(value)
        elif value and all(isinstance(one, list) and len(one) > 1 and _all_texts(one) for one in value):
            into += in_rows(value)
        else:
            return any([_collect(one, kind, depth + 1, into) for one in value if isinstance(one, (list, Object))])
    return any(raw.question and raw.answer for raw in into[start:])


def _collect_object(value: Object, kind: str, depth: int, into: list[Raw]) -> bool:
    own = [raw for group in _groups(value).values() for raw in _in_group(group, kind, value.is_cut)]
    whole = [raw for raw in own if raw.question and raw.answer]
    into += whole
    before = len(into)
    inside = [
        (key, inner) for key, inner in value.items() if isinstance(inner, (list, Object)) and not _is_texts(inner)
    ]
    found = any([_collect(inner, kind_of(key) or kind, depth + 1, into) for key, inner in inside])
    if found:
        return True  # a wrapper: {"response": "Here they are.", "examples": […]} is no answer without its question
    into += [raw for raw in own if not (raw.question and raw.answer)]
    if not own and len(into) == before:
        into += _by_question(value, kind)
    return bool(whole) or len(into) > before


def _groups(value: Object) -> dict[str, dict[str, object]]:
    """The fields by the number they carry: question1 belongs to answer1."""
    found: dict[str, dict[str, object]] = {}
    for key, inner in value.items():
        field, number = field_of(key)
        if field:
            found.setdefault(number, {}).setdefault(field, inner)
    return found


def _in_group(fields: dict[str, object], kind: str, is_cut: bool) -> Iterator[Raw]:
    questions, answers = _texts(fields.get("question")), _texts(fields.get("answer"))
    extra = "".join(_texts(fields.get("input")))
    questions = [f"{one}\n\n{extra}" if extra.strip() else one for one in questions] or [extra] * bool(extra)
    if len(answers) == 1:
        answers *= max(len(questions), 1)  # several wordings, one answer
    kind = kind_of(fields.get("kind")) or kind
    quotes = _texts(fields.get("quote"))
    cut = [text for text in (*questions, *answers, *quotes) if isinstance(text, CutText)]
    for at in range(max(len(questions), len(answers))):
        question, answer = (texts[at] if at < len(texts) else "" for texts in (questions, answers))
        yield Raw(question, answer, kind, "\n".join(quotes), "", bool(cut) or (is_cut and not (question and answer)))
    if not questions and not answers and fields.get("question", fields.get("answer", "")) is None:
        yield Raw(kind=kind, quote="".join(quotes))


def _texts(value: object) -> list[str]:
    if isinstance(value, list):
        return list(value) if _is_texts(value) else []
    return [value] if isinstance(value, str) else []


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and _all_texts(value)


def _all_texts(values: Sequence[object]) -> bool:
    return all(isinstance(one, str) for one in values)


def _by_question(value: Object, kind: str) -> Iterator[Raw]:
    """The entries of {"How many players are there?": "There are three."}."""
    entries = [(key.partition(AGAIN)[0], inner) for key, inner in value.items() if isinstance(inner, str)]
    if entries and all(asks(key) for key, _ in entries):
        for question, answer in entries:
            yield Raw(question, answer, kind, is_cut=isinstance(answer, CutText))


def _role(value: object) -> str:
    """'question' or 'answer' for a message of the person or the model, 'system' for another one, '' for no message."""
    if not isinstance(value, Object):
        return ""
    role = value.get("role", value.get("from"))
    if not isinstance(role, str) or not ({"content", "value", "text"} & value.keys()):
        return ""
    return field_of(role)[0] or "system"


def _in_turns(messages: Sequence[object]) -> Iterator[Raw]:
    asked: str | None = None
    for message in messages:
        role = _role(message)
        if not isinstance(message, Object) or role not in ("question", "answer"):
            continue
        said = _message_text(message)
        if role == "question":
            if asked is not None:
                yield Raw(asked)
            asked = said
        elif asked is not None:
            yield Raw(asked, said, is_cut=isinstance(said, CutText) or (message.is_cut and not said))
            asked = None
    if asked is not None:
        yield Raw(asked, is_cut=isinstance(asked, CutText))


def _message_text(message: Object) -> str:
    content = next(message[key] for key in ("content", "value", "text") if key in message)
    if isinstance(content, list):
        return "\n".join("".join(_texts(part.get("text"))) for part in content if isinstance(part, Object))
    return content if isinstance(content, str) else ""


def in_rows(rows: Sequence[Sequence[str]], has_head: bool | None = None) -> Iterator[Raw]:
    """The rows of a table: by the names in its head, else the first two columns, where those ask and answer."""
    rows = [row for row in rows if not all(_RULE_CELL.fullmatch(cell.strip()) for cell in row)]
    fields = [field_of(cell)[0] for cell in rows[0]] if rows else []
    if "question" not in fields and "input" in fields:
        fields[fields.index("input")] = "question"
    if "question" in fields and "answer" in fields:
        rows = rows[1:]
    else:
        rows = rows[1:] if rows and has_head and not any(asks(cell) for cell in rows[0]) else rows
        fields = _guessed(rows)
    place = {field: fields.index(field) for field in reversed(fields) if field}
    for row in rows if place else ():
        cells = {field: row[at] if at < len(row) else "" for field, at in place.items()}
        yield Raw(cells["question"], cells["answer"], kind_of(cells.get("kind", "")), cells.get("quote", ""))


def _guessed(rows: Sequence[Sequence[str]]) -> list[str]:
    """The fields of a table whose names are not known: none, when its first texts do not ask."""
    if not rows or min(map(len, rows)) < 2:
        return []
    first = 1 if len(rows[0]) > 2 and all(_INDEX.fullmatch(row[0].strip()[:20]) for row in rows) else 0
    asking = sum(asks(row[first]) for row in rows)
    return [*[""] * first, "question", "answer"] if asking * 2 >= len(rows) and asking else []
