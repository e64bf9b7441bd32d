"""Says a Japanese question in other everyday words: spoken forms, kana for kanji, plain words for written ones.

The words are of no one subject: what notices, manuals and rules write, and what people say for it.
"""

from __future__ import annotations

import random
import re

from core.lazy_loading import lazy_pattern

SPOKEN = 0.5  # of the plain questions take spoken forms
SPELLED = 0.35  # of the words that ask are written in kana
REPLACED = 0.35  # of the words that have a plainer one
_SPOKEN = (
    (lazy_pattern(r"て(?:い)(?=[るたま])"), "て"), (lazy_pattern("で(?:い)(?=[るたま])"), "で"), (lazy_pattern("ておく"), "とく"), (lazy_pattern("ておけば"), "とけば"),
    (lazy_pattern("てしまう"), "ちゃう"), (lazy_pattern("てしまった"), "ちゃった"), (lazy_pattern("てしまい"), "ちゃい"), (lazy_pattern("でしまう"), "じゃう"),
    (lazy_pattern("では(?=いけない|だめ)"), "じゃ"), (lazy_pattern("ては(?=いけない|だめ)"), "ちゃ"), (lazy_pattern("なければ(?=なら|いけ)"), "なきゃ"),
    (lazy_pattern("けれど"), "けど"), (lazy_pattern("ところ(?=で|から|に)"), "とこ"),
)  # fmt: skip
_SPELLED = (
    ("誰", "だれ"), ("何を", "なにを"), ("何が", "なにが"), ("何に", "なにに"), ("どのくらい", "どれくらい"), ("どのくらい", "どのぐらい"), ("どんなとき", "どういうとき"),
    ("教えて", "おしえて"), ("どうして", "なんで"), ("どうして", "なぜ"), ("ください", "下さい"), ("いくら", "おいくら"),
)  # fmt: skip
# Written words and what people say for them: 使用する → 使う. A noun is changed only as a word of its own.
_WORDS = {
    "料金": ("値段", "お金"), "価格": ("値段",), "費用": ("お金",), "氏名": ("名前",), "時刻": ("時間",), "場所": ("ところ",), "保護者": ("親",), "児童": ("子ども",),
    "職員": ("スタッフ",), "係員": ("スタッフ", "係の人"), "利用者": ("使う人",), "参加者": ("参加する人",), "来場者": ("お客さん",), "来館者": ("お客さん",),
    "定員": ("人数の上限",), "期限": ("締め切り",), "開始": ("始まり",), "終了": ("終わり",), "重量": ("重さ",), "直後": ("すぐあと",), "直前": ("すぐ前",),
    "以前": ("前",), "以降": ("より後",), "翌日": ("次の日",), "前日": ("前の日",), "当日": ("その日",), "同時に": ("いっしょに",), "各自": ("それぞれ",), "全員": ("みんな",),
    "両方": ("どちらも",), "必ず": ("絶対",), "直ちに": ("すぐ",), "場合": ("とき",), "際": ("とき",), "方法": ("やり方",), "手順": ("やり方",), "理由": ("わけ",),
    "種類": ("タイプ",), "容器": ("入れ物",), "器具": ("道具",), "用具": ("道具",), "用品": ("道具",), "休業日": ("休みの日",), "定休日": ("休みの日",), "休館日": ("休みの日",),
    "営業時間": ("開いている時間",), "開館時間": ("開いている時間",), "食事": ("ご飯",), "飲料": ("飲み物",), "衣服": ("服",), "自動車": ("車",),
}  # fmt: skip
_VERBS = {
    "使用する": "使う", "利用する": "使う", "行う": "やる", "実施する": "やる", "開始する": "始める", "終了する": "終わる", "記入する": "書く", "記載する": "書く", "提出する": "出す",
    "返却する": "返す", "持参する": "持ってくる", "購入する": "買う", "販売する": "売る", "支払う": "払う", "連絡する": "知らせる", "確認する": "確かめる", "交換する": "取りかえる", "交代する": "代わる",
    "延長する": "延ばす", "停止する": "止める", "設置する": "置く", "保管する": "しまっておく", "清掃する": "掃除する", "洗浄する": "洗う", "移動する": "動かす", "廃棄する": "捨てる", "処分する": "捨てる",
    "選択する": "選ぶ", "作成する": "作る", "製造する": "作る", "建設する": "建てる", "設立する": "つくる", "開催する": "開く", "参加する": "出る", "宿泊する": "泊まる", "到着する": "着く", "出発する": "出る",
    "申請する": "申し込む", "受け取る": "もらう", "配布する": "配る", "記録する": "書いておく", "混合する": "混ぜる", "加熱する": "温める", "冷却する": "冷やす", "乾燥する": "乾かす", "測定する": "はかる",
    "命名する": "名づける", "発見する": "見つける", "修理する": "直す", "破損する": "壊れる", "紛失する": "なくす", "着用する": "着る", "入場する": "入る", "退場する": "出る",
}  # fmt: skip
_KANJI = "[\u3400-\u9fff]"
_WORD = lazy_pattern(rf"(?<!{_KANJI})(?:{'|'.join(sorted(_WORDS, key=len, reverse=True))})(?!{_KANJI}|する|し|でき)")
_VERB = lazy_pattern(
    rf"(?<!{_KANJI})(?:{'|'.join(sorted(_VERBS, key=len, reverse=True))})(?=[のんかとば?？]|とき|場合|こと|時間|人)"
)


def reword(question: str, dice: random.Random) -> str:
    """The question in other words, at times; what stands in quotation marks stays."""
    if "「" in question:
        return question
    question = _WORD.sub(lambda found: _replace(found[0], dice), question)
    question = _VERB.sub(lambda found: _VERBS[found[0]] if dice.random() < REPLACED else found[0], question)
    for word, other in dice.sample(_SPELLED, len(_SPELLED)):
        if word in question and dice.random() < SPELLED:
            question = question.replace(word, other)
    is_plain = not re.search("ますか|ですか。|ください", question)
    if is_plain and dice.random() < SPOKEN:
        for pattern, spoken in _SPOKEN:
            question = pattern.sub(spoken, question)
    return question


def _replace(word: str, dice: random.Random) -> str:
    return dice.choice(_WORDS[word]) if dice.random() < REPLACED else word
