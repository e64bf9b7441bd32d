"""Finds questions and answers in objects, messages and tables by the names of their fields, in several languages."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from core.dataset.examples import KINDS
from core.formats import column_mapping
from core.lazy_loading import lazy_pattern
from core.replies.lenient_json import MAX_DEPTH, REPEATED_KEY_MARK, JsonObject, TruncatedText

MAX_NAME_CHARACTERS = 60  # no name of a field is longer

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
    "kind": "k kind type category question_type 種類 種別 分類 タイプ",
}
_FIELD_BY_NAME = {name: field for field, names in _NAMES.items() for name in names.split()}
_KINDS = {
    "direct": "直接 直接の質問 直接質問",
    "reworded": "rewording reword rephrased rephrasing paraphrase paraphrased exam exam_wording 言い換え 言いかえ 試験",
    "reverse": "reversed inverse 逆 逆質問 逆向き 逆方向",
    "applied": "application apply 応用",
    "combined": "combination combine multi_hop 組み合わせ 複合",
    "false_premise": "false_assumption wrong_premise wrong_assumption 誤った前提 前提の誤り",
    "statement": "state 陳述 記述 記述文",
    "not_stated": "notstated not_in_text unstated 記載なし 規定なし 書かれていない",
    "general": "一般",
    "memorised": "memorized",
}
_KIND_BY_NAME = {word: kind for kind, words in _KINDS.items() for word in words.split()} | {
    kind: kind for kind in KINDS
}
_DECORATION = " \t*_`#【】[]「」<>:：'\""
_NAME_AND_NUMBER = lazy_pattern(r"(.*?)(?:\(.*\))?[_.#]*(\d{0,6})_?", re.DOTALL)
# How many examples of a kind follow, in a normalised name: `direct_(2_examples)`, `逆(3件)`.
_KIND_COUNT = lazy_pattern(
    r"[*_]{0,4}\([x×]?_?(?:\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|[一二三四五六七八九十])"
    r"_?(?:examples?|questions?|rows?|pairs?|items?|つ|件|問|個|例|行|組)?\)$"
)
_QUESTION_END = lazy_pattern(r"(?:[?？]|か|(?:くだ|下)さい)[。．.!！*」』\")）\s]*$")
_RULE_CELL = lazy_pattern(r":?-+:?|")
_FACT_KEYS = ("fact", "fact_id", "fact_name", "事実")
_FACT_NAME = lazy_pattern(r"f\d{1,9}")  # as core/spec/facts.py names them
_INDEX = lazy_pattern(r"\W*[QqNn]?o?\W*\d{1,6}\W*|")


class RawPair(NamedTuple):
    """A question and an answer as found, untrimmed; either may be ''. `reason` says why they cannot be used,
    `key_points` what a right answer must say, and `fact` which fact they are for.
    """

    question: str = ""
    answer: str = ""
    kind: str = ""
    quote: str = ""
    reason: str = ""
    is_truncated: bool = False
    key_points: str = ""
    fact: str = ""


def parse_field_name(name: str) -> tuple[str, str]:
    """The field that a name means (question, answer, input, quote, kind, or '') and the number in it:
    `質問1` is ("question", "1").
    """
    name, _, again = name.partition(REPEATED_KEY_MARK)
    if len(name) > MAX_NAME_CHARACTERS:
        return "", ""
    field, number = _parse_known_name(name)
    return field, number + (again and REPEATED_KEY_MARK + again)


@lru_cache(maxsize=4096)
def _parse_known_name(name: str) -> tuple[str, str]:
    match = _NAME_AND_NUMBER.fullmatch(column_mapping.normalise_name(name.strip(_DECORATION)).strip("_"))
    assert match
    word = match[1].strip("_")
    return next(filter(None, (_find_field(one) for one in (word, word.removesuffix("s")))), ""), match[2]


def _find_field(word: str) -> str:
    field = next(iter(column_mapping.guess_mapping([word])), "") if word not in _FIELD_BY_NAME else _FIELD_BY_NAME[word]
    return field if field in _NAMES else ""


def parse_kind(text: object) -> str:
    """The kind of example that a model calls `text`, one of `KINDS`; '' where it is none. A count behind it is left out."""
    if not isinstance(text, str) or len(text) > MAX_NAME_CHARACTERS:
        return ""
    name = _KIND_COUNT.sub("", column_mapping.normalise_name(text.strip(_DECORATION)))
    word = re.sub(r"_?(?:questions?|examples?|の質問|質問)?[_.#]*\d*$", "", name)
    return _KIND_BY_NAME.get(word, "")


def is_question(text: str) -> bool:
    """Whether a text ends like a question, or like a request in Japanese."""
    return _QUESTION_END.search(text[-20:]) is not None


def find_pairs_in_value(value: object) -> list[RawPair]:
    """The pairs in a JSON value, down to `MAX_DEPTH` levels."""
    pairs: list[RawPair] = []
    _collect(value, "", 0, pairs)
    return pairs


def _collect(value: object, kind: str, depth: int, into: list[RawPair]) -> bool:
    """Append the pairs in `value` to `into`; True when one is complete. `kind` is the one that the key above names."""
    start = len(into)
    if depth > MAX_DEPTH:
        return False
    if isinstance(value, JsonObject):
        return _collect_object(value, kind, depth, into)
    if isinstance(value, list):
        if any(_get_role(one) for one in value):
            into += _iterate_conversation_pairs(value)
        elif value and all(isinstance(one, list) and len(one) > 1 and _are_all_texts(one) for one in value):
            into += iterate_row_pairs(value)
        else:
            return any([_collect(one, kind, depth + 1, into) for one in value if isinstance(one, (list, JsonObject))])
    return any(raw.question and raw.answer for raw in into[start:])


def _collect_object(value: JsonObject, kind: str, depth: int, into: list[RawPair]) -> bool:
    start = len(into)
    is_complete = _collect_fields(value, kind, depth, into)
    if fact := next((name for key in _FACT_KEYS if isinstance(name := value.get(key), str)), ""):
        _name_fact(into, start, fact)
    return is_complete


def _name_fact(pairs: list[RawPair], start: int, fact: str) -> None:
    """Give the pairs from `start` on, but for those that name one, their fact."""
    pairs[start:] = [raw if raw.fact else raw._replace(fact=fact) for raw in pairs[start:]]


def _collect_inside(key: str, inner: object, kind: str, depth: int, into: list[RawPair]) -> bool:
    start = len(into)
    is_complete = _collect(inner, parse_kind(key) or kind, depth + 1, into)
    if _FACT_NAME.fullmatch(key):  # {"f03": [{"question": …}]}
        _name_fact(into, start, key)
    return is_complete


def _collect_fields(value: JsonObject, kind: str, depth: int, into: list[RawPair]) -> bool:
    own = [
        raw for group in _group_fields(value).values() for raw in _iterate_group_pairs(group, kind, value.is_truncated)
    ]
    complete = [raw for raw in own if raw.question and raw.answer]
    into += complete
    before = len(into)
    inside = [
        (key, inner)
        for key, inner in value.items()
        if isinstance(inner, (list, JsonObject)) and not _is_text_list(inner)
    ]
    is_pair_inside = any([_collect_inside(key, inner, kind, depth, into) for key, inner in inside])
    if is_pair_inside:
        return True  # a wrapper: {"response": "Here they are.", "examples": […]} is no answer without its question
    into += [raw for raw in own if not (raw.question and raw.answer)]
    if not own and len(into) == before:
        into += _iterate_question_keys(value, kind)
    return bool(complete) or len(into) > before


def _group_fields(value: JsonObject) -> dict[str, dict[str, object]]:
    """The fields by the number in their names: question1 belongs to answer1."""
    groups: dict[str, dict[str, object]] = {}
    for key, inner in value.items():
        field, number = ("key_points", "") if key == "key_points" else parse_field_name(key)
        if field:
            groups.setdefault(number, {}).setdefault(field, inner)
    return groups


def _iterate_group_pairs(fields: dict[str, object], kind: str, is_truncated: bool) -> Iterator[RawPair]:
    questions, answers = _get_texts(fields.get("question")), _get_texts(fields.get("answer"))
    extra = "".join(_get_texts(fields.get("input")))
    questions = [f"{one}\n\n{extra}" if extra.strip() else one for one in questions] or [extra] * bool(extra)
    if len(answers) == 1:
        answers *= max(len(questions), 1)  # several wordings, one answer
    kind = parse_kind(fields.get("kind")) or kind
    quotes = _get_texts(fields.get("quote"))
    truncated = [text for text in (*questions, *answers, *quotes) if isinstance(text, TruncatedText)]
    for at in range(max(len(questions), len(answers))):
        question, answer = (texts[at] if at < len(texts) else "" for texts in (questions, answers))
        yield RawPair(
            question,
            answer,
            kind,
            "\n".join(quotes),
            "",
            bool(truncated) or (is_truncated and not (question and answer)),
            " ; ".join(text for text in _get_texts(fields.get("key_points")) if not isinstance(text, TruncatedText)),
        )
    if not questions and not answers and fields.get("question", fields.get("answer", "")) is None:
        yield RawPair(kind=kind, quote="".join(quotes))


def _get_texts(value: object) -> list[str]:
    if isinstance(value, list):
        return list(value) if _is_text_list(value) else []
    return [value] if isinstance(value, str) else []


def _is_text_list(value: object) -> bool:
    return isinstance(value, list) and bool(value) and _are_all_texts(value)


def _are_all_texts(values: Sequence[object]) -> bool:
    return all(isinstance(one, str) for one in values)


def _iterate_question_keys(value: JsonObject, kind: str) -> Iterator[RawPair]:
    """The entries of {"How many players are there?": "There are three."}."""
    entries = [(key.partition(REPEATED_KEY_MARK)[0], inner) for key, inner in value.items() if isinstance(inner, str)]
    if entries and all(is_question(key) for key, _ in entries):
        for question, answer in entries:
            yield RawPair(question, answer, kind, is_truncated=isinstance(answer, TruncatedText))


def _get_role(value: object) -> str:
    """'question' for a user's message, 'answer' for a model's, 'system' for another one, '' for what is no message."""
    if not isinstance(value, JsonObject):
        return ""
    role = value.get("role", value.get("from"))
    if not isinstance(role, str) or not ({"content", "value", "text"} & value.keys()):
        return ""
    return parse_field_name(role)[0] or "system"


def _iterate_conversation_pairs(messages: Sequence[object]) -> Iterator[RawPair]:
    question: str | None = None
    for message in messages:
        role = _get_role(message)
        if not isinstance(message, JsonObject) or role not in ("question", "answer"):
            continue
        text = _get_message_text(message)
        if role == "question":
            if question is not None:
                yield RawPair(question)
            question = text
        elif question is not None:
            yield RawPair(
                question, text, is_truncated=isinstance(text, TruncatedText) or (message.is_truncated and not text)
            )
            question = None
    if question is not None:
        yield RawPair(question, is_truncated=isinstance(question, TruncatedText))


def _get_message_text(message: JsonObject) -> str:
    content = next(message[key] for key in ("content", "value", "text") if key in message)
    if isinstance(content, list):
        return "\n".join("".join(_get_texts(part.get("text"))) for part in content if isinstance(part, JsonObject))
    return content if isinstance(content, str) else ""


def iterate_row_pairs(rows: Sequence[Sequence[str]], has_head: bool | None = None) -> Iterator[RawPair]:
    """The pairs of a table: by the names in its head, else its first two columns, where the first one asks.

    `has_head` says whether the first row is known to be a head.
    """
    rows = [row for row in rows if not all(_RULE_CELL.fullmatch(cell.strip()) for cell in row)]
    fields = [parse_field_name(cell)[0] for cell in rows[0]] if rows else []
    if "question" not in fields and "input" in fields:
        fields[fields.index("input")] = "question"
    if "question" in fields and "answer" in fields:
        rows = rows[1:]
    else:
        rows = rows[1:] if rows and has_head and not any(is_question(cell) for cell in rows[0]) else rows
        fields = _guess_fields(rows)
    place = {field: fields.index(field) for field in reversed(fields) if field}
    for row in rows if place else ():
        cells = {field: row[at] if at < len(row) else "" for field, at in place.items()}
        yield RawPair(cells["question"], cells["answer"], parse_kind(cells.get("kind", "")), cells.get("quote", ""))


def _guess_fields(rows: Sequence[Sequence[str]]) -> list[str]:
    """The fields of a table without known names; none where fewer than half of its first texts are questions."""
    if not rows or min(map(len, rows)) < 2:
        return []
    first = 1 if len(rows[0]) > 2 and all(_INDEX.fullmatch(row[0].strip()[:20]) for row in rows) else 0
    questions = sum(is_question(row[first]) for row in rows)
    return [*[""] * first, "question", "answer"] if questions * 2 >= len(rows) and questions else []
