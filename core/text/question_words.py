"""Reads what a question asks for: whether something is so, how many things, and what its figures measure."""

import re
from functools import cached_property

from core.lazy_loading import lazy_pattern
from core.text import clauses, quantities
from core.text.normalise import normalise

MONEY, CLOCK, TIME, COUNT = "money", "clock", "time", "count"  # what a figure measures

_JAPANESE = lazy_pattern("[\u3041-\u30ff]")
_NUMBER = lazy_pattern(r"\d+(?:\.\d+)?")
_ASKED_KINDS = (
    (MONEY, lazy_pattern(
        r"\bhow much (?:is|do|does|did|will|would|are|for|money|more|less|to|should|gets?|you)\b|\bhow much\?|\b(?:cost|price|pay|charg|fee|owe|worth|wage|save|bill)"
        r"|\bcome to\b|\bset \w+ back\b|いくら|料金|値段|金額|費用|代金"
    )),
    (CLOCK, lazy_pattern(r"\bwhen\b|\bwhat time\b|\bhow (?:early|late)\b|\b(?:earliest|latest)\b|何時|いつ")),
    (TIME, lazy_pattern(
        r"\bhow (?:long|quick\w*|soon|many (?:second|minute|hour|day|week|month|year)s?)\b|時間|何[分秒日週]|どれだけ|どのくらい|どれくらい"
    )),
    (COUNT, lazy_pattern(
        r"\bhow (?:many|much|far|tall|high|heavy|old|big|large|small|deep|wide|often|warm|hot|cold|fast|full|early)\b"
        r"|\b(?:what|which)(?:['’]?s| is| are)? (?:the |an? )?(?:\w+ ){0,2}(?:temperature|size|height|weight|number|age|range|distance|length"
        r"|limits?|measurements?|share|percentage|amount)\b|\bmeasurements?\b"
        r"|いくつ|大きさ|重さ|高さ|長さ|どのくらい|どれくらい|どれだけ|何(?:人|名|個|回|枚|本|歩|点|度|番|週|[かヶカ]月|キロ|グラム|メートル|センチ|ミリ|リットル|年|歳|才|台|冊|パー)"
    )),
)  # fmt: skip
_WH = r"(?:who|whom|whose|who['’]s|what|what['’]s|which|where|when|why|how)\b"
_AUXILIARY = r"(?:do|does|did|can|could|may|must|is|are|am|was|were|will|would|shall|should|have|has)(?:n['’]t)?"
_SUBJECT = r"(?:i|we|you|he|she|it|they|there|the|an?|my|your|our|this|that|any|every|all|some|\w+s|two|one|people)\b"
_BEGINS = r"(?:^|[.!?,:;–—-]\s+|\b(?:and|or|so|but)\s+)(?:so |then |and |hi! )?"
_ASKS_WHAT = lazy_pattern(
    rf"{_BEGINS}(?:by |from |till |until |to |for |in |at |with |under )?(?:the )?{_WH}", re.IGNORECASE
)
_ASKS_WHETHER = lazy_pattern(
    rf"{_BEGINS}{_AUXILIARY} {_SUBJECT}|, (?:right|{_AUXILIARY} \w+)\?"
    r"|(?:(?<![何誰どう])ですか|ますか|いい|よね|平気|大丈夫|かな|まずい|だめなの|んですか|ないの|いいの|かまわない|ませんか)[？?。]",
    re.IGNORECASE,
)
_ASKS_NOT = lazy_pattern(
    r"(?:だめ|駄目|まずい|いけない|ない)(?:なの|んですか|ですか|の|かな)?[？?。]|なくて(?:も)?(?:いい|大丈夫)",
    re.IGNORECASE,
)
_ASKS_ANY = lazy_pattern(
    r"\b(?:anything|something|anybody|somebody|anyone|someone|anywhere|somewhere)\b|何か|なにか|だれか|誰か|どこか",
    re.IGNORECASE,
)
_ASKS_JAPANESE = lazy_pattern(r"何|だれ|誰|どこ|いつ|どう|いくら|いくつ|どの|どれ|どっち|どちら|なぜ|どんな")
_ASKS_SUBJECT = lazy_pattern(r"\b(?:who|whom|whose|which|called|do you call|word|name)\b", re.IGNORECASE)
_ASKS_COUNTER = lazy_pattern(
    r"何(人|名|個|回|枚|本|分|秒|歩|点|度|番|週|日|年|歳|才|台|冊|キロ|グラム|メートル|センチ|ミリ|リットル)"
)
_ASKS_MANY = lazy_pattern(r"\bhow many\b", re.IGNORECASE)
_ASKS_SUM = lazy_pattern(r"\b(?:altogether|in all|in total|total)\b|合わせて|合計|全部で", re.IGNORECASE)
_ASKS_RANGE = lazy_pattern(r"\b(?:limits|range|measurements|dimensions)\b|範囲|縦横", re.IGNORECASE)
_ASKS_NAME = lazy_pattern(r"何番|何号|番号")
_ASKS_EACH = lazy_pattern(r"\b(?:each|both|the two|respectively)\b|それぞれ|何と何", re.IGNORECASE)


class Question:
    """What a question asks for."""

    def __init__(self, text: str) -> None:
        self.text = text
        normal = normalise(quantities.spell_out(text))
        self._stems = clauses.extract_content_words(normalise(text))
        self.numbers = frozenset(_NUMBER.findall(quantities.normalise_quantities(normal)))

    @cached_property
    def whether(self) -> bool:
        """Whether it asks whether something is so."""
        if not _JAPANESE.search(self.text):
            return _ASKS_WHETHER.search(self.text) is not None
        sentences = re.split(r"(?<=[。？?！!])", self.text)
        return any(_ASKS_WHETHER.search(one) and not _ASKS_JAPANESE.search(_ASKS_ANY.sub("", one)) for one in sentences)

    @cached_property
    def is_negative(self) -> bool:
        """Whether it asks whether something is not so: then a yes may agree with a no."""
        return _ASKS_NOT.search(self.text) is not None

    @cached_property
    def kinds(self) -> list[str]:
        """What the figures measure that it asks for."""
        return [kind for kind, pattern in _ASKED_KINDS if pattern.search(self.text.casefold())]

    @cached_property
    def things(self) -> int:
        """For how many things it asks, besides whether something is so; 0 where for none."""
        if not _JAPANESE.search(self.text):
            return len(_ASKS_WHAT.findall(self.text))
        return sum(
            bool(_ASKS_JAPANESE.search(part)) for part in re.split(r"[、。？?！!]", _ASKS_ANY.sub("", self.text))
        )

    @property
    def asks_something(self) -> bool:
        """Whether a yes alone is no answer: "Is there anything I should do?"."""
        return _ASKS_ANY.search(self.text) is not None

    @property
    def asks_subject(self) -> bool:
        """Whether it asks who or which, so that the subject of an answer may be what is asked for."""
        return _ASKS_SUBJECT.search(self.text) is not None

    @property
    def asks_many(self) -> bool:
        """Whether it asks how many things there are, in English."""
        return _ASKS_MANY.search(self.text) is not None

    @property
    def asks_sum(self) -> bool:
        """Whether it asks for a sum."""
        return _ASKS_SUM.search(self.text) is not None

    @property
    def asks_range(self) -> bool:
        """Whether it asks for two ends or sides."""
        return _ASKS_RANGE.search(self.text) is not None

    @property
    def asks_name(self) -> bool:
        """Whether it asks for a number that is a name: 何番."""
        return _ASKS_NAME.search(self.text) is not None

    @property
    def asks_each(self) -> bool:
        """Whether it asks of several things, each for itself."""
        return _ASKS_EACH.search(self.text) is not None

    @property
    def counter(self) -> str:
        """The counter of 何人, 何回 and their like; '' without one."""
        match = _ASKS_COUNTER.search(self.text)
        return match[1] if match else ""

    def has(self, word: str) -> bool:
        """Whether it has this word, or one of its forms."""
        return clauses.stem(word.casefold()) in self._stems if word.isascii() else word in self.text
