"""A Japanese question before it has its ending, and the endings that people use: polite, plain, asking to be told."""

from __future__ import annotations

import random
from dataclasses import dataclass

from core.lazy_loading import lazy_pattern
from core.text.questions.japanese_predicates import Predicate

STYLES = ("polite", "nda", "plain", "tell", "kke", "want")


@dataclass(frozen=True, slots=True)
class Draft:
    """A question whose `body` holds the word that asks; `topic` stands before it, without は.

    `predicate` ends it; without one, the body ends with a noun. `is_act` says that a person does it on purpose, so
    that 〜ばいいですか fits. `kind` and `form` are those of the row.
    """

    topic: str
    body: str
    predicate: Predicate | None
    form: str
    kind: str = "direct"
    is_act: bool = False
    particle: str = "は"

    def embed(self) -> str:
        """The question as a part of another one: 「樽の高さは何センチか」; '' where it can't be."""
        text = self._lead(False) + self.body
        if self.predicate is None or self.predicate.kind == "noun":
            return f"{text}{self._noun()}か"
        return f"{text}{self.predicate.plain()}か" if self.predicate.plain() else ""

    def finish(self, style: str, dice: random.Random) -> str:
        """The whole question in one of `STYLES`; '' where the style does not fit."""
        text = self._lead(style == "plain" and dice.random() < 0.6) + self.body
        ending = self._end_noun(style, dice) if self._is_noun() else self._end_verb(style, dice)
        return text + ending if ending else ""

    def _is_noun(self) -> bool:
        return self.predicate is None or self.predicate.kind == "noun"

    def _noun(self) -> str:
        if self.predicate is None:
            return ""
        return self.predicate.base + ("だった" if self.predicate.past else "")

    def _lead(self, casual: bool) -> str:
        if not self.topic:
            return ""
        return self.topic + ("って" if casual and self.particle == "は" else self.particle)

    def _end_noun(self, style: str, dice: random.Random) -> str:
        noun = self._noun()
        past = self.predicate is not None and self.predicate.past
        if past and self.predicate:
            noun = self.predicate.base
        choices = {
            "polite": ["でしたか。"] if past else ["ですか。"],
            "nda": ["だったんですか。"] if past else ["なんですか。", "ですか?"],
            "plain": ["だったの?"] if past else ["?", "なの?", "だっけ?"],
            "tell": ["だったか教えてください。"] if past else ["か教えてください。", "か教えて。"],
            "kke": ["でしたっけ。"],
            "want": ["だったか知りたいんですけど。"] if past else ["か知りたいんですけど。", "なのか知りたいです。"],
        }[style]
        return noun + dice.choice(choices)

    def _end_verb(self, style: str, dice: random.Random) -> str:
        predicate = self.predicate
        assert predicate is not None
        plain = predicate.plain()
        if not plain:
            return ""
        if self.is_act and dice.random() < 0.4 and (ba := predicate.ba()):
            return ba + {"polite": "いいですか。", "nda": "いいんですか。", "plain": "いいの?", "tell": "いいか教えてください。",
                         "kke": "いいんでしたっけ。", "want": "いいのか知りたいです。"}[style]  # fmt: skip
        polite = predicate.polite()
        choices = {
            "polite": [f"{polite}か。"] if polite and not predicate.negative else [f"{plain}のですか。"],
            "nda": [f"{plain}んですか。", f"{plain}んですか?"],
            "plain": [f"{plain}の?", f"{plain}んだっけ?", f"{plain}?"],
            "tell": [f"{plain}か教えてください。", f"{plain}のか教えて。"],
            "kke": [f"{plain}んでしたっけ。", f"{plain}んだっけ。"],
            "want": [f"{plain}のか知りたいです。", f"{plain}か知りたいんですけど。"],
        }[style]
        return dice.choice(choices)


_TOPIC_WA = lazy_pattern("は、?$")


def choose_styles(count: int, dice: random.Random) -> list[str]:
    """So many different styles, by chance."""
    return dice.sample(STYLES, min(count, len(STYLES)))
