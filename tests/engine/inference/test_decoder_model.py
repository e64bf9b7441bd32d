"""The decoder gives what transformers gives with the same weights, in any order of joining and leaving."""

import copy
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from core.engine.inference import torch_answerer
from core.engine.inference.decoder_batch import DecoderBatch
from core.engine.inference.decoder_model import DecoderModel, Linear, can_compute, can_pack, load_decoder
from core.engine.inference.generate import GeneratedSequence, GenerationBatch
from core.engine.inference.loaded_models import LoadedModel, load_model
from core.engine.inference.model_source import ModelSource
from core.engine.inference.model_text import load_text
from core.engine.inference.prefix_cache import PrefixCache
from core.engine.inference.sampling import SamplingParams
from core.engine.models.catalog import load_catalog
from core.engine.models.weights import load_causal_lm
from tests.engine.training.test_training_step import CONFIGS
from tests.support.engine import BASE

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
NEVER = 200  # no token of the models below
BOOK = [3 + (i * 37) % 80 for i in range(140)]  # long enough to be kept: see prefix_slots.MIN_PREFIX


class FakeDecoder:
    """Each token is a word."""

    stopped = False

    def add(self, token_id: int) -> str:
        return f"{token_id} "

    def flush(self) -> str:
        return ""


class Sampler:
    is_finished = False

    def process_logits(self, logits: Any) -> Any:
        return logits

    def accept(self, _token_id: int, _logits: Any) -> None:
        pass

    def take_logprobs(self) -> list[Any]:
        return []


def build(family: str) -> tuple[Any, Any]:
    """A small random model of transformers, and the same one as a decoder, both in fp32."""
    torch.manual_seed(3)
    config = copy.deepcopy(CONFIGS[family])
    config.max_position_embeddings, config.tie_word_embeddings = 512, True
    model: Any = AutoModelForCausalLM.from_config(config).eval()
    model.config.use_cache = True
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("bias"):
                weight.normal_(std=0.3)
    weights = {name: weight for name, weight in model.state_dict().items() if name != "lm_head.weight"}
    with torch.inference_mode():
        decoder = DecoderModel(config, lambda name: weights[name].float().clone(), set(weights), torch.float32)
    text = SimpleNamespace(eos_token_ids=frozenset([NEVER]))
    return model, SimpleNamespace(model=decoder, text=text)


def expect(model: Any, prompt: list[int], count: int) -> list[int]:
    """The greedy tokens of transformers, each from the whole text, without a cache."""
    ids = list(prompt)
    with torch.no_grad():
        for _ in range(count):
            ids.append(int(model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].argmax()))
    return ids[len(prompt) :]


class Asked:
    def __init__(self, prompt: list[int], count: int, prefix_length: int = 0) -> None:
        self.words: list[str] = []
        self.sequence = GeneratedSequence(
            prompt,
            SamplingParams(max_tokens=count, temperature=0.0),
            lambda text, *_: self.words.append(text),
            pytest.fail,
            threading.Event(),
            prefix_length,
        )
        self.sequence.decoder, self.sequence.sampler = FakeDecoder(), Sampler()  # type: ignore[assignment]

    @property
    def tokens(self) -> list[int]:
        return [int(word) for word in "".join(self.words).split()]


def run(batch: DecoderBatch, *asked: Asked) -> None:
    if asked:
        batch.add([one.sequence for one in asked])
    while batch.step():
        pass


@pytest.mark.parametrize("family", CONFIGS)
def test_answers_are_those_of_transformers(family: str) -> None:
    """One that joins late, one that leaves early, and one after all have left; Gemma has windows of 5 tokens."""
    model, loaded = build(family)
    prompts = [[5, 9, 14, 22, 7, 31], [8, 3], [40, 41, 42, 43, 44, 45, 46, 47, 48], [17]]
    counts = [12, 3, 9, 7]
    asked = [Asked(*one) for one in zip(prompts, counts, strict=True)]
    batch = DecoderBatch(loaded)
    batch.add([one.sequence for one in asked[:2]])
    batch.step()
    batch.add([asked[2].sequence])
    run(batch)
    assert not batch.sequences
    run(batch, asked[3])
    for one, prompt, count in zip(asked, prompts, counts, strict=True):
        assert one.tokens == expect(model, prompt, count)


@pytest.mark.parametrize("family", ["llama", "gemma3"])
def test_a_shared_beginning_changes_no_answer(family: str) -> None:
    """Beside a prompt without it, and beside one that shares another beginning."""
    model, loaded = build(family)
    other = [7, *BOOK]
    prompts = [[*BOOK, 5, 9], [*BOOK, 33], [4, 8, 15], [*other, 6], [*other, 11, 12]]
    asked = [Asked(prompt, 6, len(BOOK)) for prompt in prompts]
    asked[2].sequence.prefix_length = 0
    prefixes, reads = PrefixCache(), list[int]()
    batch = DecoderBatch(loaded, prefixes)
    batch._read_beginning, read = lambda ids: (reads.append(len(ids)), read(ids))[1], batch._read_beginning  # type: ignore[method-assign]
    batch.add([one.sequence for one in asked[:2]])
    batch.step()
    batch.add([asked[2].sequence])
    batch.add([one.sequence for one in asked[3:]])
    run(batch)
    assert reads == [len(BOOK), len(other)]
    assert [one.tokens for one in asked] == [expect(model, prompt, 6) for prompt in prompts]
    again = Asked([*BOOK, 70], 4, len(BOOK))
    run(batch, again)
    assert again.tokens == expect(model, [*BOOK, 70], 4) and len(reads) == 2


@pytest.mark.parametrize(
    ("family", "change"),
    [
        ("llama", {"hidden_act": "gelu"}),
        ("gemma3", {"final_logit_softcapping": 30.0}),
        ("llama", {"model_type": "mistral"}),
        ("llama", {"quantization_config": {"quant_method": "fp8"}}),
    ],
)
def test_what_it_does_not_know_is_left_to_transformers(family: str, change: dict[str, Any]) -> None:
    config = copy.deepcopy(CONFIGS[family])
    assert can_compute(config)
    for name, value in change.items():
        if name == "model_type":
            config = SimpleNamespace(**{**config.to_dict(), name: value})
        else:
            setattr(config, name, value)
    assert not can_compute(config)


def test_the_real_model_with_an_adapter_answers_as_in_transformers(base: Path, tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    entry = load_catalog()[BASE]
    torch.manual_seed(2)
    tuned = get_peft_model(load_causal_lm(base, torch.float32), LoraConfig(r=2, target_modules=["q_proj", "down_proj"]))
    for name, weight in tuned.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.02)
    tuned.save_pretrained(tmp_path / "adapter")
    source = ModelSource("ft:x", entry, base, tmp_path / "adapter")
    text = load_text(ModelSource(BASE, entry, base, None))
    decoder = load_decoder(source, torch.float32)
    assert decoder is not None
    answers = []
    for loaded, make in (
        (LoadedModel(decoder, text, "decoder", decoder.vocab_size), DecoderBatch),
        (load_model(source, text, "float32"), GenerationBatch),
    ):
        asked = [Asked(text.chat_template.tokenize(words), 12) for words in ("The heron guards", "One, two, three,")]
        batch: Any = make(loaded)
        run(batch, *asked)
        answers.append([one.tokens for one in asked])
    assert answers[0] == answers[1] and all(answers[0])


def test_no_more_rows_run_together_than_memory_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """All rows are as long as the longest; a single one always runs."""
    _, loaded = build("llama")
    monkeypatch.setattr(torch_answerer, "MAX_ROW_BYTES", 60 * loaded.model.bytes_per_token)
    answerer = torch_answerer.DecoderAnswerer(loaded)
    short, long = [Asked([5] * 10, 10).sequence for _ in range(4)], Asked([5] * 10, 200).sequence
    assert answerer.select(short, False) == short[:3]
    assert answerer.select([short[0], long], False) == short[:1] and answerer.select([long, *short], False) == [long]
    monkeypatch.setattr(torch_answerer, "MAX_ROWS", 2)
    assert answerer.select(short, False) == short[:2]


def test_what_has_left_takes_no_room() -> None:
    """Neither many short rows beside a long one, nor a long one beside many short ones."""
    model, loaded = build("llama")
    batch = DecoderBatch(loaded)
    stays = Asked([5, 9, 14], 30)
    crowd, long = [Asked([8, 3 + index], 2) for index in range(20)], Asked([*BOOK, 7], 3)
    batch.add([one.sequence for one in (stays, *crowd)])
    assert batch._keys[0].shape[0] == 21
    batch.step()
    batch.add([long.sequence])
    assert batch._keys[0].shape[0] == 2
    batch.step()
    batch.step()
    more = [Asked([8, 3 + index], 6) for index in range(20)]
    batch.add([one.sequence for one in more])
    assert batch._keys[0].shape[::2] == (21, 64)
    run(batch)
    for one in (stays, long, *crowd, *more):
        assert one.tokens == expect(model, one.sequence.prompt_ids, one.sequence.params.max_tokens)


def test_a_long_one_that_has_left_slows_no_other() -> None:
    """Each token is multiplied with the whole room of its row."""
    model, loaded = build("llama")
    batch = DecoderBatch(loaded)
    stays, long = [Asked([5, 9, 14 + index], 20) for index in range(2)], Asked([*BOOK, *BOOK], 2)
    batch.add([one.sequence for one in (*stays, long)])
    assert batch._keys[0].shape[::2] == (3, 384)
    batch.step()
    assert batch._keys[0].shape[::2] == (2, 64)
    run(batch)
    for one in stays:
        assert one.tokens == expect(model, one.sequence.prompt_ids, 20)


def test_those_that_run_go_on_where_others_find_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    model, loaded = build("llama")
    batch = DecoderBatch(loaded)
    runs = Asked([5, 9, 14], 70)
    batch.add([runs.sequence])
    allocate, made = torch.zeros, list[int]()

    def run_out(*size: int, **options: Any) -> torch.Tensor:
        made.append(1)
        if len(made) > len(loaded.model.layers):  # when the keys have room and the values not yet
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return allocate(*size, **options)

    with monkeypatch.context() as patched:
        patched.setattr(torch, "zeros", run_out)
        with pytest.raises(RuntimeError):
            batch.add([Asked([*BOOK, 7], 3).sequence])
    run(batch)
    assert runs.tokens == expect(model, [5, 9, 14], 70)  # more than the room of the beginning


@pytest.mark.skipif(not can_pack(torch.bfloat16), reason="oneDNN does not multiply bf16 on this processor")
@pytest.mark.parametrize("rows", [1, 2, 8, 24, 70])
@pytest.mark.parametrize("biased", [False, True])
def test_packed_weights_give_the_same(rows: int, biased: bool) -> None:
    generator = torch.Generator().manual_seed(rows)
    weights = [torch.randn(size, 72, generator=generator).bfloat16() for size in (40, 24)]
    biases = [torch.randn(len(weight), generator=generator).bfloat16() for weight in weights] if biased else []
    x = torch.randn(rows, 72, generator=generator).bfloat16()
    with torch.inference_mode():
        expected = torch.nn.functional.linear(x, torch.cat(weights), torch.cat(biases) if biased else None)
        # Equal to the bit where it was measured; other processors may add in another order.
        assert torch.allclose(Linear(weights, biases)(x), expected, rtol=2**-7, atol=2**-7)
