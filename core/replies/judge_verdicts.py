"""Parses what a judge decided about an answer: it follows from the fact, contradicts it, or neither."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.lazy_loading import lazy_pattern
from core.replies import judge_reasons
from core.replies.lenient_json import TruncatedText

SUPPORTED, CONTRADICTS, NOT_IN_TEXT = "supported", "contradicts", "not_in_text"

_VERDICT_KEYS = "verdict judgement judgment decision result label answer 判定 結論 判断 結果"
_VERDICT_PATTERNS = {
    NOT_IN_TEXT: (
        r"not[ _-]?in[ _-]?(?:the[ _-])?text|not[ _-]supported|unsupported|not[ _-]stated|not[ _-]mentioned"
        r"|(?:支持|裏付け|裏づけ)(?:されて(?:いない|いません)|されない|られない|られません|られて(?:いない|いません))"
        r"|本文に(?:は)?(?:ない|ありません)|(?:書かれて|記載されて|述べられて|含まれて)(?:いない|いません)|記載なし"
    ),
    CONTRADICTS: r"contradict(?:s|ed|ory|ion)?|矛盾(?:する|します|して(?:いる|います)|$|[。」\s])|反して(?:いる|います)",
    SUPPORTED: (
        r"(?:fully )?supported|supports|支持(?:される|されます|されて(?:いる|います)|$|[。」\s])"
        r"|(?:裏付け|裏づけ)られ(?:る|ます|て(?:いる|います))|一致(?:する|します|して(?:いる|います))"
    ),
}
_NO_CONTRADICTION = lazy_pattern(
    r"(?:does(?:n['’]t| not)|do(?:n['’]t| not)|is(?:n['’]t| not)|no|without|nor|never|not) (?:a )?contradict\w*"
    r"|矛盾(?:し(?:ない|ません|て(?:いない|いません))|(?:は|が|も)?(?:ない|なく|ありません))",
    re.IGNORECASE,
)
_ANY_VERDICT = lazy_pattern(
    "|".join(f"(?P<{name}>{words})" for name, words in _VERDICT_PATTERNS.items()), re.IGNORECASE
)
_VERDICT_LABEL = lazy_pattern(
    r"(?:verdict|judge?ment|decision|判定|結論|判断)[*_\s]{0,4}[:：は][*_\s]{0,4}", re.IGNORECASE
)
_REASON_LABEL = lazy_pattern(r"(?:reason(?:ing)?|explanation|理由|説明)[*_\s]{0,4}[:：][*_\s]{0,4}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`verdict` is 'supported', 'contradicts' or 'not_in_text'."""

    verdict: str
    reason: str = ""


def find_in_values(values: Sequence[object]) -> Verdict | None:
    """The verdict in the JSON values of a reply: of the last object that has one, since a judge may reason first."""
    verdicts = [verdict for value in values for verdict in _iterate_verdicts(value, 0)]
    return verdicts[-1] if verdicts else None


def _iterate_verdicts(value: object, depth: int) -> Iterator[Verdict]:
    if isinstance(value, dict):
        reason = judge_reasons.get_reason(value)
        for text in judge_reasons.get_by_names(value, _VERDICT_KEYS):
            if isinstance(text, str) and not isinstance(text, TruncatedText) and (word := _find_verdict(text)):
                yield Verdict(word, reason.strip())
                return
        true = [word for key, one in value.items() if one is True and (word := _find_verdict(key))]
        if len(true) == 1:
            yield Verdict(true[0], reason.strip())
            return
    inner = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    for one in inner if depth < 8 else ():
        yield from _iterate_verdicts(one, depth + 1)


def find_in_text(text: str) -> Verdict | None:
    """The verdict in plain text: after a label such as `Verdict:`, else the only one that occurs; None if several do."""
    reason = _REASON_LABEL.search(text)
    explanation = text[reason.end() :] if reason else text
    if label := _VERDICT_LABEL.search(text):
        word = _find_verdict(text[label.end() :].strip().split("\n")[0][:100])
        return (
            Verdict(word, judge_reasons.format_reason(explanation)[: judge_reasons.MAX_REASON_CHARACTERS])
            if word
            else None
        )
    word = _find_verdict(text.split("\n")[0][:100]) or _find_verdict(text)
    return (
        Verdict(word, judge_reasons.format_reason(explanation)[: judge_reasons.MAX_REASON_CHARACTERS]) if word else None
    )


def _find_verdict(text: str) -> str:
    """The one verdict in `text`; '' where there is none, or several."""
    verdicts = {match.lastgroup for match in _ANY_VERDICT.finditer(_NO_CONTRADICTION.sub(" ", text))}
    return next(iter(verdicts)) or "" if len(verdicts) == 1 else ""
