"""Japanese questions for a rule with an exception (ただし, 〜を除き, 以外), for a whole list, and for one thing of a list."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from core.lazy_loading import lazy_pattern
from core.text.questions.japanese_page import ReadFact
from core.text.questions.japanese_plain import split_plain

MAX_RULE = 45  # characters of a rule that a question repeats
MAX_ITEMS, MAX_ITEM = 9, 14
_POLITE = r"(?:ます|ません|です|でした|ました)$"
_REMOVED = lazy_pattern(r"(?P<mark>、?)(?P<exception>[^、。は]{1,20}?)(?:を|は)除(?:き|いて|く)、?")
_OTHERS = lazy_pattern(
    r"^(?P<who>[^、。はがをに]{1,14})以外(?:の(?P<noun>[^、。はがをに]{1,8}))?は、?(?P<rest>[^。]{3,30}?)(?P<end>ません)$"
)
_BUT_CASE = lazy_pattern(
    r"^ただし、?(?P<case>.{2,30}?(?:場合|とき|時|日|人|もの))(?:は|を)(?:除きます|除く|例外です|この限りではありません)"
)
_BUT = lazy_pattern(r"^ただし、?")
_BACK = lazy_pattern(r"^(?:その|この|それ|これ|そこ|ここ|ただし|また|なお|ほか|他)")
_ITEM = rf"[^、。はがをにでへもと（）「」：\s]{{1,{MAX_ITEM}}}"
_LISTED = lazy_pattern(
    rf"^(?P<lead>(?:[^、。「」]{{1,20}}?(?:には|では|は|に)、?)?)(?P<items>{_ITEM}(?:、{_ITEM}){{1,7}}(?:、|と|や|および|または){_ITEM}|{_ITEM}(?:、{_ITEM}){{2,8}})(?P<end>(?:が|を|は|です|の).{{0,25}})$"
)
_SUBJECT_OF = lazy_pattern("(?:[えけげせてねべめれ]ます|できます|あります|です|ています)$")  # は may stand for が
_WORD = "[\u3400-\u9fff\u30a1-\u30fa\u30fcA-Za-z0-9]"
_SEPARATOR = lazy_pattern(rf"、|(?<={_WORD})(?:と|や|および|または)(?={_WORD})")
_LIST_END = lazy_pattern("など$|の[一二三四五六七八九十]+[^の]{1,2}$")  # 赤、青、緑の三色
_BARE_ITEM = lazy_pattern(r"^[^。、]{1,20}$")
_SENTENCE_END = lazy_pattern(r"(?:ます|ません|です|ました|でした|ください|だ|である|[るいたう])。?$")


def iterate_exceptions(read: ReadFact, before: ReadFact | None) -> Iterator[tuple[str, str, bool]]:
    """Yield questions of a rule and its exception, what the answer adds, and whether it recites the fact before as well."""
    text = read.fact.text.strip().rstrip("。")
    if read.cells or "。" in text or len(text) > 2 * MAX_RULE:
        return
    if _BUT.match(text):
        yield from _ask_but(text, before)
    elif found := _REMOVED.search(text):
        yield from _ask_removed(text, found)
    elif (found := _OTHERS.match(text)) and not _BACK.match(text):
        yield (
            f"{found['who']}は{found['rest']}{_turn(found['end'])}か。",
            f"{found['who']}については、答えは「はい」です。",
            False,
        )
        yield f"{found['who']}以外は{found['rest']}{_turn(found['end'])}か。", "", False


def _turn(end: str) -> str:
    return {"ません": "ます", "ます": "ません"}[end]


def _conclude(exception: str) -> str:
    return f"{exception}は除くので、答えは「いいえ」です。"


def _ask_but(text: str, before: ReadFact | None) -> Iterator[tuple[str, str, bool]]:
    """A rule in the sentence before, and the exception in this one."""
    rule = before.fact.text.strip().rstrip("。") if before and not before.cells else ""
    if not rule or "。" in rule or len(rule) > MAX_RULE or _BACK.match(rule) or not re.search(_POLITE, rule):
        return
    yield f"{rule}よね。例外はありますか。", "", True
    yield (
        f"どんな場合でも{rule}か。" if not re.search("どの|[てで]も", rule) else f"{rule}か。例外はないですか。",
        "",
        True,
    )
    if case := _BUT_CASE.match(text):
        yield f"{rule}か。{case['case']}もそうですか。", _conclude(case["case"]), True


def _ask_removed(text: str, found: re.Match[str]) -> Iterator[tuple[str, str, bool]]:
    exception = found["exception"]
    rule = text[: found.start()] + ("、" if found["mark"] and found.start() else "") + text[found.end() :]
    rule = re.sub(r"は、(?=.)", "は", rule, count=1)
    if not re.search(_POLITE, rule) or len(rule) > MAX_RULE or re.fullmatch(_POLITE, rule) or _BACK.match(rule):
        return
    yield f"{rule}か。", "", False
    yield f"{rule}よね。例外はありますか。", "", False
    yield f"{rule}か。{exception}も同じですか。", _conclude(exception), False


def iterate_lists(read: ReadFact, dice: random.Random) -> Iterator[tuple[str, str]]:
    """Yield questions for all that a sentence lists, and for one thing of it, with their forms."""
    for text in split_plain(read.fact.text) if not read.cells else ():
        found = _LISTED.match(text)
        if found is None or not re.search(_POLITE, text) or re.search("[0-9]|ません", text):
            continue
        items = _SEPARATOR.split(found["items"])
        items[-1] = _LIST_END.sub("", items[-1])
        if not 3 <= len(items) <= MAX_ITEMS or not all(0 < len(one) <= MAX_ITEM for one in items):
            continue
        lead, end, item = found["lead"].rstrip("、"), found["end"], dice.choice(items)
        if found["end"].startswith("です"):
            if lead.endswith("は"):
                name = re.sub("(?<=[るたい])の$", "もの", lead.removesuffix("は"))
                yield f"{item}は{name}に入りますか。", "membership"
                yield f"{name}を全部教えてください。", "whole_list"
            continue
        if end.startswith("の"):
            continue
        yield f"{lead}{item}{end}か。", "membership"
        if end.startswith("は") and not _SUBJECT_OF.search(end):
            continue  # 貸し出します has its object before は
        marked = re.sub("^は", "が", end)
        yield f"{lead}何{marked}か。全部教えてください。", "whole_list"


def find_heading_lists(facts: Sequence[ReadFact]) -> Iterator[tuple[str, list[ReadFact]]]:
    """Yield each heading under which things are only named, with them; also those under the same lead-in before ：."""
    groups: dict[tuple[str, ...], list[ReadFact]] = {}
    for read in facts:
        groups.setdefault(read.fact.headings, []).append(read)
    for headings, group in groups.items():
        if (
            headings
            and 2 <= len(group) <= MAX_ITEMS
            and all(_is_item(one.fact.text) and not one.cells for one in group)
        ):
            yield headings[-1].rstrip("：:"), group


def _is_item(text: str) -> bool:
    return _BARE_ITEM.match(text.rstrip("。")) is not None and not _SENTENCE_END.search(text) and "：" not in text


def pair_with_previous(facts: Sequence[ReadFact]) -> dict[str, ReadFact]:
    """By its name, for each fact the one before it under the same heading."""
    return {read.fact.name: before for before, read in pairwise(facts) if before.fact.headings == read.fact.headings}


def iterate_heading_questions(
    heading: str, group: Sequence[ReadFact], dice: random.Random
) -> Iterator[tuple[str, list[ReadFact], str]]:
    """Yield questions for the whole list under a heading, and for each thing of it, with the facts and the form."""
    whole = (
        f"「{heading}」に当てはまるものを全部教えてください。",
        f"「{heading}」には何がありますか。全部教えてください。",
        f"「{heading}」に書かれているものをすべて挙げてください。",
    )
    for question in dice.sample(whole, 2):
        yield question, [*group], "whole_list"
    for read in group:
        yield f"{read.fact.text.rstrip('。')}は「{heading}」に入りますか。", [read], "membership"
