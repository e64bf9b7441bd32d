"""Tells whether a text denies what it names ("not 60 points", 「60点ではない」), and whether it says that it does not know.

`is_denied`, `find_bound` and their like take normalised texts whose clauses and sentences end with `CLAUSE` and `SENTENCE`.
"""

import re

from core.lazy_loading import lazy_pattern
from core.text.normalise import normalise

# Letters of no living script, which normalising leaves unchanged.
CLAUSE, SENTENCE = "\u1681", "\u1682"
_MARK = lazy_pattern(
    r"(?P<sentence>[。！？!?\n]|\.(?=\s|$))|(?<!\d)[,:，：]|[,:，：](?!\d)|[、;；()（）「」『』“”\"—…]"
)
MAX_DISTANCE = 160  # characters before and after a word that are searched for its denial
MAX_ANSWER_CHARACTERS = 4000  # first characters of an answer that are searched for words such as "I don't know"

_BANS = r"(?:may|must|can|should) not|cannot|cant|mustnt|shouldnt|(?:not|arent|isnt) (?:allowed|permitted)"
_NOT = (
    rf"(?P<ban>{_BANS})|not|never|no|nor|neither|without|none|nobody|nothing|instead of|rather than"
    r"|(?:is|are|was|were|do|does|did|wo|would|could|must|has|have|had|need)nt"
)
_NEGATOR = lazy_pattern(rf"\b(?:{_NOT})\b")
# Phrases that look like a negation and are none, and limits: "no longer than five seconds" names five.
_NO_NEGATION = lazy_pattern(
    r"\b(?:not|no) (?:only|just|merely|simply|doubt|matter|problem)\b"
    r"|\b(?:no|not|never|nothing|none|cannot|cant|nor?)\b[^\u1682]{0,60}?\b(?:but|except|other|else|beyond|exceed\w*"
    r"|(?:more|longer|less|fewer|later|earlier|higher|lower|greater|smaller|wider|shorter|over) than|for over|above|until|unless|before|after)\b"
)
_SCOPE_END = lazy_pattern(
    r"\b(?:but|however|only|because|since|so|if|when|while|which|who|whose|and then|must)\b|[\u1681\u1682]"
)
_SUCH_AS = lazy_pattern(r"such as|like|any of")
_PART_END = lazy_pattern(r"[\u1681\u1682]|\b(?:and|but|or|because|since|so|while|which|who|if|when)\b")
_VERB = r"(?:is|are|was|were|do|does|did|can|could|may|might|must|should|will|would|has|have|had)"
_DENIED_AFTER = lazy_pattern(
    rf"^(?: [a-z0-9]+){{0,6}}? (?:{_VERB} (?:not|never)(?! only)|(?:is|are|was|were|do|does|did|ca|wo)nt|cannot|(?:is|are) "
    r"(?:a )?(?P<ban>foul|forbidden|prohibited|banned|illegal)|(?:is|are) (?:wrong|incorrect|false))\b"
)
_LIMITED_AFTER = lazy_pattern(r"exceed|more than|longer than|not (?:allowed|permitted) after")

_JA_BAN = r"いけな|いけませ|ならない|なりません|できな|できませ|られな|られませ|使えな|使えませ|禁止|だめ|駄目|不可|(?:反則|違反)(?!では)"
_JA_DENIED = lazy_pattern(rf"(?P<ban>{_JA_BAN})|ません|(?<![少危])ない(?!と)|なく(?![しすて])|なかっ")
_JA_NO_NEGATION = lazy_pattern(
    r"な(?:ければ|くては|いと)(?:な[らり]|いけ|だめ|駄目)(?:ません|ない)?|(?:だけ|のみ|ばかり)(?:では|じゃ|で)なく"
    r"|(?:かまい|構い|差し支えあり|かもしれ|すみ|済み|問題あり|間違いあり)ません|間違いない|違いない|少なくとも"
)
_JA_LIMIT = lazy_pattern(
    r"^.{0,6}?(?:しか|以外|より(?:ほか|他)|以上|[をも]?超[えす過]|[をも]?こえ|[をも]?越え|より(?:長|多|大|重)|を過ぎ)"
)
# At least or at most, before a number and after it; a negation turns one into the other.
_AT_LEAST = lazy_pattern(
    r"(?:at least|minimum(?: of)?|(?:no|not) (?:less|fewer) than|(?<!no )(?<!not )(?:more|longer|later) than|over|above|exceed\w*"
    r"|少なくとも|最低(?:でも)?|最短|最小)(?: [a-z]+)? ?$"
)
_AT_LEAST_AFTER = lazy_pattern(
    r"^ ?(?:or (?:more|longer)|minimum|以上|[をも]?(?:超[えす過]|こえ)(?!ると|たら|れば|た場合|たとき|た時)|より(?:長|多|大|重))"
)
_AT_MOST = lazy_pattern(
    r"(?:at most|up to|maximum(?: of)?|(?:no|not) (?:more|longer|later) than|(?:less|fewer) than|under|below|within"
    r"|最長|最大|最高|多くても|長くても)(?: [a-z]+)? ?$"
)
_AT_MOST_AFTER = lazy_pattern(r"^ ?(?:or (?:less|fewer)|max(?:imum)?\b|at most|まで|以内|以下|未満)")
_JA_TOPIC = lazy_pattern(r"(?<=..)(?<!こと)(?<!の)(?<!必要)(?<!わけ)(?<!で)(?<!に)(?<!すこと)[はが](?=.)")
_JA_PART_END = lazy_pattern(r"[\u1681\u1682]|(?:です|ます|だ|る|い)(?:が|ので|けれど|けど)")
_IS_JAPANESE = lazy_pattern(r"[\u3041-\u30ff\u3400-\u9fff]")
# In such a question or answer a ban is no negation, but its subject.
_ABOUT_BANS = lazy_pattern(
    r"\b(?:fouls?|forbid\w*|forbidden|prohibited|banned|illegal|violations?|not allowed|may not|must not|cannot)\b"
    r"|反則|違反|禁止|禁じ|いけな|いけま"
)
_ABOUT_ABSENCE = lazy_pattern(
    r"\b(?:not|never|no|without|except|lack\w*|closed|missing|(?:do|does|is|are|ca|ca|wo)nt)\b|ない|ません|以外|除|休"
)
# With these words an answer says that the text does not give it.
_UNKNOWN_PHRASE = lazy_pattern(
    r"\b(?:does|did|do)(?: not|n['’]?t) (?:explicitly |clearly |directly |actually )?(?:say|state|mention|specify)\b"
    r"|\b(?:text|document|passage|context|source|spec|rules?)\b (?:does|did|do)(?: not|n['’]?t) (?:\w+ )?"
    r"(?:contain|provide|give|include|describe|cover|indicate)\b"
    r"|\b(?:is|are|was|were)(?: not|n['’]?t) (?:\w+ly )?(?:mentioned|stated|specified|described|provided|given) (?:in|by|here)\b"
    r"|\bno information (?:is|was|about|on|in)\b|\bas an ai\b"
    r"|\b(?:I|we) (?:do not|don['’]?t|cannot|can['’]?t) (?:know|find|tell|answer|determine)\b"
    r"|(?:記載|記述|言及|明記|説明|定め|規定|情報)(?:され|が|は|も|て|い)*(?:ませ(?:ん|んでした)|ない|ありません|なし|ございません)"
    r"|(?:書かれて|述べられて)い(?:ません|ない)|(?:分か|わか)り(?:ません|かねます)|お答えできません|不明です",
    re.IGNORECASE,
)
# What `find_unknown_phrase` leaves out, since rows that teach a rule may say it.
_ADMISSION = lazy_pattern(
    r"\b(?:says?|said|mentions?|states?|contains?) (?:nothing|no (?:rules?|word|information))\b|\bnothing (?:about|on|is said)\b"
    r"|\bnot (?:in|part of) the (?:text|document|passage|context|source|spec|rules?)\b|\bnowhere\b|\bno (?:mention|rule|indication|details?|record)\b|\bnot (?:\w+ )?(?:mentioned|stated|specified|described|defined|covered|known)\b"
    r"|n['’]?t (?:\w+ )?(?:mentioned|stated|specified|described|defined|covered|known)\b|\b(?:unclear|unknown|unspecified|undefined)\b"
    r"|\b(?:do|does)(?: not|n['’]?t) (?:include|contain|provide|give|cover|know|have) (?:any )?(?:information|details?|data)?"
    r"|\b(?:cannot|can['’]?t) (?:be determined|say|tell|answer)\b"
    r"|触れられて|(?:触れて|書いて|載って)(?:い|お|あ)(?:ない|ません|りません)|見当たり(?:ません|ない)|(?:決ま|定ま|き)って(?:い|お)(?:ない|ません|りません)"
    r"|(?:決め|定め)(?:られ)?て(?:い|お)(?:ない|ません|りません)|(?:決まり|定め|規定|ルール|情報|記述)(?:は|が|も)?(?:特に)?(?:ない|ありません)"
    r"|(?:判断|特定|断定|回答)(?:は|が)?(?:でき|しかね)(?:ない|ません|ます)|(?:知|存じ)(?:り|上げ)?ません|不明",
    re.IGNORECASE,
)
_UNKNOWN_HINTS = (
    "n't",
    "n’t",
    "nt ",
    " not ",
    "no info",
    "No info",
    "I can",
    "an AI",
    "an ai",
    "ません",
    "ない",
    "なし",
    "かねます",
    "不明",
)


YES, NO = "yes", "no"  # what an answer says to a question whether something is so
_VERDICT_YES = lazy_pattern(
    r"(?:yes|yeah|yep|sure|of course|certainly|absolutely|definitely|no (?:problem|matter|worries))(?![a-z])|はい|ええ(?!と)|もちろん|うん"
)
_VERDICT_NO = lazy_pattern(
    r"(?:no|nope|not|never|neither|none|nobody|nothing|unfortunately not|sorry no|(?:do|does|is|are|ca|wo|must|should)nt)(?![a-z])"
    r"|いいえ|いえ|いや(?!な)|だめ|駄目|ダメ|無理|違います|違う|ちがいます|逆です|とんでもない|無効"
)
_VERDICT_OPENING = lazy_pattern(
    r"(?:sorry|well|oh|hi|hello|unfortunately|sadly|actually|残念ながら|残念ですが|申し訳ありませんが|実は|まず|[\u1681\u1682 ])+"
)
_VERDICT_NEGATOR = lazy_pattern(
    r"\b(?:not|never|cannot|cant|mustnt|nobody|none|neither|nothing|nowhere|no)\b(?! (?:only|just|more|less|fewer|later|longer|lower|higher|earlier|problem|matter))"
    r"|\b(?:is|are|was|were|do|does|did|wo|would|could|has|have|had|need|should)nt\b"
)
_JA_VERDICT_NEGATOR = lazy_pattern(
    r"ません|(?<![少危])ない(?!と|よう|うち|ため|なら)|できず|使わず|せずに|禁止|だめ|駄目|ダメ|無効|不可|違い?ます|ちがいます|やめて"
)
_VERDICT_MAY = lazy_pattern(
    r"\b(?:may|can|could|allowed|fine|ok|okay|free to|possible|right)\b|大丈夫|かまい|構い|(?:ても|で)いい|できます|結構です|問題ありません|問題ない"
)
_CONCLUSION = lazy_pattern(
    rf"(?:^|[{CLAUSE}{SENTENCE}]) *so (?:(?P<yes>yes)|no|not [^{CLAUSE}{SENTENCE}]*)[ {CLAUSE}{SENTENCE}]*$"
    rf"|答えは[ {CLAUSE}]*(?:(?P<hai>はい)|いいえ)[ {CLAUSE}]*です[ {CLAUSE}{SENTENCE}]*$"
)
_IF = lazy_pattern(r"\b(?:if|unless|until|as long as)\b[^\u1681\u1682]*")
VERDICT_SENTENCES = 2  # sentences of an answer in which its verdict is looked for


def read_verdict(answer: str, spoken: bool = False) -> str:
    """`YES` or `NO` as an answer to the question whether something is so; '' where it does not show.

    `spoken`: only what it begins with, or concludes at its end, counts, not what it means.
    """
    text = normalise_clauses(answer)
    opening = _VERDICT_OPENING.match(text)
    begun = text[opening.end() :] if opening else text
    if _VERDICT_YES.match(begun):
        return YES
    if _VERDICT_NO.match(begun):
        return NO
    if concluded := _find_conclusion(begun):
        return concluded
    if spoken:
        return ""
    start = SENTENCE.join(begun.split(SENTENCE)[:VERDICT_SENTENCES])
    start = _IF.sub("", start)
    if _denies(start):
        return NO
    return YES if _VERDICT_MAY.search(start) else ""


def read_conclusion(answer: str) -> str:
    """`YES` or `NO` where an answer ends with it as what follows of the rest: "…, so yes.", 「…ので、答えは「いいえ」です。」"""
    return _find_conclusion(normalise_clauses(answer))


def _find_conclusion(text: str) -> str:
    found = _CONCLUSION.search(text)
    return "" if found is None else YES if found["yes"] or found["hai"] else NO


def is_negative(answer: str) -> bool:
    """Whether the first sentences of an answer deny something, other than under a condition."""
    text = SENTENCE.join(normalise_clauses(answer).split(SENTENCE)[:VERDICT_SENTENCES])
    return _denies(_IF.sub("", text))


def _denies(text: str) -> bool:
    return bool(_VERDICT_NEGATOR.search(text) or _JA_VERDICT_NEGATOR.search(_JA_NO_NEGATION.sub("", text)))


def normalise_clauses(text: str) -> str:
    """`text` normalised, with `CLAUSE` and `SENTENCE` for the marks that end its clauses and sentences."""
    marked = _MARK.sub(lambda found: f" {SENTENCE if found['sentence'] else CLAUSE} ", text[:MAX_ANSWER_CHARACTERS])
    return normalise(marked)


def is_about_bans(text: str) -> bool:
    """Whether a normalised question or reference is about what is forbidden."""
    return _ABOUT_BANS.search(text) is not None


def is_about_absence(text: str) -> bool:
    """Whether a normalised question asks for an absence: "When do the boats not run?", 運休."""
    return _ABOUT_ABSENCE.search(text) is not None


def is_denied(text: str, start: int, end: int, bans_count: bool = True) -> bool:
    """Whether `text` denies its words from `start` to `end`; without `bans_count` what is only forbidden is not denied."""
    before = text[max(0, start - MAX_DISTANCE) : start].rpartition(SENTENCE)[2]
    after = text[end : end + MAX_DISTANCE]
    if _IS_JAPANESE.search(before[-20:] + after[:20]):
        return _is_denied_in_japanese(after, bans_count) and not _JA_LIMIT.search(text[start:end])
    return _is_denied_before(before, text[start:end], bans_count) or _is_denied_after(after, bans_count)


def find_bound(text: str, start: int, end: int) -> int:
    """1 where the number from `start` to `end` is a minimum, -1 where it is a maximum, 0 where `text` does not say."""
    before = text[max(0, start - MAX_DISTANCE) : start].rpartition(SENTENCE)[2]
    after = text[end : end + MAX_DISTANCE]
    least, most = (
        _AT_LEAST.search(before) or _AT_LEAST_AFTER.search(after),
        _AT_MOST.search(before) or _AT_MOST_AFTER.search(after),
    )
    if bool(least) is bool(most):
        return 0
    part = _JA_NO_NEGATION.sub("", _JA_PART_END.split(after, maxsplit=1)[0])
    outer = before[: least.start()] if least and least.string is before else before
    is_negated = least and (_NEGATOR.search(outer.rpartition(CLAUSE)[2]) or _JA_DENIED.search(part))
    return 1 if least and not is_negated else -1


def _is_denied_before(before: str, denied: str, bans_count: bool) -> bool:
    """Whether a negation governs what follows it: "does not have to stand on one foot"."""
    text = _NO_NEGATION.sub(lambda found: " " * len(found[0]), before)
    for negator in _NEGATOR.finditer(text):
        between = text[negator.end() :]
        ends = _SCOPE_END.search(between if not _SUCH_AS.search(between) else between.replace(CLAUSE, " "))
        if not ends and (bans_count or not negator["ban"]):
            return not _NEGATOR.search(denied)
    return False


def _is_denied_after(after: str, bans_count: bool) -> bool:
    part = _PART_END.split(after, maxsplit=1)[0]
    match = _DENIED_AFTER.search(part)
    if not match or _LIMITED_AFTER.search(part):
        return False
    return bans_count or not match["ban"]


def _is_denied_in_japanese(after: str, bans_count: bool) -> bool:
    part = _JA_NO_NEGATION.sub("", _JA_PART_END.split(after, maxsplit=1)[0])
    if _JA_LIMIT.search(part):
        return False
    match = _JA_DENIED.search(part)
    if not match or _JA_TOPIC.search(part[: match.start()]):
        return False
    return bans_count or not match["ban"]


def find_unknown_phrase(answer: str) -> str:
    """The phrase with which an answer says that it does not know, or that the text does not say; '' where there is none."""
    start = answer[:MAX_ANSWER_CHARACTERS]
    match = _UNKNOWN_PHRASE.search(start) if any(hint in start for hint in _UNKNOWN_HINTS) else None
    return match[0] if match else ""


def find_admission(answer: str) -> str:
    """The words with which an answer to a question that is known to have no answer says so; '' where there are none."""
    match = _ADMISSION.search(answer)
    return find_unknown_phrase(answer) or (match[0] if match else "")
