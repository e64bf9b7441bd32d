"""Questions for a whole statement of which nothing else can be asked: what happens then, what somebody must do, is it so."""

import re
from collections.abc import Iterator, Sequence

from core.lazy_loading import lazy_pattern
from core.text.questions.english_asking import Ask

MAX_WORDS = 30  # of a statement that a question repeats

_THEN = lazy_pattern(
    r"^(?P<when>(?:[Ii]f|[Ww]hen|[Aa]fter|[Bb]efore|[Oo]nce|[Uu]nless|[Aa]s soon as|[Ii]n case of) [^,;:]{3,80}), (?P<rest>.+)$"
)
_WHOEVER = lazy_pattern(
    r"^(?P<who>(?:An?|The|Every|Each|Any|All) (?:[\w’'-]+ ){1,3}(?:who|that) .{3,60}?) "
    r"(?P<modal>must not|must|may not|may|cannot|can|should) (?P<verb>(?!be\b)[a-z]+)\b"
)
_POINTS_BACK = lazy_pattern(r"\b(?:it|they|them|he|she|this|these|that one)\b", re.IGNORECASE)


def ask_whole(sentence: str, others: Sequence[str]) -> Iterator[Ask]:
    """Yield the questions; a statement that is too long, or several of them, gives none.

    `others` are the page's other statements: what happens then is not asked where one of them may say it, too.
    """
    plain = sentence.strip().rstrip(".!")
    if not plain or len(plain.split()) > MAX_WORDS or re.search(r"[.!?:;] ", plain):
        return
    then = _THEN.match(plain)
    when = then["when"][0].lower() + then["when"][1:] if then else ""
    if when and not _POINTS_BACK.search(when) and not any(when in other.lower() for other in others):
        yield Ask(f"What happens {when}?", f"what happens {when}", "what_happens", "direct")
    elif whoever := _WHOEVER.match(plain):
        who, modal = whoever["who"][0].lower() + whoever["who"][1:], whoever["modal"]
        first, _, negated = modal.partition(" ")
        first, negated = ("can", "not") if modal == "cannot" else (first, negated)
        asked = " ".join(filter(None, ["What", first, who, negated, "do?"]))
        yield Ask(asked, " ".join(filter(None, ["what", who, first, negated, "do"])), "what_do", "direct")
    yield Ask(f"Is this right: “{plain}”?", f"whether this is right: “{plain}”", "yes_no", "reworded")
