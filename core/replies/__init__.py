"""Parses the reply of a chat model, in whatever form it comes: questions with answers, statements, a verdict, a score."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from core.checks.rule_registry import clip
from core.language import tr
from core.lazy_loading import lazy_pattern
from core.replies import judge_scores, judge_verdicts, lenient_json, questions_in_lists, questions_in_prose, reply_parts
from core.replies.judge_reasons import format_reason as format_reason
from core.replies.judge_scores import JudgeScore as JudgeScore
from core.replies.judge_scores import Preference as Preference
from core.replies.judge_verdicts import Verdict as Verdict
from core.replies.lenient_json import TruncatedText
from core.replies.questions_in_fields import RawPair, find_pairs_in_value, parse_field_name
from core.replies.response_schemas import BETTER_SCHEMA as BETTER_SCHEMA
from core.replies.response_schemas import LINKS_SCHEMA as LINKS_SCHEMA
from core.replies.response_schemas import MARK_SCHEMA as MARK_SCHEMA
from core.replies.response_schemas import PAIRS_OF_FACTS_SCHEMA as PAIRS_OF_FACTS_SCHEMA
from core.replies.response_schemas import PAIRS_SCHEMA as PAIRS_SCHEMA
from core.replies.response_schemas import REMADE_SCHEMA as REMADE_SCHEMA
from core.replies.response_schemas import STATEMENTS_SCHEMA as STATEMENTS_SCHEMA
from core.replies.response_schemas import VERDICT_SCHEMA as VERDICT_SCHEMA

MAX_PARSED_CHARACTERS = 1_000_000  # characters of a reply that are read; no model writes more at once
MAX_FENCES = 1000  # code fences of a reply that are read
MAX_PIECE_CHARACTERS = 120  # characters of a piece that is refused

_REFUSAL = lazy_pattern(
    r"(?:i['’]m|i am|we['’]re) (?:very |so |really )?(?:sorry|afraid|unable|not able)|^\W*(?:sorry|apologies|unfortunately)"
    r"|\bi (?:can['’]?t|cannot|can not|won['’]t)\b|as an ai|申し訳|すみません|ごめんなさい|お手伝いできません|お答えできません|"
    r"対応できません|作成できません|致しかねます|いたしかねます",
    re.IGNORECASE,
)
_CORRECTION = lazy_pattern(
    r"\b(?:correct(?:ed|ion)|revis(?:ed|ion)|final|improved|updated|fixed)\b|修正|訂正|改訂|最終|改善", re.IGNORECASE
)
_NO_REMARK = lazy_pattern(
    r"\W*(?:none|nothing|n/?a|no(?: such)? (?:remarks?|contradictions?|problems?|issues?|findings?|gaps?|repetitions?))"
    r"(?: (?:were |was |are )?(?:found|to report|detected|identified))?\W*"
    r"|\W*(?:特に)?(?:なし|ありません|見つかりませんでした|見当たりません)\W*"
    r"|\W*(?:矛盾|問題|指摘|重複|不明点|不足)(?:点|事項)?(?:は|も)?(?:特に)?(?:なし|ありません(?:でした)?|見つかりませんでした|見当たりません(?:でした)?)\W*",
    re.IGNORECASE,
)
_BOLD_HEADING = lazy_pattern(r"[^\w*]{0,4}\*{0,2}[^*\n]{1,60}\*\*[:：]?\W{0,2}")
_LIST_ITEM = lazy_pattern(r"([ \t]*)(?:[-*+•・●■◆○]|[(（]?[0-9０-９]{1,4}[.)．、）:：]|[①-⑳])[ \t　]*(?=\S)")
_JSON_LINE = lazy_pattern(r"^[ \t]{0,20}[\[{]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pair:
    """A question with its answer. `kind` is one of `KINDS` or ''; `quote` the passage of the spec that the model cites.

    `key_points` are what a right answer must say, as the model gives them, '' where it gives none: nobody has checked them.
    `fact` is the fact that the model names for it, '' where it names none.
    """

    question: str
    answer: str
    kind: str = ""
    quote: str = ""
    key_points: str = ""
    fact: str = ""


@dataclass(frozen=True, slots=True)
class RefusedPiece:
    """A piece of the reply that cannot be used, shortened to `MAX_PIECE_CHARACTERS`, and why, in a translated sentence."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class ParsedPairs:
    """The pairs of a reply, in order, and the pieces that are no pair. `is_cut`: the reply ends within a pair."""

    pairs: list[Pair]
    refused: list[RefusedPiece]
    is_cut: bool = False


def parse_pairs(reply: str) -> ParsedPairs:
    """Parse the pairs in `reply`, their texts unchanged but trimmed, and what in it could not be used.

    Reads JSON (fenced, in lines, truncated, with errors), tables, CSV, labels such as `Q1:` and lists. Where there is
    no pair at all, one refused piece says so. Never raises; takes time linear in the length.
    """
    text = _normalise_reply(reply)
    parsed = _sort_out_pairs(_find_pairs(text))
    if len(reply) > MAX_PARSED_CHARACTERS:
        reason = tr("The reply is too long: only its first {n} characters were read.", n=f"{MAX_PARSED_CHARACTERS:,}")
        parsed.refused.append(
            _build_refused_piece(reply[MAX_PARSED_CHARACTERS : MAX_PARSED_CHARACTERS + MAX_PIECE_CHARACTERS], reason)
        )
    if not parsed.pairs and not parsed.refused:
        parsed.refused.append(_build_refused_piece(text.strip(), _explain_no_pairs(text)))
    return parsed


def parse_statements(reply: str) -> list[str]:
    """Parse a list of statements: JSON, numbered or bulleted lines, else each line that is a sentence. [] if refused.

    Headings in bold and “None found.” are no statements.
    """
    return [one for one in _find_statements(_normalise_reply(reply)) if not _says_nothing(one)]


def _says_nothing(text: str) -> bool:
    return bool(_NO_REMARK.fullmatch(text) or _BOLD_HEADING.fullmatch(text))


def _find_statements(text: str) -> list[str]:
    prose = reply_parts.remove_thoughts(text)
    for part in (text, *(fence.text for fence in reply_parts.iterate_fences(prose)), prose):
        if statements := _find_statements_in_json(part):
            return statements
    return _find_list_items(prose) or ([] if _REFUSAL.search(prose[:200]) else _find_sentence_lines(prose))


def parse_verdict(reply: str) -> Verdict | None:
    """Parse what a judge decided, from JSON or plain words in English or Japanese; None when that is not clear."""
    text = strip_thoughts(reply)
    return judge_verdicts.find_in_values(lenient_json.parse_values(text)) or judge_verdicts.find_in_text(text)


def strip_thoughts(reply: str) -> str:
    """The reply without the reasoning before it, trimmed."""
    return reply_parts.remove_thoughts(_normalise_reply(reply)).strip()


def parse_score(reply: str) -> JudgeScore | None:
    """Parse the points (0 to 100) that a judge gives an answer; None when that is not clear."""
    text = strip_thoughts(reply)
    return judge_scores.parse_score(lenient_json.parse_values(text), text)


def parse_preference(reply: str) -> Preference | None:
    """Parse which of two answers a judge prefers; None when that is not clear."""
    text = strip_thoughts(reply)
    return judge_scores.parse_preference(lenient_json.parse_values(text), text)


def _normalise_reply(reply: str) -> str:
    return lenient_json.repair_surrogates(reply[:MAX_PARSED_CHARACTERS]).removeprefix("\ufeff").replace("\r\n", "\n")


def _find_pairs(text: str) -> list[RawPair]:
    """The pairs of the first parser that finds a usable one, else of the first that finds a part of one."""
    # The whole reply as JSON first: its texts may contain fences and thinking tags.
    as_json = _find_in_json(text) if text.lstrip()[:1] in ("[", "{", '"') else None
    if as_json and not any(map(_explain_unusable, as_json)):
        return as_json
    prose = reply_parts.remove_thoughts(text)
    fences = islice(reply_parts.iterate_fences(prose), MAX_FENCES)
    read = [(fence.text, _choose_reading(_iterate_readings(fence.text, fence.language))) for fence in fences]
    fenced = _drop_corrected(prose, [one for one in read if one[1]])
    if any(not _explain_unusable(raw) for raw in fenced):
        return fenced
    return _choose_reading([fenced, _choose_reading(_iterate_readings(prose, "", as_json if prose == text else None))])


def _drop_corrected(prose: str, read: list[tuple[str, list[RawPair]]]) -> list[RawPair]:
    """The pairs of all fences; those of the last alone where the words before it say that it corrects the others.

    A question that a later fence asks again is another version of it, and only the last one counts.
    """
    if len(read) > 1 and any(not _explain_unusable(raw) for raw in read[-1][1]):
        end = prose.rfind(read[-1][0])
        start = prose.rfind(read[-2][0], 0, end) + len(read[-2][0])
        if _CORRECTION.search(prose[start:end]):
            return read[-1][1]
    kept: list[list[RawPair]] = []
    asked_later: dict[str, set[str]] = {}  # questions of the fences below, with the kinds they have there
    for _text, raws in reversed(read):
        kept.append([raw for raw in raws if not _is_asked_again(raw, asked_later)])
        for raw in raws:
            if not _explain_unusable(raw):
                asked_later.setdefault(_normalise_question(raw.question), set()).add(raw.kind)
    return [raw for raws in reversed(kept) for raw in raws]


def _is_asked_again(raw: RawPair, asked_later: dict[str, set[str]]) -> bool:
    """Whether a later fence has the question; one of another kind is another row."""
    kinds = asked_later.get(_normalise_question(raw.question)) if raw.question.strip() else None
    return kinds is not None and (not raw.kind or raw.kind in kinds or "" in kinds)


def _normalise_question(text: str) -> str:
    """A question without its blanks, its end and its case; what tells “C” from “C++” stays."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split()).rstrip("?.!。")


def _iterate_readings(text: str, language: str, as_json: list[RawPair] | None = None) -> Iterator[list[RawPair]]:
    yield _find_in_json(text) if as_json is None else as_json
    yield list(reply_parts.iterate_table_pairs(text))
    yield list(reply_parts.iterate_csv_pairs(text, language))
    yield questions_in_prose.find_labelled_pairs(text)
    yield questions_in_lists.find_list_pairs(text)


def _choose_reading(readings: Iterable[list[RawPair]]) -> list[RawPair]:
    """The first reading with a usable pair, else the first with anything; later ones are not computed."""
    anything: list[RawPair] = []
    for raws in readings:
        if any(not _explain_unusable(raw) for raw in raws):
            return raws
        anything = anything or raws
    return anything


def _find_in_json(text: str) -> list[RawPair]:
    values = lenient_json.parse_values(text)
    if len(values) == 1 and isinstance(values[0], str):  # JSON inside a text of JSON
        values = lenient_json.parse_values(values[0])
    # Lines of messages, one object each, are one conversation.
    together = (
        [values] if len(values) > 1 and all(isinstance(one, dict) and "role" in one for one in values) else values
    )
    return [raw for value in together for raw in find_pairs_in_value(value)]


def _sort_out_pairs(raws: Iterable[RawPair]) -> ParsedPairs:
    raws = list(raws)
    parsed = ParsedPairs([], [], any(map(_is_cut, raws)))
    for raw in raws:
        if reason := _explain_unusable(raw):
            piece = " / ".join(filter(None, (raw.question.strip(), raw.answer.strip(), raw.quote.strip())))
            parsed.refused.append(_build_refused_piece(piece, reason))
        else:
            texts = (raw.question, raw.answer, raw.kind, raw.quote, raw.key_points, raw.fact)
            parsed.pairs.append(Pair(*(text.strip() for text in texts)))
    return parsed


def _explain_unusable(raw: RawPair) -> str:
    """Why a piece is no pair, in a translated sentence; '' where it is one."""
    if raw.reason:
        return raw.reason
    if _is_cut(raw):
        return tr("The reply is cut off here.")
    if not raw.question.strip():
        return tr("There is no question here.")
    return "" if raw.answer.strip() else tr("There is no answer to this question.")


def _is_cut(raw: RawPair) -> bool:
    return raw.is_truncated or isinstance(raw.question, TruncatedText) or isinstance(raw.answer, TruncatedText)


def _build_refused_piece(text: str, reason: str) -> RefusedPiece:
    return RefusedPiece(clip(" ".join(text[: 2 * MAX_PIECE_CHARACTERS].split()), MAX_PIECE_CHARACTERS), reason)


def _explain_no_pairs(text: str) -> str:
    if not text.strip("\ufeff \t\r\n　"):
        return tr("The model wrote nothing.")
    prose = reply_parts.remove_thoughts(text).strip()
    if not prose:
        return tr("The reply ends before the model had finished thinking.")
    if _REFUSAL.search(prose[:300]):
        return tr("The model declined and wrote no questions and answers.")
    return tr("No questions with answers were found in the model's reply.")


def _find_statements_in_json(text: str) -> list[str]:
    """The statements in JSON that starts at the beginning of a line: a `[1]` inside a sentence is no JSON."""
    start = _JSON_LINE.search(text)
    statements = (
        (
            one.strip()
            for value in lenient_json.parse_values(text[start.end() - 1 :])
            for one in _iterate_statements(value)
        )
        if start
        else ()
    )
    return [one for one in statements if any(char.isalpha() for char in one)]


def _iterate_statements(value: object) -> Iterator[str]:
    """The statements in a JSON value, without truncated ones: texts of lists, and texts of objects under a known key."""
    if isinstance(value, list):
        for one in value:
            if isinstance(one, str) and not isinstance(one, TruncatedText):
                yield one
            else:
                yield from _iterate_statements(one)
    elif isinstance(value, dict):
        named = [one for key, one in value.items() if isinstance(one, str) and _is_statement_key(key)]
        yield from (one for one in named if not isinstance(one, TruncatedText))
        for one in value.values():
            if isinstance(one, (list, dict)):
                yield from _iterate_statements(one)


def _is_statement_key(key: str) -> bool:
    names = "statement fact text content sentence remark problem finding issue 事実 文 内容 記述 指摘 命題"
    return (
        key.strip().lower().rstrip("0123456789_ ").removesuffix("s") in names.split()
        or parse_field_name(key)[0] == "answer"
    )


def _find_list_items(text: str) -> list[str]:
    items: list[str] = []
    open_item = False
    for line in text.split("\n"):
        if item := _LIST_ITEM.match(line):
            items.append(line[item.end() :].strip())
        elif open_item and line[:1] in (" ", "\t", "　") and line.strip():
            items[-1] += f" {line.strip()}"
            continue
        open_item = bool(item)
    return [one for one in items if one]


def _find_sentence_lines(text: str) -> list[str]:
    lines = (line.strip() for line in text.split("\n"))
    return [line for line in lines if line.endswith((".", "。", "．", "!", "！"))]
