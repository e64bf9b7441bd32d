"""Reads out of what a chat model wrote, however it wrote it: questions with answers, statements, a verdict."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from core.checks.rule_registry import clip
from core.language import tr
from core.replies import judge_scores, judge_verdicts, lenient_json, questions_in_prose, reply_parts
from core.replies.judge_reasons import in_words as in_words
from core.replies.judge_scores import Points as Points
from core.replies.judge_scores import Preference as Preference
from core.replies.judge_verdicts import Verdict as Verdict
from core.replies.lenient_json import CutText
from core.replies.questions_in_fields import Raw, field_of, in_value
from core.replies.response_schemas import BETTER_SCHEMA as BETTER_SCHEMA
from core.replies.response_schemas import LINKS_SCHEMA as LINKS_SCHEMA
from core.replies.response_schemas import MARK_SCHEMA as MARK_SCHEMA
from core.replies.response_schemas import PAIRS_SCHEMA as PAIRS_SCHEMA
from core.replies.response_schemas import REMADE_SCHEMA as REMADE_SCHEMA
from core.replies.response_schemas import STATEMENTS_SCHEMA as STATEMENTS_SCHEMA
from core.replies.response_schemas import VERDICT_SCHEMA as VERDICT_SCHEMA

LIMIT = 1_000_000  # characters of a reply that are read; no model writes more at once
FENCES = 1000  # code fences of a reply that are read
SHOWN = 120  # characters of a piece that is refused

_REFUSAL = re.compile(
    r"(?:i['’]m|i am|we['’]re) (?:very |so |really )?(?:sorry|afraid|unable|not able)|^\W*(?:sorry|apologies|unfortunately)"
    r"|\bi (?:can['’]?t|cannot|can not|won['’]t)\b|as an ai|申し訳|すみません|ごめんなさい|お手伝いできません|お答えできません|"
    r"対応できません|作成できません|致しかねます|いたしかねます",
    re.IGNORECASE,
)
_ITEM = re.compile(r"([ \t]*)(?:[-*+•・●■◆○]|[(（]?[0-9０-９]{1,4}[.)．、）:：]|[①-⑳])[ \t　]*(?=\S)")
_JSON_LINE = re.compile(r"^[ \t]{0,20}[\[{]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pair:
    """`kind` is one of `dataset.KINDS` or ''; `quote` the passage of the spec that the model says it stands on."""

    question: str
    answer: str
    kind: str = ""
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A piece of the reply that cannot be used, shortened, and why, in a sentence for the person."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Parsed:
    pairs: list[Pair]
    refused: list[Refused]


def pairs(reply: str) -> Parsed:
    """The pairs in `reply`, their texts to the letter but trimmed, and what in it could not be used.

    Reads JSON (fenced, in lines, cut off, with slips), tables, CSV, labels such as `Q1:` and lists. Where there is no
    pair at all, one refusal says so. Never raises; takes time linear in the length.
    """
    text = _plain(reply)
    parsed = _parsed(_raws(text))
    if len(reply) > LIMIT:
        reason = tr("The reply is too long: only its first {n} characters were read.", n=f"{LIMIT:,}")
        parsed.refused.append(_refused(reply[LIMIT : LIMIT + SHOWN], reason))
    if not parsed.pairs and not parsed.refused:
        parsed.refused.append(_refused(text.strip(), _why_nothing(text)))
    return parsed


def statements(reply: str) -> list[str]:
    """The statements of a list in `reply`: JSON, numbered or bulleted lines, else each line that is a sentence."""
    text = _plain(reply)
    said = reply_parts.without_thoughts(text)
    for part in (text, *(fence.text for fence in reply_parts.fences(said)), said):
        if found := _in_json_list(part):
            return found
    return _items(said) or ([] if _REFUSAL.search(said[:200]) else _sentences(said))


def verdict(reply: str) -> Verdict | None:
    """What a judge decided, from JSON or plain words in English or Japanese; None when that is not clear."""
    told = strip_thoughts(reply)
    return judge_verdicts.of_values(lenient_json.values(told)) or judge_verdicts.of_words(told)


def strip_thoughts(reply: str) -> str:
    """What a model wrote, without what it thought before."""
    return reply_parts.without_thoughts(_plain(reply)).strip()


def points(reply: str) -> Points | None:
    """How many points a judge gives an answer; None when that is not clear."""
    told = strip_thoughts(reply)
    return judge_scores.points(lenient_json.values(told), told)


def preference(reply: str) -> Preference | None:
    """Which of two answers a judge prefers; None when that is not clear."""
    told = strip_thoughts(reply)
    return judge_scores.preference(lenient_json.values(told), told)


def _plain(reply: str) -> str:
    return lenient_json.whole(reply[:LIMIT]).removeprefix("\ufeff").replace("\r\n", "\n")


def _raws(text: str) -> list[Raw]:
    """What the reply holds, by the first reading that finds a pair, else by the first that finds a part of one."""
    # The whole reply as JSON first: its texts may speak of fences and thoughts.
    as_json = _in_json(text) if text.lstrip()[:1] in ("[", "{", '"') else None
    if as_json and not any(map(_why_unusable, as_json)):
        return as_json
    said = reply_parts.without_thoughts(text)
    fences = islice(reply_parts.fences(said), FENCES)
    fenced = [raw for fence in fences for raw in _first(_readings(fence.text, fence.language))]
    if any(not _why_unusable(raw) for raw in fenced):
        return fenced
    return _first([fenced, _first(_readings(said, "", as_json if said == text else None))])


def _readings(text: str, language: str, as_json: list[Raw] | None = None) -> Iterator[list[Raw]]:
    yield _in_json(text) if as_json is None else as_json
    yield list(reply_parts.in_tables(text))
    yield list(reply_parts.in_csv(text, language))
    yield questions_in_prose.in_labels(text)
    yield questions_in_prose.in_list(text)


def _first(readings: Iterable[list[Raw]]) -> list[Raw]:
    """The first reading with a usable pair, else the first with anything; the later ones are not even made."""
    anything: list[Raw] = []
    for raws in readings:
        if any(not _why_unusable(raw) for raw in raws):
            return raws
        anything = anything or raws
    return anything


def _in_json(text: str) -> list[Raw]:
    found = lenient_json.values(text)
    if len(found) == 1 and isinstance(found[0], str):  # JSON inside a text of JSON
        found = lenient_json.values(found[0])
    # Lines of messages, one object each, are one conversation.
    together = [found] if len(found) > 1 and all(isinstance(one, dict) and "role" in one for one in found) else found
    return [raw for value in together for raw in in_value(value)]


def _parsed(raws: Iterable[Raw]) -> Parsed:
    parsed = Parsed([], [])
    for raw in raws:
        if reason := _why_unusable(raw):
            piece = " / ".join(filter(None, (raw.question.strip(), raw.answer.strip(), raw.quote.strip())))
            parsed.refused.append(_refused(piece, reason))
        else:
            parsed.pairs.append(Pair(raw.question.strip(), raw.answer.strip(), raw.kind, raw.quote.strip()))
    return parsed


def _why_unusable(raw: Raw) -> str:
    """Why a piece is no pair, in a sentence, or ''."""
    if raw.reason:
        return raw.reason
    if raw.is_cut or isinstance(raw.question, CutText) or isinstance(raw.answer, CutText):
        return tr("The reply is cut off here.")
    if not raw.question.strip():
        return tr("There is no question here.")
    return "" if raw.answer.strip() else tr("There is no answer to this question.")


def _refused(text: str, reason: str) -> Refused:
    return Refused(clip(" ".join(text[: 2 * SHOWN].split()), SHOWN), reason)


def _why_nothing(text: str) -> str:
    if not text.strip("\ufeff \t\r\n　"):
        return tr("The model wrote nothing.")
    said = reply_parts.without_thoughts(text).strip()
    if not said:
        return tr("The reply ends before the model had finished thinking.")
    if _REFUSAL.search(said[:300]):
        return tr("The model declined and wrote no questions and answers.")
    return tr("No questions with answers were found in the model's reply.")


def _in_json_list(text: str) -> list[str]:
    """The statements of JSON that begins a line: a `[1]` inside a sentence is none."""
    start = _JSON_LINE.search(text)
    found = (
        (one.strip() for value in lenient_json.values(text[start.end() - 1 :]) for one in _strings(value))
        if start
        else ()
    )
    return [one for one in found if any(sign.isalpha() for sign in one)]


def _strings(value: object) -> Iterator[str]:
    """The statements in a value of JSON, whole ones only: texts of its lists, and those its objects name."""
    if isinstance(value, list):
        for one in value:
            if isinstance(one, str) and not isinstance(one, CutText):
                yield one
            else:
                yield from _strings(one)
    elif isinstance(value, dict):
        named = [one for key, one in value.items() if isinstance(one, str) and _is_statement(key)]
        yield from (one for one in named if not isinstance(one, CutText))
        for one in value.values():
            if isinstance(one, (list, dict)):
                yield from _strings(one)


def _is_statement(key: str) -> bool:
    names = "statement fact text content sentence remark problem finding issue 事実 文 内容 記述 指摘 命題"
    return key.strip().lower().rstrip("0123456789_ ").removesuffix("s") in names.split() or field_of(key)[0] == "answer"


def _items(text: str) -> list[str]:
    found: list[str] = []
    open_item = False
    for line in text.split("\n"):
        if item := _ITEM.match(line):
            found.append(line[item.end() :].strip())
        elif open_item and line[:1] in (" ", "\t", "　") and line.strip():
            found[-1] += f" {line.strip()}"
            continue
        open_item = bool(item)
    return [one for one in found if one]


def _sentences(text: str) -> list[str]:
    lines = (line.strip() for line in text.split("\n"))
    return [line for line in lines if line.endswith((".", "。", "．", "!", "！"))]
