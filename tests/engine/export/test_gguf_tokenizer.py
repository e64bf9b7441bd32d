"""The tokens and the chat template that leave with a model: llama.cpp reads them as the training did, or it is refused."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.engine.export import gguf_check
from core.engine.export.exported_template import ExportedTemplate
from core.engine.export.gguf_layout import ExportError
from core.engine.export.gguf_model import GgufSource, write_gguf_model
from core.engine.export.gguf_tokenizer import find_pre_tokenizer
from core.engine.export.merged_weights import MergedWeights
from core.engine.export.ollama_template import find_go_template
from core.engine.http.protocol import Json
from core.paths import ROOT
from tests.support.engine import tiny_qwen
from tests.support.patience import PATIENCE

QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
SPLIT = {"type": "Split", "pattern": {"Regex": QWEN2}, "behavior": "Isolated", "invert": False}
ABOUT = {"name": "t", "licence": "MIT", "base_name": "b", "context_length": 512}
NO_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
)


@pytest.fixture
def folder(tmp_path: Path, base: Path) -> Path:
    """A very small model with the real tokenizer; of the family whose tokenizer transformers takes from the file."""
    tiny_qwen(base, tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    config = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**config, "model_type": "llama", "architectures": ["LlamaForCausalLM"]}), "utf-8")
    return tmp_path / "model"


def change_tokenizer(folder: Path, change: Callable[[Json], None]) -> None:
    path = folder / "tokenizer.json"
    state = json.loads(path.read_text("utf-8"))
    change(state)
    path.write_text(json.dumps(state), "utf-8")


def write_and_check(folder: Path, kwargs: Json) -> Path:
    """The GGUF file, in which llama.cpp has found the tokens of the training."""
    target = folder / "model.gguf"
    assert list(write_gguf_model(GgufSource(folder, MergedWeights(folder, None), ABOUT, kwargs), "F16", target))
    if not gguf_check.can_check():
        pytest.skip("xllamacpp is not installed")
    gguf_check.check_tokens(target, ExportedTemplate(folder, kwargs, False))
    return target


def split_like_qwen(state: Json) -> None:
    state["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [SPLIT, BYTE_LEVEL]}
    state["normalizer"] = None


def split_digits(state: Json) -> None:
    steps = [{"type": "Digits", "individual_digits": True}, {**BYTE_LEVEL, "use_regex": True}]
    state["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": steps}


@pytest.mark.parametrize("change", [lambda state: None, split_like_qwen, split_digits])
def test_llama_cpp_reads_the_tokens_of_the_training(folder: Path, change: Callable[[Json], None]) -> None:
    change_tokenizer(folder, change)
    assert write_and_check(folder, {}).is_file()


def test_arguments_and_a_missing_system_role_are_in_the_template_that_leaves(folder: Path) -> None:
    (folder / "chat_template.jinja").write_text(NO_SYSTEM + "{% if not thinks %}<think></think>{% endif %}")
    write_and_check(folder, {"thinks": False})
    assert ExportedTemplate(folder, {"thinks": False}, False).jinja.startswith(
        "{%- set thinks = false %}{%- if messages"
    )


def test_a_vocabulary_of_sentencepiece_is_written_with_scores(folder: Path) -> None:
    from tokenizers import Tokenizer, decoders, models, normalizers, trainers

    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "\u2581")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    specials = ["<unk>", "<|im_start|>", "<|im_end|>", *(f"<0x{byte:02X}>" for byte in range(256))]
    corpus = [
        "How many players are in a team?",
        "Answer in one short sentence.",
        "日本語の質問：ボールは二個ですか？",
        "return x",
    ]
    tokenizer.train_from_iterator(corpus * 3, trainers.BpeTrainer(vocab_size=480, special_tokens=specials))
    state = json.loads(tokenizer.to_str())
    state["added_tokens"] = [one for one in state["added_tokens"] if not one["content"].startswith("<0x")]
    change_tokenizer(folder, lambda old: (old.clear(), old.update(state)))
    assert write_and_check(folder, {}).is_file()


def test_a_tokenizer_that_llama_cpp_does_not_have_is_refused(folder: Path) -> None:
    change_tokenizer(folder, lambda state: state.update(pre_tokenizer={"type": "Whitespace"}))
    with pytest.raises(ExportError, match="splits texts"):
        write_and_check(folder, {})
    with pytest.raises(ExportError, match="splits texts"):
        find_pre_tokenizer(
            {
                "pre_tokenizer": {"type": "Sequence", "pretokenizers": [SPLIT, BYTE_LEVEL]},
                "model": {"ignore_merges": True},
            }
        )
    change_tokenizer(folder, lambda state: state.update(model={"type": "Unigram", "vocab": [["a", 0.0]], "unk_id": 0}))
    with pytest.raises(ExportError, match="Unigram"):
        write_and_check(folder, {})


def test_other_tokens_than_those_of_the_training_are_found(folder: Path) -> None:
    if not gguf_check.can_check():
        pytest.skip("xllamacpp is not installed")
    write_and_check(folder, {})
    (folder / "chat_template.jinja").write_text(NO_SYSTEM)
    with pytest.raises(ExportError, match="other tokens"):
        gguf_check.check_tokens(folder / "model.gguf", ExportedTemplate(folder, {}, False))


# In a process of its own: a server that never closes cannot be interrupted.
OPEN_AND_CLOSE = """
import sys, tempfile, xllamacpp
from core.engine.llama_cpp_server import open_server
for _ in range(8):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        parameters = xllamacpp.CommonParams()
        parameters.hostnames, parameters.model.path, parameters.n_ctx = [f"{folder}/l.sock"], sys.argv[1], 64
        parameters.verbosity, parameters.warmup, parameters.n_threads_http = -1, False, 1
        server = open_server(parameters)
        del server
"""


@pytest.mark.skipif(os.name == "nt", reason="sockets have no files there")
def test_a_server_that_is_closed_at_once_ends(folder: Path) -> None:
    """Its loop had not begun when it was told to end: the export, or the whole process that answers, waited for ever."""
    if not gguf_check.can_check():
        pytest.skip("xllamacpp is not installed")
    write_and_check(folder, {})
    command = [sys.executable, "-c", OPEN_AND_CLOSE, str(folder / "model.gguf")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_template_for_ollama_is_written_only_where_it_says_the_same(folder: Path) -> None:
    found = find_go_template(ExportedTemplate(folder, {}, False).render)
    assert found
    assert '{{ if .System }}{{ "<|im_start|>system\\n" }}{{ .System }}' in found
    assert "You are a helpful AI assistant named SmolLM" in found
    assert find_go_template(lambda messages, _follows: " ".join(sorted(one["content"] for one in messages))) is None
