"""What a judge decided about an answer: by the fact, against it, or neither."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.replies import judge_reasons
from core.replies.lenient_json import CutText

SUPPORTED, CONTRADICTS, NOT_IN_TEXT = "supported", "contradicts", "not_in_text"

_NAMES = "verdict judgement judgment decision result label answer 判定 結論 判断 結果"
_WORDS = {
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
_DENIED = re.compile(
    r"(?:does(?:n['’]t| not)|do(?:n['’]t| not)|is(?:n['’]t| not)|no|without|nor|never|not) (?:a )?contradict\w*"
    r"|矛盾(?:し(?:ない|ません|て(?:いない|いません))|(?:は|が|も)?(?:ない|なく|ありません))",
    re.IGNORECASE,
)
_ANY = re.compile("|".join(f"(?P<{name}>{words})" for name, words in _WORDS.items()), re.IGNORECASE)
_LABELLED = re.compile(r"(?:verdict|judge?ment|decision|判定|結論|判断)[*_\s]{0,4}[:：は][*_\s]{0,4}", re.IGNORECASE)
_REASON = re.compile(r"(?:reason(?:ing)?|explanation|理由|説明)[*_\s]{0,4}[:：][*_\s]{0,4}", re.IGNORECASE)
_REASON_LIMIT = 500  # characters of plain words that are kept as the reason


@dataclass(frozen=True, slots=True)
class Verdict:
    """`verdict` is 'supported', 'contradicts' or 'not_in_text'."""

    verdict: str
    reason: str = ""


def of_values(values: Sequence[object]) -> Verdict | None:
    """The verdict in the JSON of a reply: of the last object that has one, since a judge may weigh first."""
    found = [verdict for value in values for verdict in _in_value(value, 0)]
    return found[-1] if found else None


def _in_value(value: object, depth: int) -> Iterator[Verdict]:
    if isinstance(value, dict):
        reason = judge_reasons.of_object(value)
        for said in judge_reasons.named(value, _NAMES):
            if isinstance(said, str) and not isinstance(said, CutText) and (word := _word(said)):
                yield Verdict(word, reason.strip())
                return
        true = [word for key, one in value.items() if one is True and (word := _word(key))]
        if len(true) == 1:
            yield Verdict(true[0], reason.strip())
            return
    inner = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    for one in inner if depth < 8 else ():
        yield from _in_value(one, depth + 1)


def of_words(text: str) -> Verdict | None:
    """The verdict in plain words: behind a label such as `Verdict:`, else the only one that is named at all."""
    reason = _REASON.search(text)
    said = text[reason.end() :] if reason else text
    if label := _LABELLED.search(text):
        word = _word(text[label.end() :].strip().split("\n")[0][:100])
        return Verdict(word, judge_reasons.in_words(said)[:_REASON_LIMIT]) if word else None
    word = _word(text.split("\n")[0][:100]) or _word(text)
    return Verdict(word, judge_reasons.in_words(said)[:_REASON_LIMIT]) if word else None


def _word(text: str) -> str:
    """The one verdict that `text` names; '' where it names none, or several."""
    found = {match.lastgroup for match in _ANY.finditer(_DENIED.sub(" ", text))}
    return next(iter(found)) or "" if len(found) == 1 else ""
