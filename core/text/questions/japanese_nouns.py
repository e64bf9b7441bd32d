"""What kind of thing a Japanese noun names, by its word class and its ending, and the word that asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.lazy_loading import lazy_pattern

if TYPE_CHECKING:
    from core.text.questions.japanese_sentences import Phrase

# The endings are general: what a person, a place or a time is called, in any subject.
_PERSON = lazy_pattern(
    r"(?:人|者|員|民|人々|師|客|係|主任|担当|責任者|選手|主将|監督|審判|先生|生徒|学生|児童|会員|職員|店員|館長|室長|会長|社長|園長|院長|校長|部長|課長|班長|隊長|船長|機長|[^身延成]長"
    r"|番人|樽番|当番|[^順]手|親|子ども|子供|大人|家族|友だち|友達|仲間|隊|チーム|グループ|団体|業者|会社|委員会|さん|氏|様|君|娘|息子|夫|妻|兄|弟|姉|妹|父|母|王|女王|職人|大工|医師|看護師"
    r"|キャプテン|リーダー|メンバー|スタッフ|ガイド|オーナー|ドライバー|インストラクター|コーチ|プレーヤー|プレイヤー)$"
)
_PLACE = lazy_pattern(
    r"(?:場|場所|所|ところ|室|館|屋|店|駅|口|庫|園|院|校|港|島|町|村|市|県|国|山|川|海|浜|橋|湖|池|谷|丘|森|外|中|内|内側|外側|上|下|前|横|隣|奥|裏|裏側|表|脇|そば|近く|周り|端|両端|真ん中|中央|先|手前|向かい"
    r"|階|席|棚|箱|缶|袋|容器|机|床|壁|窓|庭|畑|道|通り|駐車場|部屋|建物|門|玄関|廊下|屋上|地下|倉庫|受付|窓口|カウンター|ロビー|ホール|カフェ|ステージ|コート|グラウンド|プール|ポスト|ノート|札|台帳|流し|ごみ箱"
    r"|[東西南北]|右|左|東側|西側|南側|北側|右側|左側|ページ|欄|ホームページ|サイト)$"
)
_TIME = lazy_pattern(
    r"(?:とき|時|場合|際|間|あいだ|前|後|あと|直後|直前|最中|途中|たび|度|うち|日|当日|前日|翌日|翌朝|朝|昼|夕方|晩|夜|午前|午後|春|夏|秋|冬|季節|曜|曜日|月曜|火曜|水曜|木曜|金曜|土曜|日曜|週末|平日|祝日|休日|年末|年始|月末|期間"
    r"|シーズン|年|月|週|今|初め|はじめ|最初|最後|終わり|開始|終了|昔|当時|現在)$"
)
_NOT_A_NAME = lazy_pattern("[0-9（()）「」『』、一二三四五六七八九十各]|全員|相手|自分|両方|以上")
_ABSTRACT = lazy_pattern(
    "(?:点|数|量|度|さ|率|回|方|勝ち負け|場合|理由|原因|方法|結果|目的|内容|種類|状態|一部|半分|最後|最初|休み|終わり|始まり|違い|ほか|内|台風|雨|雪|風|火|水|空|天気|際|側|割合|順番|順|名前|意味|赤み|むら|必要|上下|左右)$"
)
_BRACKETS = lazy_pattern("[「」『』（）()]")
_NOT_TIME = lazy_pattern(
    r"(?:手前|名前|時間|期間|年間|空間|人間|隙間|手間|人前|この前|腕前|板の間|居間|仲間|日の間|その間|樽の前|の前)$"
)
_KANJI_OR_KATAKANA = lazy_pattern("[\u30a1-\u30fa\u3400-\u9fff]")
_WHERE = lazy_pattern(
    "^(?:外|中|内|内側|外側|上|下|前|後ろ|横|隣|奥|裏|裏側|表|脇|そば|近く|周り|端|両端|真ん中|中央|先|手前|向かい|ところ|所|場所|後半|前半|右|左|半分)$"
)
_MATERIALS = lazy_pattern(
    "(?:木|布|紙|鉄|銅|石|革|皮|竹|金|銀|金属|ガラス|プラスチック|ゴム|陶器|磁器|土|絹|綿|麻|毛|ステンレス|アルミ)(?:製)?の$"
)
_COLOURS = lazy_pattern(r"^(?:赤|青|白|黒|黄|緑|紫|茶|灰|金|銀|紺|桃|橙|水色|ピンク|オレンジ)(?:い|色い|色の|の|色)")
_EMPTY = lazy_pattern(r"^(?:こと|もの|の|ため|よう|まま|ほう|方|これ|それ|あれ|ここ|そこ|そちら|こちら|その|わけ|はず|つもり|とおり|通り|場合|うえ|すべて|全て|全部|それぞれ|各自|互い|お互い|自分|一緒|今|現在|昔|当時|以前|最近|以上|以下|だいたい|ほとんど|最大|最小|最低|最高|合計|必ず)$")  # fmt: skip


def is_person(phrase: Phrase) -> bool:
    """Whether the phrase names people, a group of them or a company."""
    run = _noun_run(phrase)
    names = [word for word in phrase.words if "人名" in word.tags and _KANJI_OR_KATAKANA.search(word.text)]
    if names and run == "".join(word.text for word in names):
        return True
    return bool(_PERSON.search(run))


def is_place(phrase: Phrase) -> bool:
    """Whether the phrase names a place."""
    return "地名" in phrase.head.tags or bool(_PLACE.search(_noun_run(phrase)))


def is_time(phrase: Phrase) -> bool:
    """Whether the phrase says when."""
    run = _noun_run(phrase)
    if run in ("日", "度", "うち", "年", "月", "週") and phrase.relative is None:
        return False
    if _NOT_TIME.search("".join(word.text for word in phrase.words)):
        return phrase.relative is not None and run in ("前", "間")
    return bool(_TIME.search(run))


def is_empty(phrase: Phrase) -> bool:
    """Whether the phrase has no meaning of its own, such as こと or それ, so that nothing asks for it."""
    return (bool(_EMPTY.match(phrase.head.text)) and len(phrase.words) <= 2) or phrase.head.tags[0] == "代名詞"


def find_modifier(phrase: Phrase) -> tuple[str, str]:
    """What describes the last noun of a phrase, and the noun: 青い + 帯, 木の + 樽; '' where nothing does."""
    words = phrase.words
    place = len(words) - 1
    while place > 0 and (words[place - 1].kind in ("noun", "stem") or words[place - 1].form.startswith("連用形")):
        place -= 1
    noun = "".join(word.text for word in words[place:])
    return "".join(word.text for word in words[:place]), noun


def ask_which(modifier: str) -> str:
    """The words that ask for what describes a noun."""
    if _COLOURS.match(modifier):
        return "何色の"
    if not modifier.endswith("の") or _MATERIALS.search(modifier):
        return "どんな"
    return "誰の" if _PERSON.search(modifier[:-1]) or modifier in ("自分の", "相手の") else "何の"


def can_ask_which(phrase: Phrase) -> bool:
    """Whether what describes the noun of a phrase can be asked for."""
    modifier, noun = find_modifier(phrase)
    if "人名" in phrase.head.tags:
        return False
    if not modifier or modifier.endswith(("と", "や", "、", "か")) or _BRACKETS.search(modifier + noun):
        return False
    is_vague = (
        is_time(phrase) or is_empty(phrase) or is_place_name(noun) or noun in ("相手", "まま", "もの", "こと", "ため")
    )
    return not is_vague and not noun[0].isdigit() and modifier not in ("その", "この", "あの", "どの", "各", "ある")


def _noun_run(phrase: Phrase) -> str:
    """The last nouns of a phrase, which make one word."""
    return find_modifier(phrase)[1].strip("「」『』")


def is_place_name(noun: str) -> bool:
    """Whether a noun only says where at another thing, such as 中 or 前."""
    return bool(_WHERE.search(noun))


def is_nameable(phrase: Phrase, name: str) -> bool:
    """Whether `name`, the last noun of a phrase, is something that can be asked about alone."""
    is_vague = phrase.is_adverb or is_empty(phrase) or is_time(phrase) or is_place_name(name)
    known = phrase.head.kind == "noun" and 1 < len(name) <= 12 and not _ABSTRACT.search(name)
    return known and not is_vague and not _NOT_A_NAME.search(name)
