"""The sections of a spec, and those that a model's new text leaves out: they are kept unless it was asked to remove them."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from core.lazy_loading import lazy_pattern
from core.lazy_rapidfuzz import fuzz, process

MIN_SHARE_ELSEWHERE = 0.6  # of a section's lines that a new text has: it is under another heading there
MIN_SIMILARITY_ELSEWHERE = 80.0  # per cent that such a line shares with the one it was
UNMARKED_LEVEL = 7  # of a heading that Markdown has no mark for: below all others

_FENCE = lazy_pattern(r"[ \t]{0,12}(?:`{3,}|~{3,})")
_HEADING = lazy_pattern(
    r" {0,3}(?P<level>[#＃]{1,6})[ \t　]+(?P<marked>\S.*)"
    r"|\*\*(?P<bold>[^*\n]{0,80}[^*\n.。:：])\*\*[ \t]*|[ \t　]*【(?P<box>[^【】]{1,80})】[ \t　]*"
)
_NUMBER = lazy_pattern(r"[0-9]{1,3}[.)][ \t]+")
# What a person writes who wants less text, or another one.
_DELETION = lazy_pattern(
    r"\b(?:(?:delet|remov|condens|summari[sz]|trimm|omit|simplif|rewrit|rework|restructur|reorgani[sz]|translat|merg|shorten)\w*"
    r"|drop|dropping|cut|cutting|short|shorter|trim|strip|combine|combining|fewer|less|concise|leav\w+ out|tak\w+ out|get rid"
    r"|start over|from scratch)\b"
    r"|削除|消し|消す|消去|取り除|除いて|除く|省い|省略|短く|短縮|縮め|要約|簡潔|簡単に|まとめ|統合|外し|外す|なくし|減らし|減らす"
    r"|書き直|書き換|作り直|構成し直|翻訳|訳し|英語に|日本語に",
    re.IGNORECASE,
)
_NO_DELETION = lazy_pattern(
    r"\b(?:don['’]?t|do not|never|without|not|nothing)\b[^.!?;,\n]{0,30}?\b(?:delet|remov|drop|cut|short|leav|omit|rewrit)\w*"
    r"|\b(?:delet|remov|drop|cut|omit)\w* nothing\b"
    r"|(?:削除|省略|短縮|要約|統合)(?:は)?(?:し(?:ない|ません)|せず|なし)|消さ(?:ない|ず)|省か(?:ない|ず)|短く(?:し(?:ない|ません)|せず)"
    r"|減らさ(?:ない|ず)|まとめ(?:ない|ず)",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Section:
    """A heading and the lines below it, up to the next heading; the first section of a text may have none ('').

    `above` are the titles of the headings that it stands under.
    """

    title: str
    level: int
    lines: list[str]
    above: tuple[str, ...] = ()
    body: list[str] = field(default_factory=list)  # the lines that are neither blank nor the heading

    @property
    def key(self) -> str:
        """The title as it is compared: without case, number and marks."""
        title = unicodedata.normalize("NFKC", self.title).casefold().strip(" \t#*_:")
        return " ".join(_NUMBER.sub("", title, count=1).split())


def split_sections(lines: Sequence[str]) -> list[Section]:
    """The sections of a text, in order; together they have all its lines. A `#` in a code fence begins none."""
    found = [Section("", 0, [])]
    path: list[Section] = []
    in_fence = False
    for line in lines:
        in_fence ^= bool(_FENCE.match(line))
        heading = None if in_fence else _HEADING.fullmatch(line)
        if heading:
            title = next(filter(None, (heading["marked"], heading["bold"], heading["box"])))
            level = len(heading["level"]) if heading["level"] else UNMARKED_LEVEL
            path = [one for one in path if one.level < level]
            found.append(Section(title.rstrip(" #"), level, [line], tuple(one.title for one in path)))
            path.append(found[-1])
        else:
            found[-1].lines.append(line)
            found[-1].body += [line.strip()] if line.strip() else []
    return found


def has_headings(lines: Sequence[str]) -> bool:
    """Whether a text has any heading."""
    return len(split_sections(lines)) > 1


def asks_for_deletion(asked: str) -> bool:
    """Whether a person's message asks for less text, or for another one: “shorter”, “delete …”, 「翻訳して」."""
    return bool(_DELETION.search(_NO_DELETION.sub(" ", asked)))


def keep_left_out(lines: Sequence[str], before: Sequence[str], asked: str = "") -> tuple[list[str], list[str]]:
    """A whole new text with the sections of the text `before` that it leaves out, and the titles of these.

    They stand behind the section that they followed. A section whose lines are under another heading now is not left out,
    nor is one that the person's message `asked` to delete, to shorten or to write anew.
    """
    old, new = split_sections(before), split_sections(lines)
    partners = _match_sections(old, new)
    missing = [one for one in old if one.title and id(one) not in partners]
    missing = [one for one in missing if not _may_be_deleted(one, old, asked)]
    restored = _restore_first_heading(missing, old, new, partners)
    missing = [one for one in missing if one.title not in restored]
    free = list(_iterate_new_lines(old, new, partners))
    kept = [one for one in missing if not _is_elsewhere(one, free)]
    kept = [one for one in kept if one.body or not _has_subsections(one, old) or _is_above_any(one, kept, old)]
    if not kept and not restored:
        return list(lines), []
    whole = _join(_insert(kept, old, new, partners))
    while lines[-1].strip() and not whole[-1].strip():  # blank lines behind a section that is the last one now
        whole.pop()
    return whole, [*restored, *(one.title for one in kept)]


def _restore_first_heading(
    missing: Sequence[Section], old: Sequence[Section], new: Sequence[Section], partners: dict[int, Section]
) -> list[str]:
    """Where only the heading of the first section is left out, put it before its lines; its title, if so."""
    first = next((one for one in old if one.title), None)
    if not any(one is first for one in missing) or first is None or old[0].body or not new[0].body:
        return []
    if first.body and not _is_elsewhere(first, new[0].body):
        return []
    new[0].lines[:0] = [first.lines[0], ""]
    partners[id(first)] = new[0]
    return [first.title]


def _match_sections(old: Sequence[Section], new: Sequence[Section]) -> dict[int, Section]:
    """The section of the new text for each old one (by its `id`) whose heading is still there."""
    partners: dict[int, Section] = {}
    by_key: dict[str, list[Section]] = {}
    for one in new:
        by_key.setdefault(one.key, []).append(one)
    for is_same_place in (True, False):  # of two equal headings first the one under the same heading
        for one in old:
            same = by_key.get(one.key, []) if id(one) not in partners else []
            found = next((other for other in same if not is_same_place or other.above == one.above), None)
            if found:
                partners[id(one)] = found
                by_key[one.key] = [other for other in same if other is not found]
    return partners


def _may_be_deleted(section: Section, sections: Sequence[Section], asked: str) -> bool:
    """Whether the person wants it gone: of a message that names headings, those only and what is below them."""
    if not asks_for_deletion(asked):
        return False
    words = unicodedata.normalize("NFKC", asked).casefold()
    titles = [one for one in sections if one.title]
    is_whole = titles[0].level < min((one.level for one in titles[1:]), default=UNMARKED_LEVEL + 1)
    named = {one.title for one in titles[is_whole:] if one.key and _names(words, one.key)}
    return not named or not named.isdisjoint((section.title, *section.above))


def _names(words: str, title: str) -> bool:
    """Whether a message names a title, also in the plural; “page” does not name “Age”."""
    before = "(?<![a-z0-9])" if title[0].isascii() else ""
    after = "(?:e?s)?(?![a-z0-9])" if title[-1].isascii() else ""
    return re.search(before + re.escape(title) + after, words) is not None


def _iterate_new_lines(old: Sequence[Section], new: Sequence[Section], partners: dict[int, Section]) -> Iterator[str]:
    """The lines of a new text that are no line, or changed line, of a section that is still there."""
    taken = {line for one in old if id(one) in partners for line in one.body}
    bodies = {id(partners[id(one)]): one.body for one in old if id(one) in partners}
    for one in new:
        own = bodies.get(id(one), [])
        yield from (line for line in one.body if line not in taken and not _is_similar_to_any(line, own))


def _is_similar_to_any(line: str, lines: Sequence[str]) -> bool:
    return process.extractOne(line, lines, scorer=fuzz.ratio, score_cutoff=MIN_SIMILARITY_ELSEWHERE) is not None


def _is_elsewhere(section: Section, lines: Sequence[str]) -> bool:
    """Whether most lines of a section are among these, word by word or a little changed."""
    if not section.body or not lines:
        return False
    known = set(lines)
    found = sum(
        line in known or bool(process.extractOne(line, lines, scorer=fuzz.ratio, score_cutoff=MIN_SIMILARITY_ELSEWHERE))
        for line in section.body
    )
    return found >= MIN_SHARE_ELSEWHERE * len(section.body)


def _iterate_subsections(section: Section, sections: Sequence[Section]) -> Iterator[Section]:
    at = next(number for number, one in enumerate(sections) if one is section)
    for one in sections[at + 1 :]:
        if one.level <= section.level:
            return
        yield one


def _has_subsections(section: Section, sections: Sequence[Section]) -> bool:
    return next(_iterate_subsections(section, sections), None) is not None


def _is_above_any(section: Section, kept: Sequence[Section], sections: Sequence[Section]) -> bool:
    return any(below is one for below in _iterate_subsections(section, sections) for one in kept if one.body)


def _insert(
    kept: Sequence[Section], old: Sequence[Section], new: Sequence[Section], partners: dict[int, Section]
) -> list[Section]:
    result = list(new)
    at = 1  # where the next section is inserted: behind the last one that was in the text before, or at the start
    known = {id(one) for one in partners.values()}
    for one in old:
        if id(one) in partners:
            at = next(number for number, other in enumerate(result) if other is partners[id(one)]) + 1
        elif any(other is one for other in kept):
            while at < len(result) and id(result[at]) not in known and result[at].level > one.level:
                at += 1  # new sections below the one before
            result.insert(at, one)
            known.add(id(one))
            at += 1
    return result


def _join(sections: Sequence[Section]) -> list[str]:
    """The lines of all sections, with a blank line between two of them."""
    lines: list[str] = []
    for one in sections:
        gap = [""] if lines and lines[-1].strip() and one.lines and one.lines[0].strip() else []
        lines += [*gap, *one.lines]
    return lines
