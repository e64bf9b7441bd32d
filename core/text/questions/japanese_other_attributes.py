"""Japanese questions for what a page says of one thing and not of another: the fee of the second course, who leads the third.

Whether it is open is looked up in the whole page (shared_other_attributes.py), as in English.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from core.lazy_loading import lazy_pattern
from core.text.questions.japanese_page import ReadFact, ReadPage
from core.text.questions.japanese_plain import find_plain_topic
from core.text.questions.japanese_questions import is_attribute
from core.text.questions.shared_other_attributes import Saying, WholePage

MAX_NAME = 14  # characters of a thing that is asked about


@dataclass(frozen=True, slots=True)
class _Attribute:
    """What can be said of a thing. `stated` tells that a text says it; `evidence` finds the least sign of an answer.

    `needs_kin`: it is asked only of things of the same kind as one of which it is said. `header` is that of a column.
    """

    frames: tuple[str, ...]
    stated: re.Pattern[str]
    evidence: re.Pattern[str]
    header: re.Pattern[str]
    needs_kin: bool = True


def _attribute(frames: str, stated: str, evidence: str, header: str, needs_kin: bool = True) -> _Attribute:
    return _Attribute(
        tuple(frames.split("|")),
        lazy_pattern(stated),
        lazy_pattern(evidence),
        lazy_pattern(f"^(?:{header})$"),
        needs_kin,
    )


_ATTRIBUTES = (
    _attribute(
        "{n}の料金はいくらですか。|{n}はいくらですか。|{n}っていくら?",
        "^(?!.*(?:保証金|預かり金|デポジット|延滞|弁償)).*(?:[0-9][0-9,]*円|無料です|無料で)",
        "円|料|費|代金|無料|有料|値段|価格|払|割引|半額|ただで|込み|含",
        "料金|値段|価格|参加費|費用|代金|使用料|[0-9一1](?:泊|回|日|時間|人)の料金",
        needs_kin=False,  # see _is_for_sale
    ),
    _attribute(
        "{n}の時間はどのくらいですか。|{n}は何分くらいかかりますか。",
        "(?:[0-9]+(?:分|時間半?)(?:間)?)(?:です|かか|ほど|くらい|行)",
        "[0-9]分|時間|所要|かか|終わ|まで|長さ|日間|週間",
        "時間|所要時間|長さ",
    ),
    _attribute(
        "{n}は何時に始まりますか。|{n}は何時からですか。",
        "[0-9]+(?:時|:[0-9]{2})[^。]{0,8}(?:始|から|開始|出発)",
        "[0-9]時|:[0-9]|始|開始|出発|朝|昼|夜|午前|午後|夕|時間|時刻",
        "開始|開始時刻|時刻",
    ),
    _attribute(
        "{n}の重さはどのくらいですか。|{n}は何キロありますか。",
        "重さ|重量|[0-9](?:キログラム|グラム|kg|トン)",
        "重|キロ|グラム|kg|トン|軽",
        "重さ|重量",
        needs_kin=False,
    ),
    _attribute(
        "{n}の広さはどのくらいですか。|{n}は何平方メートルありますか。",
        "平方メートル|広さ",
        "平方|広|面積|大き|坪|ヘクタール|畳|アール",
        "広さ|面積",
    ),
    _attribute(
        "{n}の高さはどのくらいですか。|{n}の高さは何メートルですか。",
        "高さ[^。]{0,4}[0-9]",
        "高|メートル|センチ|cm|m",
        "高さ",
    ),
    _attribute(
        "{n}の講師は誰ですか。|{n}を教えるのは誰ですか。",
        "講師|先生|教え(?:る|ます)",
        "講師|案内|担当|先生|指導|教え|さん|氏|リーダー|代表|学芸員|職人",
        "講師|先生",
    ),
    _attribute(
        "{n}を案内するのは誰ですか。|{n}の案内役は誰ですか。",
        "案内(?:する|役|係|は|します)",
        "講師|案内|担当|先生|指導|教え|さん|氏|リーダー|代表|ガイド",
        "案内|案内役|ガイド",
    ),
    _attribute(
        "{n}の担当は誰ですか。|{n}の担当者を教えてください。",
        "担当",
        "講師|案内|担当|先生|指導|教え|さん|氏|リーダー|代表|責任|係",
        "担当|担当者",
    ),
    _attribute(
        "{n}を作ったのは誰ですか。|{n}の作者は誰ですか。",
        "(?:作った|描いた|彫った|作者|作:|が作り|が彫り|が描き|によって作)",
        "作|描|彫|さん|氏|者|手|年",
        "作者|作った人",
    ),
    _attribute(
        "{n}の定員は何人ですか。|{n}には何人まで参加できますか。",
        "定員|[0-9]+(?:人|名)(?:まで|乗り)",
        "人|名|定員|組",
        "定員|人数",
    ),
    _attribute(
        "{n}に年齢の制限はありますか。|{n}は何歳から参加できますか。",
        "[0-9]+(?:歳|才)(?:以上|以下|未満|から|まで)|小学生以上|中学生以上",
        "歳|才|年齢|小学|中学|高校|子ども|子供|大人|年生|幼児|成人|誰でも|だれでも|どなたでも",
        "対象|対象年齢|年齢",
    ),
    _attribute(
        "{n}はいつ開かれますか。|{n}は何月にありますか。",
        "[0-9]+月(?:[0-9]+日)?(?:に|から)|毎(?:週|月|年)[^。]{0,8}に",
        "月|曜|毎|春|夏|秋|冬|いつ|年中|期間|シーズン|日に|年に|[0-9]時|:[0-9]",
        "日程|時期|開催日|曜日",
    ),
    _attribute(
        "{n}の保証金はいくらですか。|{n}を借りるときの保証金はいくらですか。",
        "(?:保証金|預かり金|デポジット)[^。]{0,6}[0-9]",
        "保証金|預かり|預け|デポジット",
        "保証金",
        needs_kin=False,
    ),
)
_PRICE = _ATTRIBUTES[0]
_PLACE = lazy_pattern("(?:室|堂|場|館|園|所|棟|店|棚|庭|広場)$")  # 食堂はいくらですか is nothing that anyone asks
_SALE = lazy_pattern("貸|借|レンタル|売|買|販売|メニュー|商品|道具|用品|展示|収蔵|作品")
_SHOP = lazy_pattern("(?:食堂|店|喫茶室|カフェ|棚)$")
_GENERAL = lazy_pattern(
    "どの|どれ|すべて|全て|全部|全員|いずれ|各|みな|皆|それぞれ|ほか|他の|その他|共通|一律|以外|のみ|だけ|いつでも|毎回|両方|これら|どちら|誰でも|だれでも|何でも|利用者|参加者|ものは|切符|チケット|入場|入館|入園|乗車|入会"
)
_RULES = lazy_pattern(
    "料金|価格|費用|規則|規約|決まり|きまり|共通|時間|注意|お願い|概要|全体|基本|一覧|対象|条件|申し込み|予約|受付"
)
_OPENS = lazy_pattern("^(?:これ|それ|その|この|ここ|そこ|どちら|いずれ|また|ただし|なお|なか)")
_VALUE = lazy_pattern("[0-9]|無料|半日|一日|夜|朝")
_NO_THING = lazy_pattern(
    "[0-9０-９]|^(?:平日|土日|休日|祝日|毎週|毎日|当日|雨天|無料|有料|次|以下|電話|予約|申し込み|受付|定休日|休館日|休園日|休業日|支払い|料金|会費|参加費|使用料|入場料|講師|先生|定員|人数|場所|時間|期間|営業|開館|開園|対象|持ち物|参加者|利用者|会員|大人|子ども|子供|犬|車|人|方|者)"
    "|^(?:道具|用具|器具|施設|設備|催し|行事|教室|講座|講習会|ツアー|コース|部屋|室|イベント|メニュー|サービス)$|(?:券|切符|チケット|パス|札|品|物|類|の|こと|もの|とき|場合|ため|以外|など|日|時|月|年|者|費|料|料金|時間|期間|さん|係|長|員|生|場所|方法|人|方)$"
)
_TAIL = lazy_pattern("(?:[\u3400-\u9fff]{1,2}|[\u30a1-\u30fa\u30fc]+|[ぁ-ん]{2,})$")


@dataclass(slots=True)
class _Thing:
    """Something that statements are about, and what they say; `read` is the first of them."""

    name: str
    read: ReadFact
    is_row: bool = False
    texts: list[str] = field(default_factory=list)

    @property
    def headings(self) -> tuple[str, ...]:
        return self.read.fact.headings

    @property
    def kind(self) -> str:
        """The last part of its name: 会 of 観察会, サイト of 森サイト."""
        found = _TAIL.search(self.name)
        return found[0] if found and found.start() > 0 else self.name

    def is_concerned(self, text: str) -> bool:
        """Whether a text may be about it: it has its name, its kind, its heading, or a word for all things."""
        heading = self.headings[-1] if self.headings[1:] else ""
        words = [self.name, self.kind if len(self.kind) > 1 else self.name, heading or self.name]
        words += re.findall("[\u3400-\u9fff]{2,}|[\u30a1-\u30fa\u30fc]{2,}|[A-Za-z]{2,}", self.name)
        return any(word in text for word in words) or _GENERAL.search(text) is not None


def iterate_other_attributes(page: ReadPage, dice: random.Random) -> Iterator[tuple[ReadFact, str]]:
    """Yield open questions, each with the fact of the thing that it asks about, at most two for a thing."""
    things = _find_things(page)
    whole = _build_whole(page, things)
    for thing in things:
        found = [*(_ask_of_columns if thing.is_row else _ask_of_others)(thing, things, whole)]
        for frames in dice.sample(found, min(2, len(found))):
            yield thing.read, dice.choice(frames).format(n=thing.name)


def _find_topic(read: ReadFact) -> str:
    topic = read.topic or find_plain_topic(read.fact.text)
    first, _, rest = topic.partition("の")
    return first if rest and (is_attribute(rest) or _NO_THING.search(rest)) else topic


def _find_things(page: ReadPage) -> list[_Thing]:
    found: dict[tuple[str, tuple[str, ...]], _Thing] = {}
    for read in page.facts:
        name = read.cells[0][1] if read.cells else _find_topic(read)
        heading = read.fact.headings[-1] if read.fact.headings[1:] else ""
        is_thing = 1 < len(name) <= MAX_NAME and (bool(read.cells) or _is_thing(name, page))
        if not is_thing or name in heading or re.search("[はがをに、。]", name):
            continue
        known = found.setdefault((name, read.fact.headings), _Thing(name, read, bool(read.cells)))
        known.texts.append(read.fact.text)
    return list(found.values())


def _is_thing(name: str, page: ReadPage) -> bool:
    return not (
        is_attribute(name) or _NO_THING.search(name) or any(name in one for one in (*page.names, page.page.subject))
    )


def _build_whole(page: ReadPage, things: Sequence[_Thing]) -> WholePage:
    owners = {(text, thing.headings): thing.name for thing in things for text in thing.texts}
    said = []
    for read in page.facts:
        topic = _find_topic(read)
        has_subject = bool(topic) and _is_thing(topic, page)
        # The header of the first column names all things of the table.
        text = "、".join((read.cells[0][1], *map("：".join, read.cells[1:]))) if read.cells else read.fact.text
        said.append(Saying(text, read.fact.headings, owners.get((read.fact.text, read.fact.headings), ""), has_subject))
    said += [Saying(one.text, one.headings) for one in page.page.elsewhere]
    return WholePage(said, (one.name for one in things), (one.headings for one in things), _RULES, _OPENS)


def _is_open(thing: _Thing, whole: WholePage, evidence: re.Pattern[str]) -> bool:
    if any(evidence.search(one) and _VALUE.search(one) for one in thing.headings[1:]):
        return False
    return whole.is_open(thing.name, thing.headings, evidence, thing.is_concerned)


def _ask_of_columns(thing: _Thing, things: Sequence[_Thing], whole: WholePage) -> Iterator[tuple[str, ...]]:
    """Yield frames for the columns that this row has nothing in, and another one has."""
    own = {name for name, _cell in thing.read.cells}
    kin = [one for one in things if one.is_row and one.headings == thing.headings and one is not thing]
    first = thing.read.cells[0][0]
    others = [name for one in kin if one.read.cells[0][0] == first for name, _cell in one.read.cells]
    for header in dict.fromkeys(name for name in others if name not in own):
        attribute = next((one for one in _ATTRIBUTES if one.header.match(header)), None)
        if attribute:
            if _is_open(thing, whole, attribute.evidence):
                yield attribute.frames
        elif any("円" in cell for one in kin for name, cell in one.read.cells if name == header):
            if _is_open(thing, whole, re.compile(re.escape(header))):
                yield (f"{{n}}の{header}の料金はいくらですか。", f"{{n}}は、{header}だといくらですか。")
        elif len(header) <= 8 and _is_open(thing, whole, re.compile(re.escape(header))):
            yield (f"{{n}}の{header}を教えてください。", f"{{n}}の{header}は何ですか。")


def _ask_of_others(thing: _Thing, things: Sequence[_Thing], whole: WholePage) -> Iterator[tuple[str, ...]]:
    """Yield frames for what is said of other things under the same heading."""
    others = [one for one in things if one.headings == thing.headings and one is not thing and not one.is_row]
    for attribute in _ATTRIBUTES:
        having = [one for one in others if any(attribute.stated.search(text) for text in one.texts)]
        if attribute.needs_kin or not _is_for_sale(thing):
            having = [one for one in having if one.kind == thing.kind or _share_end(one.name, thing.name)]
        if having and _is_open(thing, whole, attribute.evidence):
            is_price_of_place = attribute is _PRICE and _PLACE.search(thing.name)
            if not (is_price_of_place and _SHOP.search(thing.name)):
                yield attribute.frames[:1] if is_price_of_place else attribute.frames


def _is_for_sale(thing: _Thing) -> bool:
    """Whether it is among things that are lent or sold, so that any of them may have a price or be weighed."""
    heading = thing.headings[-1] if thing.headings[1:] else ""
    return _SALE.search(f"{heading}{''.join(thing.texts)}") is not None


def _share_end(one: str, other: str) -> bool:
    """Whether two names end in the same two characters: 観察会 and 講習会 do not, 料理教室 and 薪割り教室 do."""
    return one[-2:] == other[-2:]
