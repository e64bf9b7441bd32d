"""The answers of the engine, over HTTP, against llama.cpp's own server with the same Q8_0 weights, and against torch."""

import argparse
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from core.engine.inference.prefix_slots import common_length

ROOT = Path(__file__).resolve().parent.parent
STORY = "Tell me a long story about a heron and a gate."
NUM_EXAM_QUESTIONS = 24
NUM_AT_ONCE = 8
# llama.cpp's server as xllamacpp starts it, with eight slots; `THREADS` is llama.cpp's default, all cores.
PEER = """
import sys, threading, xllamacpp
parameters = xllamacpp.CommonParams()
parameters.model.path, parameters.api_keys = sys.argv[1], [sys.argv[2]]
parameters.n_parallel, parameters.n_ctx, parameters.kv_unified, parameters.verbosity = 8, 8192, True, -1
parameters.ui = False
server = xllamacpp.Server(parameters)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


@dataclass
class Server:
    """A running server. `ask` answers a chat prompt and returns the number of completion tokens and the text, `watch` the
    number, of an answer that is streamed."""

    process: subprocess.Popen[str]
    ask: Callable[[list[Any], int], tuple[int, str]]
    watch: Callable[[list[Any], int], int]

    def processor_seconds(self) -> float:
        """Of the server and its children, until now."""
        process = psutil.Process(self.process.pid)
        return sum(sum(one.cpu_times()[:2]) for one in (process, *process.children(recursive=True)))


@contextmanager
def start_engine(models: Path, *arguments: str) -> Iterator[Server]:
    """The engine with these arguments; its model is `models`'s name."""
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-m", "core.engine", "--child", "--home", home, *arguments]
        process = _start(command, {"JUKU_MODELS": str(models.parent)})
        assert process.stdin and process.stdout
        process.stdin.write("token\n")
        process.stdin.flush()
        url = f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}/v1/chat/completions"

        def ask(messages: list[Any], max_tokens: int) -> tuple[int, str]:
            body = {"model": models.name, "messages": messages, "max_tokens": max_tokens, "temperature": 0}
            found = _post(url, body, "token")
            return found["usage"]["completion_tokens"], found["choices"][0]["message"]["content"]

        def watch(messages: list[Any], max_tokens: int) -> int:
            body = {"model": models.name, "messages": messages, "max_tokens": max_tokens, "temperature": 0}
            return _count_streamed(url, body, "token")

        yield Server(process, ask, watch)
        _end(process)


@contextmanager
def start_llama_cpp(gguf: Path, tokenize: Callable[[list[Any]], list[int]]) -> Iterator[Server]:
    """llama.cpp's server; it gets the token ids that the engine would compute."""
    key = secrets.token_hex()
    process = _start([sys.executable, "-c", PEER, str(gguf), key], {})
    assert process.stdout
    url = process.stdout.readline().strip() + "/v1/completions"

    def ask(messages: list[Any], max_tokens: int) -> tuple[int, str]:
        body = {"prompt": tokenize(messages), "max_tokens": max_tokens, "temperature": 0}
        found = _post(url, body, key)
        return found["usage"]["completion_tokens"], found["choices"][0]["text"]

    def watch(messages: list[Any], max_tokens: int) -> int:
        body = {"prompt": tokenize(messages), "max_tokens": max_tokens, "temperature": 0}
        return _count_streamed(url, body, key)

    yield Server(process, ask, watch)
    _end(process)


def _start(command: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE", **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.close()
    process.kill()
    process.wait()


def _post(url: str, body: Any, key: str) -> Any:
    with urllib.request.urlopen(_build_request(url, body, key)) as response:
        return json.load(response)


def _count_streamed(url: str, body: Any, key: str) -> int:
    """The completion tokens of a streamed answer, as the last chunk tells them."""
    body = {**body, "stream": True, "stream_options": {"include_usage": True}}
    with urllib.request.urlopen(_build_request(url, body, key)) as response:
        lines = [line for line in response.read().decode().splitlines() if line.startswith("data: {")]
    return int(json.loads(lines[-1].removeprefix("data: "))["usage"]["completion_tokens"])


def _build_request(url: str, body: Any, key: str) -> urllib.request.Request:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    return urllib.request.Request(url, json.dumps(body).encode(), headers)


def build_tokenize(model: Path) -> Callable[[list[Any]], list[int]]:
    from transformers import AutoTokenizer

    from core.engine.models.chat_template import ChatTemplate

    template = ChatTemplate(AutoTokenizer.from_pretrained(model), {}, False)
    return lambda messages: template.tokenize(template.render(messages, True))


def chat(question: str, system: str = "You are helpful.") -> list[Any]:
    return [{"role": "system", "content": system}, {"role": "user", "content": question}]


def one_stream(server: Server) -> float:
    """Tokens per processor second of one answer that is watched."""
    before = server.processor_seconds()
    num_tokens = server.watch(chat(STORY), 64)
    return num_tokens / (server.processor_seconds() - before)


def many_at_once(count: int, server: Server) -> float:
    """Tokens per processor second of so many answers."""
    before = server.processor_seconds()
    with ThreadPoolExecutor(count) as pool:
        counts = list(pool.map(lambda number: server.ask(chat(f"{number}. {STORY}"), 48)[0], range(count)))
    return sum(counts) / (server.processor_seconds() - before)


class Books:
    """Questions about one book, and exams on it."""

    def __init__(self, sample: str) -> None:
        folder = ROOT / "resources" / "samples" / sample
        system = tomllib.loads((folder / "sample.toml").read_text("utf-8"))["system_prompt"]
        self.closed, self.open = system, f"{system}\n\n{(folder / 'spec.md').read_text('utf-8')}"
        lines = (folder / "exam.jsonl").read_text("utf-8").splitlines()
        self.questions = [json.loads(line)["question"] for line in lines]
        self._asked = self._editions = 0

    def first_token(self, server: Server) -> float:
        """Processor seconds until the first token about a book that was read before, per question; five questions."""
        server.ask(chat("What is it?", self.open), 1)
        before = server.processor_seconds()
        for question in self._next(5):
            server.ask(chat(question, self.open), 1)
        return (server.processor_seconds() - before) / 5

    def exam(self, server: Server, system: str) -> float:
        """Processor seconds of an exam, eight questions at once."""
        before = server.processor_seconds()
        with ThreadPoolExecutor(NUM_AT_ONCE) as pool:
            list(pool.map(lambda one: server.ask(chat(one, system), 24), self.questions[:NUM_EXAM_QUESTIONS]))
        return server.processor_seconds() - before

    def new_exam(self, server: Server) -> float:
        """Processor seconds of an exam on a book that the server has never seen, eight questions at once."""
        self._editions += 1
        return self.exam(server, f"Edition {self._editions} of {time.time():.0f}.\n\n{self.open}")

    def _next(self, count: int) -> list[str]:
        """Other questions each time."""
        self._asked += count
        return [self.questions[(self._asked + index) % len(self.questions)] for index in range(count)]


def short_beside_long(server: Server) -> float:
    """The time of a 2-token request beside a running 300-token one, as a multiple of its time alone."""

    def measure() -> float:
        start = time.perf_counter()
        server.watch(chat("What is the capital of France?"), 2)
        return time.perf_counter() - start

    alone = statistics.median(measure() for _ in range(5))
    long = threading.Thread(target=server.watch, args=(chat(STORY), 300))
    long.start()
    time.sleep(0.5)
    beside = [measure() for _ in range(5) if long.is_alive()]
    long.join()
    return statistics.median(beside) / alone


def agreement(first: Server, second: Server, questions: list[str]) -> tuple[float, float]:
    """How many greedy answers of 24 tokens are identical, and how much of them is until the first difference (0 to 1)."""
    pairs = [(first.ask(chat(one), 24)[1], second.ask(chat(one), 24)[1]) for one in questions]
    shares = [common_length(*pair) / max(1, *map(len, pair)) for pair in pairs]
    return sum(a == b for a, b in pairs) / len(pairs), statistics.mean(shares)


def bench_answers(arguments: argparse.Namespace) -> None:
    """Print a table: the ratio of each measurement, medians of interleaved runs."""
    from core.engine.inference.gguf_files import GgufFiles
    from core.engine.inference.model_source import ModelSource
    from core.engine.models.catalog import load_catalog

    model = arguments.model.resolve()
    entry = load_catalog()[model.name]
    gguf = GgufFiles(model.parent / "gguf").base(ModelSource(entry.id, entry, model, None))
    books = Books(arguments.sample)
    with (
        start_engine(model) as fast,
        start_engine(model, "--answerer", "torch") as torch,
        start_llama_cpp(gguf, build_tokenize(model)) as peer,
    ):
        servers = {"engine": fast, "torch": torch, "peer": peer}
        for server in servers.values():
            server.ask(chat("Hello"), 4)
        print("| what | engine | torch road | llama.cpp Q8_0 | ratio of each run |\n|---|---|---|---|---|")
        for name, measure in (
            ("one stream, tokens/s", one_stream),
            ("eight at once, tokens/s", partial(many_at_once, NUM_AT_ONCE)),
            ("24 at once, tokens/s", partial(many_at_once, NUM_EXAM_QUESTIONS)),
        ):
            _print_row(name, servers, measure, arguments.repeats)
        _print_row("first token of a known book, s", servers, books.first_token, arguments.repeats)
        for name, measure in (
            ("a new book", books.new_exam),
            ("a known book", lambda one: books.exam(one, books.open)),
        ):
            _print_ratios(f"{name} against closed", servers, _against_closed(books, measure), arguments.repeats)
        _print_ratios("2 tokens beside 300, against alone", servers, short_beside_long, arguments.repeats)
    _print_agreement(model, books.questions[:NUM_EXAM_QUESTIONS])
    print(f"Memory of the engine when its child has ended: {_idle_megabytes(model):.0f} MB.")


def _print_agreement(model: Path, questions: list[str]) -> None:
    """How alike the greedy answers of each road are to those of the weights as they are, in fp32."""
    with start_engine(model, "--answerer", "torch", "--dtype", "float32") as reference:
        for road in (("torch", "--dtype", "bfloat16"), ("llama.cpp",)):
            with start_engine(model, "--answerer", *road) as server:
                same, shared = agreement(reference, server, questions)
            print(f"Greedy answers, {' '.join(road)}: {same:.0%} identical, {shared:.0%} until the first difference.")


def _against_closed(books: Books, measure: Callable[[Server], float]) -> Callable[[Server], float]:
    return lambda server: measure(server) / books.exam(server, books.closed)


def _measure(servers: dict[str, Server], measure: Callable[[Server], float], repeats: int) -> list[dict[str, float]]:
    """The results of interleaved runs; torch runs once, since it takes several times as long."""
    asked = [
        servers if run == 0 else {name: servers[name] for name in servers if name != "torch"} for run in range(repeats)
    ]
    return [{name: measure(server) for name, server in one.items()} for one in asked]


def _format_medians(runs: list[dict[str, float]]) -> str:
    return " | ".join(f"{statistics.median(run[name] for run in runs if name in run):.3g}" for name in runs[0])


def _print_row(name: str, servers: dict[str, Server], measure: Callable[[Server], float], repeats: int) -> None:
    """Medians in absolute numbers, and the engine's against the peer's of each run."""
    runs = _measure(servers, measure, repeats)
    ratios = [run["engine"] / run["peer"] for run in runs]
    print(f"| {name} | {_format_medians(runs)} | **{statistics.median(ratios):.2f}** ({_format(ratios)}) |", flush=True)


def _print_ratios(name: str, servers: dict[str, Server], measure: Callable[[Server], float], repeats: int) -> None:
    runs = _measure(servers, measure, repeats)
    print(f"| {name} | {_format_medians(runs)} | {_format([run['engine'] for run in runs])} |", flush=True)


def _format(ratios: list[float]) -> str:
    return ", ".join(f"{one:.2f}" for one in sorted(ratios))


def _idle_megabytes(model: Path) -> float:
    """Memory of an engine that has answered, and whose child has ended since."""
    with start_engine(model, "--idle-seconds", "0") as engine:
        engine.ask(chat("Hello"), 4)
        process = psutil.Process(engine.process.pid)
        psutil.wait_procs(process.children())
        return float(process.memory_info().rss / 2**20)
