"""Looks for inputs that nobody thought of: `python tools/fuzz.py [MINUTES] [SEED]`.

Half of the time broken files of every format are thrown at the readers: it prints how many were read, how many raised anything
but a FormatError (none should), and which were slowest. The other half the tests of properties draw examples anew, with seeds
that are printed; once more with one: `JUKU_EXAMPLES=random python -m pytest -m hypothesis --hypothesis-seed=SEED`.
"""

import contextlib
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core import formats  # noqa: E402
from core.errors import FormatError  # noqa: E402
from core.formats import clipboard_text, jsonl  # noqa: E402
from core.formats.conversion_losses import UnsupportedRow  # noqa: E402
from core.progress import Reporter  # noqa: E402

SLOW, EACH = 5.0, 3e-5  # seconds that a file may take, and more for each row and problem in it
ROW = jsonl.new_row("短く。", "返品は？ “now”", 'The table says: "a, b"\nand more | less.')
SHARE = json.dumps({"id": 1, "conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "日本"}]})
ALPACA = json.dumps({"instruction": "q", "input": "i", "output": "返品できます"}, ensure_ascii=False)
DPO = '{"input": {"messages": [{"role": "user", "content": "q"}]}, "preferred_output": [], "non_preferred_output": 7}'
TABLE = 'question,answer,split\r\n"a ""b""\r\nc",返品です,test\r\n=1,\'x,\r\n'
MARKDOWN = "text\n\n| 質問 | 回答 |\n|---|:-:|\n| a \\| b | c<br>d &amp; e |\n\nmore\n"
SEEDS = [
    f"{ROW}\n{ROW}\r\n{SHARE}\n",
    f"[{ROW},\n{ROW}, {ALPACA}]",
    json.dumps([json.loads(ROW)] * 3, indent=2),
    f"{SHARE}\n" * 3,
    f"[{SHARE}]",
    f"{ALPACA}\n{DPO}\n",
    TABLE,
    TABLE.replace(",", "\t"),
    TABLE.replace(",", ";"),
    MARKDOWN,
    '{"prompt": "a", "completion": "b"}\n',
]
PIECES = [
    b"\0", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b'"', b'""', b"\\", b"\\u", b"\\ud83d", b"{", b"}", b"[", b"]",
    b",", b";", b"\t", b"|", b"\n", b"\r", b"\r\n", b"\n\n", b"NaN", b"1e999", b"-Infinity", b"9" * 5000, b"\x82\xa0",
    b"\xe3\x81", b"|---|---|\n", b"question,answer\n", b'{"messages": ', b'{"messages": [], "messages": []}', b"'=", b"&#0;",
    b"<br>", b"\x1f\x8b\x08", b"\xe2\x80\xa8", b"\x85", b"conversations", b'"from": ["x"]', b"null", b"[[[[",
]  # fmt: skip
NAMES = ["rows.jsonl", "rows.json", "rows.txt", "rows.csv", "rows.tsv", "rows.md", "rows", "rows.jsonl.gz"]
ENCODINGS = ["utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp932", "cp1252"]


def bombs(chance: random.Random) -> bytes:
    """Input of one kind, repeated: deep, long, or with no end."""
    unit = chance.choice(
        [*PIECES, b'{"a":', b'["', b'[{"', b'","', b'"\n', b'\n"', b"x", b" ", b"|\n", b'{"a": "}', b'{"a": 1}']
    )
    start = chance.choice([b"", b"[", b'{"a": "', b"question,answer\n", b"q|a\n-|-\n", b'"', b'[{"messages": '])
    end = chance.choice([b"", b"]", b'"}', b"\n", b"]" * 1000])
    return start + unit * (chance.choice([1000, 100_000, 2_000_000]) // len(unit)) + end


def mutated(chance: random.Random) -> bytes:
    """A sound file with a few places cut, doubled, or filled with something else."""
    text = chance.choice(SEEDS) * chance.choice([1, 1, 3, 40])
    data = bytearray(text.encode(chance.choice(ENCODINGS), "replace"))
    for _ in range(chance.choice([0, 1, 2, 5, 20])):
        at = chance.randrange(len(data) + 1)
        change = chance.randrange(4)
        if change == 0:
            data[at:at] = chance.choice(PIECES)
        elif change == 1:
            del data[at : at + chance.choice([1, 2, 10, 100])]
        elif change == 2:
            data[at:at] = data[chance.randrange(len(data) + 1) :][: chance.choice([1, 10, 200])]
        elif at < len(data):
            data[at] = chance.randrange(256)
    return bytes(data)


def noise(chance: random.Random) -> bytes:
    return chance.randbytes(chance.choice([0, 1, 2, 3, 10, 1000]))


def pieced(chance: random.Random) -> bytes:
    return b"".join(chance.choice(PIECES) for _ in range(chance.choice([1, 5, 50])))


def written(path: Path, chance: random.Random) -> str:
    """Write an input to `path`; which kind it is."""
    make: Callable[[random.Random], bytes] = chance.choices([mutated, pieced, noise, bombs], [12, 4, 2, 1])[0]
    data = make(chance)
    if path.suffix == ".gz":
        data = gzip.compress(data, 1)
        if chance.random() < 0.3:
            at = chance.randrange(len(data))
            data = data[:at] + chance.randbytes(1) + data[at + chance.choice([0, 1]) :]
    path.write_bytes(data)
    return make.__name__


def read(path: Path, chance: random.Random) -> Counter[str]:
    """Read the file every way there is; what came of it."""
    found: Counter[str] = Counter()
    format, encoding = chance.choice(["", "", *formats.READERS]), chance.choice(["", "", "utf-8", "utf-16-le", "cp932"])
    try:
        for row in formats.read(path, Reporter(), formats.ReadingOptions(format, encoding)):
            found["rows" if row.text is not None else "unreadable"] += 1
            assert row.text is not None or row.problems
            assert row.text is None or isinstance(json.loads(row.text), dict)
            if chance.random() < 0.02 and row.text is not None:
                for writer in formats.WRITERS.values():
                    if writer.full:
                        with contextlib.suppress(UnsupportedRow):  # longer than a cell of a sheet
                            writer.full(row.text, row.fields)
        found["problems"] += sum(1 for _ in formats.check_file(path, Reporter()))
    except FormatError:
        found["refused"] += 1
    if path.suffix != ".gz":
        text = path.read_bytes()[:200_000].decode(errors="replace")
        clipboard_text.detect_pasted(text)
        clipboard_text.parse_cells(text)
    return found


def readers(seconds: float, seed: int) -> bool:
    """Whether all files were read or refused, and soon."""
    chance = random.Random(seed)
    kinds: Counter[str] = Counter()
    found: Counter[str] = Counter()
    slowest: list[tuple[float, str]] = []
    failures = slow = 0
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end:
            path = Path(folder) / chance.choice(NAMES)
            kind = written(path, chance)
            kinds[kind] += 1
            start, came = time.thread_time(), Counter[str]()
            try:
                came = read(path, chance)
                found += came
            except Exception:
                failures += 1
                kept = Path(tempfile.gettempdir()) / f"fuzz-{seed}-{failures}-{path.name}"
                kept.write_bytes(path.read_bytes())
                print(f"{kept}\n{traceback.format_exc(limit=-4)}", flush=True)
            took = time.thread_time() - start
            slow += took > SLOW + EACH * came.total()
            what = f"{kind} {path.name} {path.stat().st_size:,} {path.open('rb').read(30)!r}"
            slowest = sorted([*slowest, (took, what)], reverse=True)[:6]
            path.unlink()
    print(f"inputs {kinds.total():,} ({', '.join(f'{kind} {count:,}' for kind, count in kinds.most_common())})")
    print(", ".join(f"{name} {count:,}" for name, count in found.most_common()))
    print(f"exceptions {failures}, too slow {slow}")
    print("slowest:", *(f"{took:.2f} s {what}" for took, what in slowest), sep="\n  ")
    return not failures and not slow


def properties(seconds: float, seed: int) -> bool:
    """Whether every property held, however often there was time to draw examples for it."""
    end, rounds = time.monotonic() + seconds, 0
    environment = os.environ | {"JUKU_EXAMPLES": "random", "QT_QPA_PLATFORM": "offscreen"}
    while time.monotonic() < end or not rounds:
        command = [sys.executable, "-m", "pytest", "-q", "-m", "hypothesis", f"--hypothesis-seed={seed + rounds}"]
        done = subprocess.run(
            [*command, "-p", "no:cacheprovider"], cwd=ROOT, env=environment, capture_output=True, text=True
        )
        print(f"properties, seed {seed + rounds}: {done.stdout.rstrip().splitlines()[-1]}", flush=True)
        if done.returncode:
            print(done.stdout)
            return False
        rounds += 1
    return True


def main(minutes: float = 4, seed: int = 0) -> int:
    seed = seed or random.SystemRandom().randrange(1, 10**9)
    print(f"seed {seed}", flush=True)
    whole = [readers(30 * minutes, seed), properties(30 * minutes, seed)]
    return 0 if all(whole) else 1


if __name__ == "__main__":
    raise SystemExit(main(*map(float, sys.argv[1:2]), *map(int, sys.argv[2:3])))
