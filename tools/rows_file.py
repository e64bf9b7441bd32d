"""Writes a file of training rows as people have them: three languages, several turns, escapes, and known defects."""

import json
import random
from pathlib import Path
from typing import Any

DEFECTS = 0.0013  # the share of rows with a defect that a check must find
DUPLICATES = 0.015

WORDS = {
    "en": "order refund invoice shipping member password points receipt coupon stock exchange booking repair contract "
    "payment account settings notice search summary model data image report meeting please how many days until",
    "ja": "注文 返品 請求書 配送 会員 パスワード ポイント 解約 領収書 在庫 交換 予約 送料 保証 修理 契約 支払い 口座 設定 通知 検索 要約 "
    "について の手続きは でしょうか。 をお願いします。 までに 日以内に できます。 確認してください。",
}
PROMPTS = ("You are a helpful assistant.", "あなたは親切な担当者です。敬体で簡潔に答えてください。")


def write(path: Path, count: int, seed: int = 1, defects: float = DEFECTS) -> int:
    """Write `count` lines to `path`; how many of them hold a defect."""
    chance = random.Random(seed)
    wrong, again = 0, [b"{}"]
    with path.open("wb", buffering=1 << 20) as file:
        for number in range(count):
            line = json.dumps(row(chance, number), ensure_ascii=chance.random() < 0.12).encode()
            if chance.random() < defects:
                line, wrong = broken(chance, line), wrong + 1
            elif number > 100 and chance.random() < DUPLICATES:
                line = chance.choice(again[1:])
            elif len(again) < 1000:
                again.append(line)
            file.write(line + (b"\r\n" if chance.random() < 0.1 else b"\n"))
    return wrong


def row(chance: random.Random, number: int) -> dict[str, Any]:
    language = "ja" if chance.random() < 0.6 else "en"
    messages = [{"role": "system", "content": chance.choice(PROMPTS)}] if chance.random() < 0.7 else []
    for _turn in range(chance.choices((1, 2, 3), (80, 15, 5))[0]):
        messages.append({"role": "user", "content": f"{number} {said(chance, language, 8, 40)}"})
        messages.append({"role": "assistant", "content": said(chance, language, 20, 90)})
    return {"messages": messages}


def said(chance: random.Random, language: str, least: int, most: int) -> str:
    words = chance.choices(WORDS[language].split(), k=chance.randint(least, most))
    return ("" if language == "ja" else " ").join(words)


def broken(chance: random.Random, line: bytes) -> bytes:
    """The line with one of the defects that people's files have."""
    kind = chance.randrange(5)
    if kind == 0:
        return line[:-3]
    if kind == 1:
        return line.replace(b'"role"', b'"ro\xff\xfele"', 1)
    if kind == 2:
        return line.replace(b'"assistant"', b'"assitant"', 1)
    return b'["no", "object"]' if kind == 3 else b'{"prompt": "x", "completion": "y"}'
