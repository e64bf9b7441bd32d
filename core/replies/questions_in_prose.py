"""Finds questions and answers in prose by labels such as `Q1:`, `**Answer:**` and `質問：`."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from core.lazy_loading import lazy_pattern
from core.replies.kind_headings import read_kind_line, split_kind
from core.replies.questions_in_fields import RawPair, parse_kind
from core.replies.questions_in_lists import explain_run_on, find_list_pairs, is_entry

_WORDS = {
    "question": (
        "q question 質問 問い 問題 設問 問 prompt user human input instruction ユーザー 提问 问题 问 frage pregunta domanda"
    ),
    "answer": (
        "a answer 回答 解答 答え 答案 答 返答 応答 response assistant ai gpt completion output アシスタント "
        "antwort respuesta réponse risposta"
    ),
    "quote": "quote source evidence 引用 根拠 出典 原文",
    "kind": "kind type 種類 分類",
    "other": "explanation note reason reasoning difficulty category 解説 説明 補足 備考 難易度",
}
_ROLE_BY_LABEL = {word: role for role, words in _WORDS.items() for word in words.split()}
_ANY_LABEL = "|".join(sorted(_ROLE_BY_LABEL, key=len, reverse=True))
_LABEL = lazy_pattern(
    rf"""(?P<marks>(?:[>#*+\-•・●■◆○]{{1,6}}[ \t]{{0,4}}){{0,3}})
    (?:[(（]?[0-9０-９]{{1,4}}[.)．、）:：][ \t　]{{0,4}})?
    (?P<bold>[*_]{{0,3}})(?P<open>[【\[(（「<]?)[*_]{{0,3}}
    (?P<word>{_ANY_LABEL})[ \t_]?(?:No\.?|\#)?[ \t]?(?P<number>[0-9０-９①-⑳]{{0,4}})
    [*_]{{0,3}}(?P<close>[】\])）」>]?)[*_]{{0,3}}[ \t]{{0,4}}
    (?P<sep>[:：.．)）]|[-–—→]{{1,2}}(?=\s)|)[*_]{{0,3}}""",
    re.IGNORECASE | re.VERBOSE,
)
_INLINE_WORDS = "|".join(["Q", "A", *(f"(?i:{word})" for word in _ANY_LABEL.split("|") if len(word) > 1 or word > "z")])
_INLINE = lazy_pattern(
    rf"(?<![A-Za-z])[*_]{{0,3}}[【\[（(]?(?P<word>{_INLINE_WORDS})[ ]?[0-9０-９]{{0,4}}[*_]{{0,3}}(?:[】\]）)]?[ ]?[:：]|】)[*_]{{0,3}}"
)
_TAG = lazy_pattern("<(/?)(question|answer|quote|kind)>|</?(?:qas?|pairs?|examples?|items?|rows?|entry|entries)>")
_SEPARATORS = " \t\n　／/|;；"  # between a question and its answer on the same line
_NO_ANSWER = lazy_pattern(
    r"#{1,6}\s.*|`{3,}\w*|\W*|\W{0,3}\d{1,4}[.)．、）:：*]{1,3}|\W{0,5}(?:example|pair|例|ペア)\s{0,3}\d{0,4}\W*",
    re.IGNORECASE,
)
_FAREWELL = lazy_pattern(
    r"let me know|hope (?:this|these|that)|feel free|would you like|happy to|以上(?:です|が)|お知らせください|お申し付け|いかがでしょうか|ご希望",
    re.IGNORECASE,
)


@dataclass(slots=True)
class _LabelledPart:
    """The lines after one label. `role` is a key of `_WORDS`, or '' before the first label.

    Without a label: 'heading' for a kind on a line of its own and what follows it, 'listed' for an item with its kind.
    """

    role: str
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines).strip()


def find_labelled_pairs(text: str) -> list[RawPair]:
    """The pairs of a text with labels; a question without an answer, or an answer alone, is returned too."""
    if "<question>" in text and "<answer>" in text:
        text = _TAG.sub(lambda tag: f"\n{tag[2]}: " if tag[2] and not tag[1] else "\n", text)
    parts = list(_split_inline_answers(_split_at_labels(text)))
    answers = [part for part in parts if part.role == "answer"]
    for part in answers:
        _trim_answer_end(part.lines)
    if answers:
        _drop_farewell(answers)
    return list(_iterate_pairs(parts))


def _split_at_labels(text: str) -> list[_LabelledPart]:
    parts = [_LabelledPart("")]
    for line in text.split("\n"):
        stripped = line.lstrip(" \t　")
        if heading := read_kind_line(stripped):
            parts.append(_LabelledPart("heading", [heading]))
            continue
        kind, rest = split_kind(stripped)
        if kind and (label := _LABEL.match(rest)) and _is_label(label):
            parts.append(_LabelledPart("heading", [kind]))
            stripped = rest
        elif kind and is_entry(rest):
            parts.append(_LabelledPart("listed", [stripped]))
            continue
        label = _LABEL.match(stripped)
        if label and _is_label(label):
            parts.append(_LabelledPart(_ROLE_BY_LABEL[label["word"].lower()], [_get_text_after_label(label)]))
        else:
            parts[-1].lines.append(line.rstrip())
    return parts[1:]


def _is_label(label: re.Match[str]) -> bool:
    """Whether the characters after the word make it a label: `A.` and `Answer:` are labels, `A player` is none."""
    word, number, sep = label["word"], label["number"], label["sep"]
    at_end = not label.string[label.end() :].strip()
    is_short = len(word) == 1
    if sep in (":", "："):
        return True
    if word.islower() and word.isascii() and not (number or label["marks"] or label["bold"]):
        return False
    if not sep:
        follows_number = bool(number) and (not word.isascii() or is_short) and label[0][-1].isspace()
        return bool(label["open"] and label["close"]) or (at_end and (bool(number) or not is_short)) or follows_number
    if sep in ".．":
        return is_short or bool(number)
    return bool(number) or (sep not in ")）" and not is_short)


def _get_text_after_label(label: re.Match[str]) -> str:
    rest = label.string[label.end() :].strip()
    bold = (label["marks"] + label["bold"]).count("**") and label[0].count("**") % 2
    return rest.removesuffix("**").rstrip() if bold else rest


def _split_inline_answers(parts: Sequence[_LabelledPart]) -> Iterator[_LabelledPart]:
    """The parts, with each question split whose answer follows after a label on the same line."""
    for at, part in enumerate(parts):
        has_answer = at + 1 < len(parts) and parts[at + 1].role == "answer"
        labels = [] if has_answer or part.role != "question" else list(_INLINE.finditer(part.text))
        if not any(_ROLE_BY_LABEL[label["word"].lower()] == "answer" for label in labels):
            yield part
            continue
        text, ends = part.text, [label.start() for label in labels]
        yield _LabelledPart("question", [text[: ends[0]].strip(_SEPARATORS)])
        for label, end in zip(labels, [*ends[1:], len(text)], strict=True):
            yield _LabelledPart(
                _ROLE_BY_LABEL[label["word"].lower()], text[label.end() : end].strip(_SEPARATORS).split("\n")
            )


def _trim_answer_end(lines: list[str]) -> None:
    """Remove from the end what belongs to the next pair: its heading, its number, a line between."""
    first = next((at for at, line in enumerate(lines) if line.strip()), len(lines))
    fences = sum(line.lstrip().startswith("```") for line in lines)
    while len(lines) > first + 1 and len(lines[-1]) <= 200 and _NO_ANSWER.fullmatch(lines[-1].strip()):
        if lines[-1].lstrip().startswith("```"):
            if fences % 2 == 0:  # the end of code in the answer
                break
            fences -= 1
        lines.pop()


def _drop_farewell(answers: Sequence[_LabelledPart]) -> None:
    """Remove from the last answer what the model says to the user after it."""
    last = answers[-1]
    paragraphs = re.split(r"\n[ \t]*\n", last.text)
    others_are_short = len(answers) > 1 and not any("\n\n" in part.text for part in answers[:-1])
    if others_are_short:
        paragraphs = paragraphs[:1]
    elif len(paragraphs) > 1 and _FAREWELL.search(paragraphs[-1]):
        paragraphs.pop()
    last.lines = ["\n\n".join(paragraphs)]


def _iterate_pairs(parts: Sequence[_LabelledPart]) -> Iterator[RawPair]:
    """The pairs of the parts; without any label there is none, since lists are read elsewhere."""
    if not any(part.role in ("question", "answer") for part in parts):
        return
    texts: dict[str, str] = {}
    heading = ""  # the kind of the pairs below it
    for part in parts:
        is_list = part.role in ("heading", "listed")
        starts_next = part.role == "question" or is_list or (part.role != "other" and part.role in texts)
        if starts_next and ("question" in texts or "answer" in texts):
            yield _build_raw_pair(texts, heading)
            texts = {}
        if part.role == "heading":
            heading = part.lines[0]
        if is_list:
            listed = find_list_pairs("\n".join(part.lines[part.role == "heading" :]))
            yield from (raw._replace(kind=raw.kind or heading) for raw in listed)
        else:
            texts[part.role] = part.text
    if "question" in texts or "answer" in texts:
        yield _build_raw_pair(texts, heading)


def _build_raw_pair(texts: dict[str, str], heading: str) -> RawPair:
    question, answer = texts.get("question", ""), texts.get("answer", "")
    if _is_quoted(question) and _is_quoted(answer):  # as in YAML
        question, answer = question[1:-1], answer[1:-1]
    kind = parse_kind(texts.get("kind", "")) or heading
    return RawPair(question, answer, kind, texts.get("quote", ""), explain_run_on(answer))


def _is_quoted(text: str) -> bool:
    return len(text) > 2 and text[0] == text[-1] == '"' and text.count('"') == 2
