"""What rows need to know of a Japanese page: its sentences as they are read, its names, and what each fact is about."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from core.lazy_loading import lazy_pattern
from core.text.questions import japanese_nouns as nouns
from core.text.questions import japanese_words
from core.text.questions.japanese_questions import find_topic, is_attribute
from core.text.questions.japanese_reader import read_sentence
from core.text.questions.japanese_sentences import Phrase, Sentence
from core.text.questions.rows import Page, PageFact

NAMELESS = "こちら"  # how people name what has no name: “こちらの住所はどこですか”
MAX_NAME = 14  # characters of a name that questions repeat
_TITLE_TAILS = lazy_pattern(
    "(?:について|のご?案内|のルール|の規則|の規約|の決まり|のきまり|の手引き?|の手順書?|の説明書?|の取扱説明書|取扱説明書|の使い方|の歩き方|の遊び方|の作り方|の歴史|の歩み|のあゆみ|の概要|の基本|の?ご?利用案内|の?利用規則|の?利用規約"
    "|の?マニュアル|ハンドブック|ガイド(?:ブック)?|料金表|の料金|のしおり|の手びき|とは|の心得|の用語集?|用語集|のメニュー|規則|規約|一覧)+$"
)
_SHORT_NAME = lazy_pattern(
    "(?:公民館|図書館|博物館|美術館|体育館|資料館|記念館|水族館|動物園|植物園|旅館|民宿|食堂|喫茶店|病院|学校|学園|教室|工房|工場|会社|商店|農園|牧場|温泉|神社|公園|劇場|祭り|まつり|大会|鉄道|バス|炊飯器|洗濯機|掃除機|ロボット|アプリ|ゲーム)$"
)
_TABLE = lazy_pattern("[^：。、]{1,20}：[^：]+(?:、[^：。、]{1,20}：[^：]+)+")
_LIST_LEAD = lazy_pattern("(?:次|つぎ|以下|下記)の(?P<noun>もの|こと|方|人|場合|とおり|通り|[^はがをにで、]{1,8})")
_HIRAGANA = lazy_pattern("[ぁ-んー]+")
_SENTENCES = lazy_pattern("(?<=[。．!！])(?![」』）)])")


@dataclass(slots=True)
class ReadFact:
    """A fact with its sentences as they were read, None for one that was not understood.

    `cells` are the header and text of each cell of a table's row. `owner` is what a property belongs to that the fact
    does not name itself. `spoken` is the text that sentences were read from: of an item of a list, the lead-in with it.
    """

    fact: PageFact
    sentences: list[Sentence | None]
    cells: list[tuple[str, str]] = field(default_factory=list)
    owner: str = ""

    @property
    def heading(self) -> str:
        """The heading right above it; '' where there is only the title."""
        return self.fact.headings[-1] if len(self.fact.headings) > 1 else ""

    @property
    def topic(self) -> str:
        """What its first sentence is about; '' where it does not say."""
        first = self.sentences[0] if self.sentences else None
        return find_topic(first, first.clauses[0])[0] if first else ""


class ReadPage:
    """A page whose facts were read once."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.names = find_names(page.subject)
        self.facts = [_read_fact(fact) for fact in page.facts]
        self.texts = [fact.text for fact in page.facts]
        self._set_owners()

    def _set_owners(self) -> None:
        owner, heading = "", tuple[str, ...]()
        for one in self.facts:
            if one.fact.headings != heading:
                owner, heading = "", one.fact.headings
            topic = one.topic
            if topic and not is_attribute(topic):
                owner = topic.rpartition("の")[0] if is_attribute(topic.rpartition("の")[2]) else topic
                owner = "" if re.search("[0-9するた]|のは?$", owner) or len(owner) > MAX_NAME else owner
            elif topic:
                one.owner = owner

    @cached_property
    def things(self) -> list[tuple[str, str]]:
        """The names of what the page speaks of, the most frequent first, each with its kind: thing, person or act."""
        counted: Counter[tuple[str, str]] = Counter()
        for phrase in self._iterate_phrases():
            name = nouns.find_modifier(phrase)[1].strip("「」『』")
            if (
                phrase.relative is None
                and phrase.particle in ("は", "を", "が", "に", "で")
                and nouns.is_nameable(phrase, name)
            ):
                kind = (
                    "person"
                    if nouns.is_person(phrase)
                    else "act"
                    if phrase.head.tags[2:3] == ("サ変可能",)
                    else "thing"
                )
                counted[name, kind] += 1 + 2 * (phrase.particle == "は")
        return [
            one
            for one, count in counted.most_common()
            if not is_attribute(one[0]) and one[0] not in self.names and (count > 2 or not _HIRAGANA.fullmatch(one[0]))
        ]

    def _iterate_phrases(self) -> Iterator[Phrase]:
        for one in self.facts:
            for sentence in one.sentences:
                for clause in sentence.clauses if sentence else ():
                    yield from clause.phrases

    def collect_phrases(self, test: str) -> list[str]:
        """The words of all phrases of a kind (person, place), without relative clauses."""
        check = {"person": nouns.is_person, "place": nouns.is_place}[test]
        found = [
            "".join(word.text for word in phrase.words).strip("「」『』")
            for phrase in self._iterate_phrases()
            if phrase.relative is None and not phrase.is_adverb and not nouns.is_empty(phrase) and check(phrase)
        ]
        usable = (text for text in dict.fromkeys(found) if 1 < len(text) <= MAX_NAME)
        return [text for text in usable if not re.search("[0-9一二三四五六七八九十その各もう全相]", text)]


def find_names(subject: str) -> list[str]:
    """The names that people give the subject of a page: its title without words such as のルール, and its first part."""
    subject = re.sub("[（(].*?[)）]|^[#＃ ]+", "", subject).strip()
    first = re.split(r"[ 　――—:：|｜/／]", subject)[0]
    for one in (first, subject):
        bare = _TITLE_TAILS.sub("", one).strip(" 　「」『』")
        if 1 < len(bare) <= MAX_NAME:
            found = [bare]
            # A short form, as people use it: 青葉公民館 and 公民館.
            if (short := _SHORT_NAME.search(bare)) and short.start() > 0:
                found.append(short[0])
            return found
    return [first[:MAX_NAME] or NAMELESS]


def _read_fact(fact: PageFact) -> ReadFact:
    text = fact.text
    if _TABLE.fullmatch(text):
        cells = [cell.split("：", 1) for cell in re.split("、(?=[^：、。]{1,20}：)", text)]
        return ReadFact(fact, [], [(header, cell) for header, cell in cells])
    if "：" in text and not text.startswith("："):
        lead, _, item = text.partition("：")
        if found := _LIST_LEAD.search(lead):
            text = lead[: found.start()] + item.rstrip("。") + lead[found.end() :]
    return ReadFact(fact, read_sentences(text))


def read_sentences(text: str) -> list[Sentence | None]:
    """The sentences of a text as they are read; none without an analyser."""
    if not japanese_words.is_available():
        return []
    return [read_sentence(part) for part in _SENTENCES.split(text) if part.strip("。．!！ ")]
