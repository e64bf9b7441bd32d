"""Japanese questions that a page leaves open: properties and cases of any subject, and reasons that it does not give.

The list names nothing of one field: what things cost, who made them, what happens in bad weather, whether children may.
Each entry has a pattern of what may answer it, and is asked only of a page that has nothing of it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from core.lazy_loading import lazy_pattern
from core.text.questions.japanese_page import ReadFact, ReadPage
from core.text.questions.japanese_polar import state
from core.text.questions.shared_not_stated import Attribute, find_absent, is_absent_for, iterate_choices

MAX_THINGS = 30  # of the page that are asked about
MAX_TRIES = 4000  # of questions for one page
WHOLE = 0.4  # of the questions are about the subject of the page
ANSWERS = ("それは書かれていません。", "そのことは書かれていません。", "それについては何も書かれていません。")
_REASON = lazy_pattern("ので|ため|から、|なぜ|理由|わけ|おかげ|せいで|よう(?:に|、)")

# {n} is a thing that the page speaks of, a person, or something that is done.
_OF_THINGS = (
    ("{n}の値段はいくらですか。|{n}っていくらするの?|{n}を買うといくらですか。", "円|値段|価格|料金|費用|代金|無料|有料"),
    ("{n}はどこで買えますか。|{n}ってどこで売ってるの?", "買|売|購入|販売|店"),
    ("{n}は何色ですか。|{n}の色を教えて。", "色|赤|青|白|黒|黄|緑|紫"),
    ("{n}の重さはどのくらいですか。|{n}って何キロ?", "重|グラム|キロ|kg"),
    ("{n}の大きさを教えてください。|{n}の長さは何センチですか。", "大きさ|長さ|センチ|メートル|ミリ|縦|横|幅|高さ|cm|mm"),
    ("{n}は何でできていますか。|{n}の材料は何?", "でき[てた]|材|製|木|布|紙|鉄|銅|革|ガラス|プラスチック|詰め|作"),
    ("{n}を作ったのは誰ですか。|{n}は誰が考えたの?", "計画|立てた|敷か|作った|作られ|作り|考案|考え|発明|設計|建て|製造|職人"),
    ("{n}はいつからありますか。|{n}ができたのは何年ですか。", "年|昔|時代|世紀|以前|当時|始ま"),
    ("{n}はどこの国のものですか。|{n}の産地はどこ?", "国|産|県|地方|海外|外国|輸入"),
    ("{n}はいくつありますか。|{n}は全部で何個あるの?", "[0-9一二三四五六七八九十]つ|個|本|枚|台|全部|数|ずつ"),
    ("{n}の担当者の名前は何ですか。|{n}の責任者は誰?", "担当|責任|代表|長(?:[はがに]|$)|係"),
    ("{n}の写真はありますか。|{n}の写真を撮ってもいい?", "写真|撮影|カメラ|画像"),
    ("{n}に保険はかかっていますか。|{n}の保険料はいくらですか。", "保険"),
    ("{n}が壊れたら、誰が弁償しますか。|{n}を壊しちゃったら弁償?", "壊|破損|弁償|故障|修理|損"),
    ("{n}をなくしたらどうなりますか。|{n}をなくしちゃったんですけど、どうすればいいですか。", "なくし|失くし|紛失|忘れ|落と"),
    ("{n}の予備はありますか。|{n}の代わりになるものはありますか。", "予備|代わり|かわり|替え|交換"),
    ("{n}は何年もちますか。|{n}の寿命はどのくらい?", "寿命|もつ|もち|交換|期限|年"),
    ("{n}の英語の名前は何ですか。|{n}は英語で何と言いますか。", "英語|外国語"),
    ("{n}という名前の由来は何ですか。|どうして{n}という名前なんですか。", "名前|由来|名づけ|名付け|呼ば|という"),
    ("{n}でけがをした人はいますか。|{n}で事故が起きたことはありますか。", "けが|怪我|事故|救急|病院"),
    ("{n}はインターネットで見られますか。|{n}のホームページはありますか。", "インターネット|ネット|サイト|ホームページ|web|ウェブ|オンライン|メール"),
    ("{n}の掃除は誰がしますか。|{n}は毎日掃除するんですか?", "掃除|清掃|洗|ふき|拭"),
    ("{n}の調査をした人は誰ですか。|{n}を研究しているのはどこの大学ですか。", "調査|研究|大学|調べ"),
    ("{n}はほかの町にもありますか。|{n}はほかの国にもあるの?", "ほかの|他の|各地|全国|世界|町|国"),
)  # fmt: skip
_OF_PEOPLE = (
    ("{n}の給料はいくらですか。|{n}はいくらもらっているんですか?", "給|賃金|報酬|謝礼|円"),
    ("{n}は何歳ですか。|{n}は何歳までできますか。", "歳|才|年齢|定年"),
    (
        "{n}になるにはどうすればいいですか。|{n}になりたいんですけど、試験はありますか。",
        "なる|なれ|試験|資格|選ば|選び|任命",
    ),
    ("{n}の服装を教えてください。|{n}は何色の服を着ていますか。", "服|着|帯|帽子|色|はだし|制服"),
    ("{n}の連絡先はどこですか。|{n}の電話番号を教えて。", "連絡|電話|内線|メール"),
    ("{n}は外国人でもいいんですか?|{n}はどこの出身ですか。", "外国|出身|国"),
    ("{n}の休みはいつですか。|{n}は週に何日働いていますか。", "休|曜|勤務|働"),
    ("{n}は何人交代ですか。|{n}が病気のときは誰が代わりますか。", "交代|代わ|病気|代理|控え"),
    ("{n}は車で来てもいいですか。|{n}はお弁当を持ってきますか。", "車|弁当|食"),
    ("{n}の苗字は何ですか。|今の{n}は誰ですか。", "名前|氏名|さん|氏|[はが]、?[一-龯]{2,4}です"),
)
_OF_ACTS = (
    ("{n}は何時に始まりますか。|{n}って何時から?", "時|開始|始ま|朝|夕|午"),
    ("{n}は年に何回ありますか。|{n}は毎週やっていますか。", "毎|年に|週に|月に|回"),
    ("{n}にはいくらかかりますか。|{n}の費用を教えてください。", "円|料金|費用|価格|無料|代"),
    ("{n}はインターネットで見られますか。|{n}の動画はありますか。", "ネット|サイト|動画|ウェブ|オンライン"),
    ("{n}を見学することはできますか。|{n}は誰でも見られますか。", "見学|観覧|見ら|観客"),
    ("{n}の記録は誰が持っていますか。|{n}の最高記録は何ですか。", "記録|最高"),
    ("雨の日の{n}はどうしますか。|{n}は雪でもやりますか。", "雨|雪|天気|天候|荒|晴"),
    ("{n}は英語で何と言いますか。|{n}という言い方はいつからありますか。", "英語|という|呼"),
)
# {n} is the subject of the page.
_OF_SUBJECT = (
    ("{n}の電話番号を教えてください。|{n}に電話したいんですけど、何番ですか。", "電話|内線|番号"),
    ("{n}の住所はどこですか。|{n}の最寄りの駅はどこですか。", "住所|最寄|駅|バス|徒歩"),
    ("{n}に駐車場はありますか。|車で行ってもとめられますか。", "駐車|車|とめ"),
    ("{n}は雨の日でもできますか。|雨が降ったらどうなりますか。|台風のときはどうするんですか。", "雨|天気|天候|雪|嵐|台風|荒天|悪天"),
    ("{n}に小さい子どもを連れて行けますか。|子どもは何歳からできますか。|小学生でもいいですか。", "子ども|子供|小学|歳|才|年齢|児|大人"),
    ("{n}に犬を連れて行ってもいいですか。|ペットは一緒に入れますか。", "犬|ペット|動物|猫"),
    ("{n}ではクレジットカードが使えますか。|支払いは現金だけですか。", "カード|現金|支払|払|決済"),
    ("{n}に予約はいりますか。|申し込みはどこでしますか。|どうやって申し込めばいいですか。", "予約|申し込|申込|受付|登録"),
    ("{n}をやっているのは何人くらいですか。|{n}には毎年何人が来ますか。", "人"),
    ("{n}の賞品は何ですか。|優勝すると何がもらえますか。|{n}の賞金はいくらですか。", "賞|優勝|もらえ|景品"),
    ("{n}の資格はどうやって取りますか。|免許は必要ですか。", "資格|免許|許可|証"),
    ("{n}で食事はできますか。|お弁当を持っていってもいい?|飲み物は出ますか。", "食|弁当|飲|料理|昼|軽食|カフェ"),
    ("{n}の服装に決まりはありますか。|どんな服を着て行けばいいですか。", "服|着|帽子|靴|制服|はだし|手袋|エプロン"),
    ("{n}は外国語でも案内がありますか。|英語の説明はありますか。", "英語|外国|言語|語"),
    ("{n}のトイレはどこですか。|車いすでも大丈夫ですか。", "トイレ|手洗い|車いす|車椅子|段差|スロープ|エレベーター"),
    ("{n}の社長は誰ですか。|{n}を始めた人は誰ですか。", "計画|立てた|敷か|建て|社長|代表|始め|始ま|創|設立|開い|作った"),
    ("{n}の公式の歌はありますか。|{n}のテレビ番組はありますか。|{n}の本は出ていますか。", "歌|曲|音楽|テレビ|番組|本|映画"),
    ("地震のときはどうすればいいですか。|火事になったらどこに逃げますか。|停電したらどうなりますか。", "地震|火事|火|避難|災害|停電|非常"),
    ("お年寄りの割引はありますか。|学生は安くなりますか。|団体だと割引がありますか。", "割引|割|引き|安く|半額|無料|料金"),
    ("{n}は夜もやっていますか。|年末年始は休みですか。|日曜日もやってる?", "時|曜|休|営業|開|夜|年末|祝"),
    ("途中でやめたらどうなりますか。|キャンセルするといくらかかりますか。", "途中|やめ|キャンセル|取り消|解約|中止"),
    ("苦情はどこに言えばいいですか。|問い合わせ先を教えてください。", "苦情|問い合わせ|連絡|相談|電話|知らせ"),
    ("{n}のスポンサーはどこの会社ですか。|{n}にかかる費用は誰が出していますか。", "スポンサー|会社|費用|予算|寄付|協賛"),
)  # fmt: skip


def _build(entries: tuple[tuple[str, str], ...]) -> list[Attribute]:
    return [Attribute(tuple(frames.split("|")), lazy_pattern(evidence)) for frames, evidence in entries]


_SUBJECT = _build(_OF_SUBJECT)
_BY_KIND = {"thing": _build(_OF_THINGS), "person": _build(_OF_PEOPLE), "act": _build(_OF_ACTS)}


def iterate_unstated(page: ReadPage, dice: random.Random) -> Iterator[tuple[str, str]]:
    """Yield open questions without end, each with its form: of the subject, of things of the page, for reasons."""
    elsewhere = [text for one in page.page.elsewhere for text in (one.text, *one.headings)]
    whole = iterate_choices(find_absent(_SUBJECT, [*page.texts, *elsewhere]), dice)
    near = [*_join_neighbours(page), *_name_elsewhere(page)]
    choices = {kind: iterate_choices(attributes, dice) for kind, attributes in _BY_KIND.items()}
    things = page.things[:MAX_THINGS]
    for _ in range(MAX_TRIES):
        if (not page.things or dice.random() < WHOLE) and (found := next(whole, None)):
            yield found[1].format(n=dice.choice(page.names)), "not_stated"
            continue
        if not things:
            return
        thing, kind = dice.choice(things)
        attribute, frame = next(choices[kind])
        # What the page says of other things is asked of this one, too: it must be told apart.
        if is_absent_for(attribute, [thing], near):
            yield frame.format(n=thing), "not_stated"


def _join_neighbours(page: ReadPage) -> list[str]:
    """Each text with the one before and after it under the same heading, since a thing may be named in those alone.

    A fact in other words than its passage comes with the passage.
    """
    passages: dict[str, str] = {}
    for passage in page.page.elsewhere:
        passages[passage.name] = passages.get(passage.name, "") + passage.text
    found = []
    for number, one in enumerate(page.facts):
        near = page.facts[max(0, number - 2) : number + 3]
        found.append(
            "".join(
                (
                    *one.fact.headings[-1:],
                    *(other.fact.text for other in near if other.fact.headings == one.fact.headings),
                    passages.get(one.fact.name, ""),
                )
            )
        )
    return found


def _name_elsewhere(page: ReadPage) -> Iterator[str]:
    """Yield each passage that is no fact, with the things that facts under its heading name: it may speak of any of them."""
    for one in (passage for passage in page.page.elsewhere if not passage.name):
        under = "".join(fact.text for fact in page.page.facts if fact.headings == one.headings)
        yield "".join((*one.headings[-1:], one.text, *(name for name, _kind in page.things if name in under)))


def iterate_reasons(read: ReadFact, page: ReadPage) -> Iterator[str]:
    """Yield the question why a fact is so, where no passage under the same heading says why."""
    said = [*page.page.facts, *page.page.elsewhere]
    near = [one.text for one in said if one.headings == read.fact.headings]
    if any(_REASON.search(text) for text in near):
        return
    for sentence in read.sentences:
        if sentence is None or len(sentence.clauses) > 2 or len(sentence.text) > 45:
            continue
        predicate = sentence.clauses[-1].predicate
        plain, _ = state(sentence)
        if plain and not re.match("これ|それ|その|この|ただし|また", sentence.text):
            yield f"どうして{plain}{'な' if predicate.kind == 'noun' and not predicate.past else ''}んですか。"
