"""How fast rows are checked and counted, against the data preparation script of OpenAI's cookbook, written as there.

Its tokenizer is tiktoken itself; its ranks, which it would fetch over the network, come from bpe-openai's package.
"""

import base64
import gzip
import hashlib
import importlib.util
import json
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.checks.check_line import check_line, clean_messages
from core.text.tokenizer import TokenCounter

ENCODING = "o200k_base"
REPEATS = 3


def bench(path: Path) -> list[tuple[str, ...]]:
    """Rows of the table: a name, a figure, the target. The file's rows must be readable, or the cookbook's script would end."""
    size = path.stat().st_size / 1e6
    tokenizer = peer(ENCODING)
    ours, spent = timed(lambda: check_and_count(path))
    theirs, peers = timed(lambda: cookbook(path, tokenizer))
    once, plain = timed(lambda: plain_loop(path, tokenizer))
    assert ours == theirs == once, (ours, theirs, once)
    return [
        ("check and count tokens", f"{size / spent:.0f} MB/s"),
        ("the cookbook's script (json, tiktoken)", f"{size / peers:.0f} MB/s, {peers / spent:.1f} × as long", "≥ 4 ×"),
        ("json and tiktoken alone, each text once", f"{size / plain:.0f} MB/s, {plain / spent:.1f} × as long"),
    ]


def timed(work: Callable[[], int]) -> tuple[int, float]:
    """What `work` gives, and the seconds of the best of a few runs."""
    best = float("inf")
    for _run in range(REPEATS):
        started = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - started)
    return result, best


def check_and_count(path: Path) -> int:
    """All tokens of the file, each row checked."""
    counter = TokenCounter(ENCODING)
    total = 0
    with path.open("rb") as file:
        for line in file:
            raw = line.rstrip(b"\r\n")
            messages = clean_messages(raw)
            if messages is not None:
                total += counter.messages(messages)
            elif (text := check_line(raw).text) is not None:
                total += counter.row(text)
    return total


def plain_loop(path: Path, tokenizer: Any) -> int:
    total = 0
    with path.open("rb") as file:
        for line in file:
            total += num_tokens_from_messages(json.loads(line)["messages"], tokenizer)
    return total


def cookbook(path: Path, tokenizer: Any) -> int:
    with path.open(encoding="utf-8") as file:
        dataset = [json.loads(line) for line in file]
    format_errors(dataset)
    convo_lens, assistant_message_lens = [], []
    for ex in dataset:
        messages = ex["messages"]
        convo_lens.append(num_tokens_from_messages(messages, tokenizer))
        assistant_message_lens.append(num_assistant_tokens_from_messages(messages, tokenizer))
    return sum(convo_lens)


def format_errors(dataset: list[Any]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for ex in dataset:
        if not isinstance(ex, dict):
            found["data_type"] += 1
            continue
        messages = ex.get("messages", None)
        if not messages:
            found["missing_messages_list"] += 1
            continue
        for message in messages:
            _message_errors(message, found)
        if not any(message.get("role", None) == "assistant" for message in messages):
            found["example_missing_assistant_message"] += 1
    return found


def _message_errors(message: dict[str, Any], found: dict[str, int]) -> None:
    if "role" not in message or "content" not in message:
        found["message_missing_key"] += 1
    if any(k not in ("role", "content", "name", "function_call", "weight") for k in message):
        found["message_unrecognized_key"] += 1
    if message.get("role") not in ("system", "user", "assistant", "function"):
        found["unrecognized_role"] += 1
    content = message.get("content")
    function_call = message.get("function_call")
    if (not content and not function_call) or not isinstance(content, str):
        found["missing_content"] += 1


def num_tokens_from_messages(
    messages: list[dict[str, str]], encoding: Any, tokens_per_message: int = 3, tokens_per_name: int = 1
) -> int:
    num_tokens = 0
    for message in messages:
        num_tokens += tokens_per_message
        for key, value in message.items():
            num_tokens += len(encoding.encode(value))
            if key == "name":
                num_tokens += tokens_per_name
    num_tokens += 3
    return num_tokens


def num_assistant_tokens_from_messages(messages: list[dict[str, str]], encoding: Any) -> int:
    num_tokens = 0
    for message in messages:
        if message["role"] == "assistant":
            num_tokens += len(encoding.encode(message["content"]))
    return num_tokens


def peer(name: str) -> Any:
    """tiktoken's encoding, offline: the ranks are the same files, and their hashes are checked."""
    import tiktoken
    from tiktoken_ext import openai_public

    package = importlib.util.find_spec("bpe_openai")
    assert package
    assert package.submodule_search_locations
    folder = Path(package.submodule_search_locations[0]) / "data"

    def ranks(url: str, expected_hash: str) -> dict[bytes, int]:
        raw = gzip.decompress((folder / f"{url.rsplit('/', 1)[1]}.gz").read_bytes())
        assert hashlib.sha256(raw).hexdigest() == expected_hash
        return {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, raw.splitlines())}

    openai_public.load_tiktoken_bpe = ranks
    return tiktoken.Encoding(**getattr(openai_public, name)())
