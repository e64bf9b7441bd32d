"""The spec drafted by chat: the messages of a request, and the new text that a reply proposes."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from core import prompts
from core.generation import spec_sections
from core.generation.spec_proposals import PART_SEPARATOR
from core.lazy_loading import lazy_pattern
from core.lazy_rapidfuzz import fuzz, process
from core.providers import Message, Sampling
from core.replies import reply_parts
from core.spec import spec
from core.text import diff
from core.text.diff import Hunk

TALK_TOKENS = 1500  # tokens of a reply besides the new text
BYTES_PER_TOKEN = 2  # of a text in UTF-8: fewer than it will be, in English and in Japanese, so that there is room
MAX_REPLY_TOKENS = 16_000  # that are asked for; many servers refuse more
MIN_SHARE_OF_VERSION = 0.6  # of a fence's lines that another one has, too: both are versions of one text
MIN_VERSION_SIMILARITY = 75.0  # per cent that two versions of a line share
MAX_VERSION_LINES = 200  # of a fence that are compared with those of another one
MAX_PARTS = 50  # fences of a reply that are compared with each other
MAX_LEAD_IN_CHARACTERS = 600  # characters of talk before a new text that stands in no fence

DOCUMENT_LANGUAGES = (
    "",
    "markdown",
    "md",
    "mdown",
    "mkd",
    "text",
    "txt",
    "plaintext",
)  # languages of a fence with a new text
MARKDOWN_LANGUAGES = ("markdown", "md", "mdown", "mkd")

_FENCE = lazy_pattern(r"([ \t]{0,12})(`{3,}+|~{3,}+)[ \t]*([^`]{0,60})")
_HEADING = lazy_pattern(r" {0,3}#{1,6}[ \t]+\S")
_QUOTE = lazy_pattern(r"[“「『\"]([^“”「」『』\"\n]{3,400})[”」』\"]")
_TITLE = lazy_pattern(r"#[ \t]+\S")


class SpecExchange(NamedTuple):
    """A person's question, and the model's whole reply."""

    question: str
    reply: str


class _Fence(NamedTuple):
    """Lines `start` to `end` (those of the fence itself, the end not included); `closed` unless the reply ended first."""

    start: int
    end: int
    indent: int
    language: str
    closed: bool


class SpecReply(NamedTuple):
    """A parsed reply: the words around a new text, that text, and whether the text is cut off."""

    talk: str
    text: str | None
    is_cut: bool


def build_messages(state: spec.Spec, before: Sequence[SpecExchange], question: str) -> list[Message]:
    """The messages of the next request: the prompt with the present text, the conversation, and the question.

    Texts proposed before the last reply are left out: the present text shows what was taken from them.
    """
    prompt = prompts.load("spec", spec.get_language(state))
    found: list[Message] = [{"role": "system", "content": prompts.fill(prompt, spec=state.text)}]
    for number, one in enumerate(before, start=1):
        reply = one.reply if number == len(before) else read_talk(one.reply) or one.reply
        found += [{"role": "user", "content": one.question}, {"role": "assistant", "content": reply}]
    return [*found, {"role": "user", "content": question}]


def choose_sampling(text: str) -> Sampling:
    """The sampling of a reply that has room for all of `text` again."""
    size = len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN
    return Sampling(temperature=0.3, max_tokens=min(MAX_REPLY_TOKENS, TALK_TOKENS + size))


def read_new_text(reply: str) -> str | None:
    """The whole new text that a reply proposes; None where it proposes none, or was cut off."""
    return parse_reply(reply).text


def read_talk(reply: str) -> str:
    """The words of a reply around a proposed text."""
    return parse_reply(reply).talk


def parse_reply(reply: str) -> SpecReply:
    """Parse a reply, also one that is still being streamed.

    A new text is the content of a fence, or all from a title on where that is at the start or is announced. Fences that
    each hold a part are all taken, with a line `PART_SEPARATOR` between them.
    """
    text = reply_parts.remove_thoughts(reply.replace("\r\n", "\n").removeprefix("\ufeff"))
    lines = text.split("\n")
    fences = _find_fences(lines)
    if fences and not fences[-1].closed and _may_be_document(lines, fences[-1]):
        return SpecReply(_text_around(lines, fences[-1:]), None, True)
    documents = [one for one in fences if one.closed and _is_document(lines, one)]
    if documents:
        chosen = _choose_documents(lines, documents)
        new_text = f"\n\n{PART_SEPARATOR}\n\n".join(_body(lines, one) for one in chosen)
        return SpecReply(_text_around(lines, chosen), new_text, False)
    return _parse_unfenced(lines) or SpecReply(text.strip(), None, False)


def _choose_documents(lines: Sequence[str], documents: Sequence[_Fence]) -> list[_Fence]:
    """The fences that hold the new text: of several versions of one text the largest, of equal headings the last."""
    has_language = any(one.language in MARKDOWN_LANGUAGES for one in documents)
    chosen: list[_Fence] = []
    for one in documents[:MAX_PARTS]:
        if has_language and one.language not in MARKDOWN_LANGUAGES:
            continue
        versions = [other for other in chosen if _are_versions(_body(lines, other), _body(lines, one))]
        is_newer = all(
            _get_keys(_body(lines, other)) == _get_keys(_body(lines, one)) or _size(lines, other) <= _size(lines, one)
            for other in versions
        )
        if is_newer:
            chosen = [*(other for other in chosen if other not in versions), one]
    return chosen


def _get_keys(text: str) -> set[str]:
    return {one.key for one in spec_sections.split_sections(text.split("\n")) if one.title}


def _are_versions(first: str, second: str) -> bool:
    """Whether two texts are versions of one: they share a heading, or, where one has none, most lines of the shorter one."""
    keys, others = _get_keys(first), _get_keys(second)
    if keys and others:
        return not keys.isdisjoint(others)
    bodies = ([line for line in text.split("\n") if line.strip()][:MAX_VERSION_LINES] for text in (first, second))
    shorter, longer = sorted(bodies, key=len)
    found = (
        process.extractOne(line, longer, scorer=fuzz.ratio, score_cutoff=MIN_VERSION_SIMILARITY) for line in shorter
    )
    same = sum(one is not None for one in found)
    return same >= MIN_SHARE_OF_VERSION * len(shorter)


def find_quoted_place(remark: str, text: str) -> int | None:
    """The position of the first passage of `text` that a remark quotes; None where it quotes none."""
    places = (text.find(found[1].strip()) for found in _QUOTE.finditer(remark))
    return next((place for place in places if place >= 0), None)


def merge_proposal(base: str, proposal: str, now: str) -> str:
    """A three-way merge: the proposal, which was made from `base`, applied to the text `now`.

    Changes of one side are taken; where both have changed the same lines, the proposal's are taken.
    """
    before, theirs, ours = (diff.split_lines(text) for text in (base, proposal, now))
    merged: list[str] = []
    done = 0  # lines of `before` that are through
    for start, end, their_hunks, our_hunks in _find_regions(
        diff.find_hunks(base, proposal), diff.find_hunks(base, now)
    ):
        merged += before[done:start]
        lines, hunks = (theirs, their_hunks) if their_hunks else (ours, our_hunks)
        first, last = hunks[0], hunks[-1]
        merged += lines[first.new_start - (first.start - start) : last.new_end + (end - last.end)]
        done = end
    return "\n".join(merged + before[done:])


def match_line_breaks(proposal: str, now: str) -> str:
    """The proposal with as many line breaks at its ends as `now` has: a fence does not show them."""
    body = proposal.strip("\n")
    if not now.strip("\n"):
        return body
    return "\n" * (len(now) - len(now.lstrip("\n"))) + body + "\n" * (len(now) - len(now.rstrip("\n")))


_Region = tuple[int, int, list[Hunk], list[Hunk]]


def _find_regions(theirs: Sequence[Hunk], ours: Sequence[Hunk]) -> list[_Region]:
    """Changes of both that touch each other, taken together: the lines they concern, theirs, and ours."""
    found: list[_Region] = []
    for hunk, is_theirs in sorted([*((one, True) for one in theirs), *((one, False) for one in ours)]):
        if found and (hunk.start < found[-1][1] or hunk.start == hunk.end == found[-1][0]):
            start, end, their, our = found.pop()
        else:
            start, end, their, our = hunk.start, hunk.end, [], []
        (their if is_theirs else our).append(hunk)
        found.append((start, max(end, hunk.end), their, our))
    return found


def _find_fences(lines: Sequence[str]) -> list[_Fence]:
    """The fences of a reply, outermost ones; in a document they may hold others."""
    marks = [(at, mark) for at, line in enumerate(lines) if (mark := _FENCE.fullmatch(line.rstrip()))]
    found: list[_Fence] = []
    number = 0
    while number < len(marks):
        start, opened = marks[number]
        language = opened[3].split(maxsplit=1)[0].lower() if opened[3].strip() else ""
        closing = _find_closing(lines, marks, number, language in MARKDOWN_LANGUAGES)
        end = len(lines) if closing is None else marks[closing][0] + 1
        found.append(_Fence(start, end, len(opened[1]), language, closing is not None))
        number = len(marks) if closing is None else closing + 1
    return found


_Marks = Sequence[tuple[int, re.Match[str]]]  # lines that open or close a fence: indent, marks, language


def _find_closing(lines: Sequence[str], marks: _Marks, first: int, nests: bool) -> int | None:
    """Which of `marks` closes the `first`; those of fences within it are passed over."""
    outer = marks[first][1][2]
    inner = ""  # the marks of a fence within, while one is open
    for number in range(first + 1, len(marks)):
        mark = marks[number][1]
        closes = mark[2].startswith(outer) and not mark[3]
        if inner and not (closes and len(outer) > len(inner)):
            inner = "" if mark[2].startswith(inner) and not mark[3] else inner
        elif closes and not (nests and _opens_inner_fence(lines, marks, number)):
            return number
        elif nests:
            inner = mark[2]
    return None


def _opens_inner_fence(lines: Sequence[str], marks: _Marks, number: int) -> bool:
    """Whether a bare fence line in a document rather opens a fence within it: text follows, and two more to close both."""
    after = marks[number][0] + 1
    follows = after < len(lines) and bool(lines[after].strip())
    next = marks[number + 1 : number + 3]
    return follows and len(next) == 2 and not any(mark[3] for _at, mark in next)


def _lines_inside(lines: Sequence[str], fence: _Fence) -> Sequence[str]:
    return lines[fence.start + 1 : fence.end - fence.closed]


def _size(lines: Sequence[str], fence: _Fence) -> int:
    return sum(len(line) + 1 for line in _lines_inside(lines, fence))


def _is_document(lines: Sequence[str], fence: _Fence) -> bool:
    """Whether a fence holds a new text, and no code, quoted sentence or table of figures."""
    inside = [line for line in _lines_inside(lines, fence) if line.strip()]
    if fence.language in MARKDOWN_LANGUAGES:
        return bool(inside)
    return fence.language in DOCUMENT_LANGUAGES and any(_HEADING.match(line[fence.indent :]) for line in inside)


def _may_be_document(lines: Sequence[str], fence: _Fence) -> bool:
    """The same of one that is not yet whole: its heading may be still to come."""
    inside = [line for line in _lines_inside(lines, fence) if line.strip()]
    return (
        fence.language in MARKDOWN_LANGUAGES
        or (len(inside) < 2 and fence.language in DOCUMENT_LANGUAGES)
        or _is_document(lines, fence)
    )


def _body(lines: Sequence[str], fence: _Fence) -> str:
    """The content of a fence, without its indent."""
    margin = " " * fence.indent
    return "\n".join(line.removeprefix(margin) for line in _lines_inside(lines, fence)).strip("\n")


def _text_around(lines: Sequence[str], fences: Sequence[_Fence]) -> str:
    starts, ends = [0, *(one.end for one in fences)], [*(one.start for one in fences), len(lines)]
    parts = ("\n".join(lines[start:end]).strip() for start, end in zip(starts, ends, strict=True))
    return "\n\n".join(part for part in parts if part)


def _parse_unfenced(lines: Sequence[str]) -> SpecReply | None:
    """A new text that begins with its title and goes to the end, alone or behind a few words that announce it."""
    at = next((at for at, line in enumerate(lines) if _TITLE.match(line)), None)
    if at is None or sum(bool(line.strip()) for line in lines[at:]) < 2:
        return None
    text = "\n".join(lines[:at]).strip()
    if text and not (len(text) <= MAX_LEAD_IN_CHARACTERS and text.rstrip("*_").endswith((":", "：", "---"))):
        return None
    return SpecReply(text.removesuffix("---").strip(), "\n".join(lines[at:]).strip("\n"), False)
