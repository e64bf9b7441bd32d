"""How many planted near duplicates are found among 100,000 questions, and how much faster than by comparing all pairs."""

import random
import time
from collections.abc import Callable

import numpy as np
from rapidfuzz import fuzz, process

from core.progress import Reporter
from core.text import near_duplicates

QUESTIONS = 100_000
PLANTED = 5_000
SAMPLE = 3_000  # texts of which all pairs are compared, to estimate what all of them would take

ENGLISH = (
    "how what when where which does can must may team player court ball goal referee throw minute half second penalty "
    "area line foot body contact rule foul score game match time free point start end side position number signal whistle "
    "allowed before after during without between order refund invoice account payment model data file report meeting"
)
JAPANESE = (
    "試合 選手 審判 得点 反則 時間 前半 後半 交代 位置 方向 合図 距離 回数 注文 返品 手続き 請求書 支払い 会議 報告書 学習 データ モデル 規則 "
    "について によって のとき までに から には では をする できますか 何ですか いつですか どこですか 教えてください は が を に で と も"
)


def bench(count: int = QUESTIONS, planted: int = PLANTED) -> list[tuple[str, ...]]:
    """Rows of the table: a name, a figure, the target."""
    texts, pairs = questions(count, planted)
    started = time.perf_counter()
    near = near_duplicates.find_duplicates(texts, Reporter()).near
    spent = time.perf_counter() - started
    found = sum(near[one] == near[other] for one, other in pairs) / len(pairs)
    whole = all_pairs_seconds(texts)
    return [
        (f"near duplicates among {count:,} questions", f"{spent:.1f} s"),
        (f"of {planted:,} planted pairs found", f"{found:.2%}", "≥ 99 %"),
        (
            "rapidfuzz on all pairs (estimated from a sample)",
            f"{whole:,.0f} s, {whole / spent:,.0f} × as long",
            "≥ 100 ×",
        ),
    ]


def questions(count: int, planted: int, seed: int = 5) -> tuple[list[str], list[tuple[int, int]]]:
    """`count` questions, half of them Japanese, and the places of the pairs of which one was made from the other."""
    chance = random.Random(seed)
    texts = [question(chance, number % 2 == 0) for number in range(count - planted)]
    pairs = []
    for origin in chance.sample(range(len(texts)), planted):
        pairs.append((origin, len(texts)))
        texts.append(altered(chance, texts[origin]))
    return texts, pairs


def question(chance: random.Random, japanese: bool) -> str:
    if japanese:
        return "".join(chance.choices(JAPANESE.split(), k=chance.randint(12, 40))) + "。"
    return " ".join(chance.choices(ENGLISH.split(), k=chance.randint(8, 28))).capitalize() + "?"


def altered(chance: random.Random, text: str) -> str:
    """`text` with one or two of the small changes that people make; a twentieth of the characters at most."""
    for _time in range(chance.randint(1, max(1, min(2, len(text) // 20)))):
        text = chance.choice(CHANGES)(chance, text)
    return text


def _substituted(chance: random.Random, text: str) -> str:
    at = chance.randrange(len(text))
    return text[:at] + chance.choice("aeionあいのは") + text[at + 1 :]


def _deleted(chance: random.Random, text: str) -> str:
    at = chance.randrange(len(text))
    return text[:at] + text[at + 1 :]


def _doubled(chance: random.Random, text: str) -> str:
    at = chance.randrange(len(text))
    return text[:at] + text[at] + text[at:]


def _swapped(chance: random.Random, text: str) -> str:
    at = chance.randrange(len(text) - 1)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


CHANGES: list[Callable[[random.Random, str], str]] = [
    _substituted,
    _deleted,
    _doubled,
    _swapped,
    lambda _chance, text: text.upper(),
    lambda _chance, text: text.rstrip("?。") + "!",
    lambda _chance, text: text.replace(" ", "  ").replace("。", " 。"),
    lambda _chance, text: "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text),
]


def all_pairs_seconds(texts: list[str]) -> float:
    """What rapidfuzz takes for all pairs of `texts` on one core with the same cut-off, estimated from a sample."""
    sample = [near_duplicates.normalise(text) for text in random.Random(1).sample(texts, min(SAMPLE, len(texts)))]
    started = time.perf_counter()
    # Given the same list twice, it computes one half of the table only.
    process.cdist(sample, sample, scorer=fuzz.ratio, score_cutoff=near_duplicates.MIN_SIMILARITY, dtype=np.uint8)
    return (time.perf_counter() - started) * (len(texts) / len(sample)) ** 2


if __name__ == "__main__":
    for row in bench():
        print("| " + " | ".join(row) + " |")
