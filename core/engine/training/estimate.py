"""The child process that estimates a job: `python -m core.engine.training.estimate REQUEST_FILE`.

Time: the real training step is timed for some batches of the rows themselves, on three tiny models that have the
shapes of the real one: one layer, two layers, and one layer with twice the vocabulary. Their differences are what a
layer and a token of the vocabulary cost, and the rest follows. Memory: parameters are counted, and what the forward
pass keeps for the backward pass is measured on the same models. So both are known before a model is downloaded. Where
an objective caches a reference, the pass for it is timed in the same way and counted before the first step.
"""

import json
import random
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from core.engine import child_lifetime
from core.engine.http.protocol import Json
from core.engine.models import device
from core.engine.models.catalog import CatalogEntry, build_entry, load_catalog
from core.engine.models.chat_template import ChatTemplate, ChatTemplateError
from core.engine.models.weights import quantize_linear_layers
from core.engine.training.auto_hyperparameters import LORA_RANK, Hyperparameters, resolve_auto
from core.engine.training.estimator import JobOutline
from core.engine.training.lora import add_adapter
from core.engine.training.memory_budget import count_kept_bytes
from core.engine.training.objectives import KLObjective, TrainingError, build_supervised, micro_batches
from core.engine.training.on_policy import OnPolicySettings, OnPolicyTexts
from core.engine.training.text_writer import TextWriter
from core.engine.training.tokenize_rows import (
    IGNORE_INDEX,
    TokenizedRow,
    join_teacher,
    tokenize_row,
    tokenize_with_teacher,
)

PROBE_SECONDS = 0.7  # of timed steps for each of the three models, about
MAX_PROBE_BATCHES = 4
PROBE_VOCABULARY = 4096  # tokens; a small one is made quickly
BYTES_PER_TOKEN = 3.5  # of UTF-8, where the model's tokenizer is not here yet
ADAPTER_BYTES = 16  # of a parameter of the adapter: fp32 weight, gradient, and Adam's two moments
COPY_BYTES = 4  # of a parameter of the adapter before the first step, which `OnPolicyTexts` keeps
REFERENCE_BYTES = 164  # of a cached distribution: 20 tokens, and 21 logarithms
LOGIT_BYTES = 8  # of a logit in the backward pass, beside what the forward pass kept: its gradient, in two dtypes
READ_BYTES_PER_SECOND = 4e8  # of weights, with the conversion to the dtype of training
# Of a weight in NF4: 4 bits, 8 bits of scale for each 64 weights, and 32 bits for each 256 scales.
NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
MARGIN = 1.1  # of memory: what the allocator keeps


@dataclass(frozen=True)
class ModelSize:
    """Counts of one model. `adapter`: trainable parameters. `layers`: of the decoder. `linear`: the parameters of the
    decoder's linear layers; `largest`: of the largest of them."""

    parameters: int
    adapter: int
    layers: int
    vocabulary: int
    linear: int
    largest: int

    def weight_bytes(self, item_bytes: int, load_in_4bit: bool) -> int:
        """What the frozen weights take. In 4 bits, one layer at a time is there in the dtype of training, too."""
        if not load_in_4bit:
            return self.parameters * item_bytes
        rest = self.parameters - self.linear + self.largest
        return int(rest * item_bytes + self.linear * NF4_BYTES)


@dataclass(frozen=True)
class StepCost:
    """What one training step of a model costs: seconds, and the bytes that the forward pass keeps.

    `reference_seconds`: what a row costs before the first step, where the objective caches a reference.
    """

    seconds: float
    activation_bytes: int
    reference_seconds: float = 0.0


def build_config(entry: CatalogEntry, layers: int | None = None, vocabulary: int | None = None) -> Any:
    """The transformers configuration of a model, with another number of layers and another vocabulary if given."""
    from transformers import AutoConfig

    values = {name: value for name, value in entry.config.items() if name not in ("model_type", "architectures")}
    if layers is not None:
        values["num_hidden_layers"] = layers
        if "layer_types" in values:
            values["layer_types"] = values["layer_types"][:layers]
        if "max_window_layers" in values:
            values["max_window_layers"] = layers
    if vocabulary is not None:
        values["vocab_size"] = vocabulary
        values |= {name: 0 for name in ("pad_token_id", "bos_token_id", "eos_token_id")}
    return AutoConfig.for_model(entry.config["model_type"], **values)


def measure_size(config: Any, lora_rank: int = LORA_RANK) -> ModelSize:
    """Count the parameters of a model and of its adapter. Nothing is loaded: tensors have shapes only."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    head = model.get_output_embeddings()
    linear = [one for one in model.modules() if isinstance(one, torch.nn.Linear) and one is not head]
    adapter = sum(lora_rank * (one.in_features + one.out_features) for one in linear)
    parameters = sum(one.numel() for one in model.parameters())
    counts = [one.weight.numel() for one in linear]
    return ModelSize(parameters, adapter, config.num_hidden_layers, config.vocab_size, sum(counts), max(counts))


class StepProbe:
    """A model with a few layers and constant weights, on which the real training step is measured."""

    def __init__(
        self, entry: CatalogEntry, layers: int, vocabulary: int, dtype: Any, hyperparameters: Hyperparameters
    ) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        from core.engine.training.token_loss import TokenLoss

        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(build_config(entry, layers, vocabulary), dtype=dtype)
        buffers = _read_buffers(entry, layers)
        model = model.to_empty(device=device.default_device())
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.fill_(0.01)
            for name, value in buffers.items():
                model.get_buffer(name).copy_(value)
        if hyperparameters.load_in_4bit:
            quantize_linear_layers(model, dtype)
        self._model = add_adapter(model, hyperparameters)
        self._model.train()
        self._parameters = [one for one in self._model.parameters() if one.requires_grad]
        self._optimizer = torch.optim.AdamW(self._parameters, lr=1e-4, weight_decay=0.0, fused=True)
        self._token_loss = TokenLoss(self._model, self._model.get_base_model(), 0, device.default_device())
        self._packing, self._objective = hyperparameters.packing, build_supervised(self._token_loss, hyperparameters)
        self._on_policy = self._load_on_policy(hyperparameters.on_policy_share, entry.context_length)

    def _load_on_policy(self, share: float, context_length: int) -> OnPolicyTexts | None:
        """Its texts have no end: each is as long as a text may be."""
        if not share:
            return None
        assert isinstance(self._objective, KLObjective)
        parameters = {name: one for name, one in self._model.named_parameters() if one.requires_grad}
        settings = OnPolicySettings(share, 0, context_length)
        return OnPolicyTexts(TextWriter(self._token_loss, frozenset()), self._objective, parameters, settings)

    def _step(self, batch: Sequence[TokenizedRow], number: int = 0) -> None:
        """One step of a batch. `number`: of the batch, by which its rows are drawn that get a text of the model."""
        import torch

        if self._on_policy:
            batch = self._on_policy.apply(batch, number, range(len(batch)))
        for micro_batch in micro_batches(batch, self._objective.sequences, self._token_loss):
            self._objective.compute_loss(micro_batch)[0].backward()
        torch.nn.utils.clip_grad_norm_(self._parameters, 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)

    def measure(self, batches: Sequence[list[TokenizedRow]]) -> StepCost:
        """The mean over some batches: of each the fastest of several steps, since other work may run beside."""
        rows = [row for batch in batches for row in batch]
        self._token_loss.choose_layout(rows, self._packing)
        reference = min(self._time_reference(rows) for _ in range(2)) / len(rows)
        kept = max(self._kept_bytes(batch) for batch in batches)
        self._step(batches[0])  # the first step allocates the optimizer's state
        seconds: list[float] = []
        for number, batch in enumerate(batches):
            times: list[float] = []
            while not times or sum(times) < PROBE_SECONDS / len(batches):
                start = time.perf_counter()
                self._step(batch, number)
                times.append(time.perf_counter() - start)
            seconds.append(min(times))
            if sum(seconds) > PROBE_SECONDS:  # a large model: one batch must do
                break
        return StepCost(statistics.fmean(seconds), kept, reference)

    def _time_reference(self, rows: list[TokenizedRow]) -> float:
        start = time.perf_counter()
        self._objective.precompute_reference(rows)
        return time.perf_counter() - start

    def _kept_bytes(self, batch: Sequence[TokenizedRow]) -> int:
        """The most bytes that a micro-batch's forward pass keeps for its backward pass, parameters left out."""
        batches = micro_batches(batch, self._objective.sequences, self._token_loss)
        return max(count_kept_bytes(self._model, partial(self._objective.compute_loss, one)) for one in batches)


def estimate(request: JobOutline, dtype_name: str, started: float) -> Json:
    """The estimate as the protocol's extension returns it. `started`: the monotonic time at which the process began."""
    dtype = device.resolve_dtype(dtype_name)
    hyperparameters = resolve_auto(
        request.method, request.hyperparameters, request.num_rows, request.entry.learning_rates
    )
    rows, exact = _tokenize(request, hyperparameters.distillation_weight > 0)
    size = measure_size(build_config(request.entry), hyperparameters.lora_rank)
    prepared = time.monotonic()
    batches = _sample_batches(rows, hyperparameters.batch_size)
    step = _measure_step(request.entry, size, batches, dtype, hyperparameters)
    sequences = 2 if request.method == "dpo" else 1  # in an item
    steps = -(-request.num_rows // hyperparameters.batch_size) * hyperparameters.n_epochs
    startup = prepared - started + size.parameters * dtype.itemsize / READ_BYTES_PER_SECOND
    startup += step.reference_seconds * (request.num_rows + request.num_validation_rows)
    forward_only = request.num_validation_rows / max(1, request.num_rows) / 3
    seconds = startup + steps * step.seconds * sequences * (1 + forward_only)
    weights = size.weight_bytes(dtype.itemsize, hyperparameters.load_in_4bit)
    memory = _process_bytes() + estimate_memory(size, weights, step, batches)
    memory += _reference_bytes(rows, request, hyperparameters)
    memory += size.adapter * COPY_BYTES * (hyperparameters.on_policy_share > 0)
    available = device.available_bytes()
    return {
        "object": "fine_tuning.estimate",
        "model": request.entry.id,
        "seconds": round(seconds, 1),
        "startup_seconds": round(startup, 1),
        "steps": steps,
        "epochs": hyperparameters.n_epochs,
        "trained_tokens": _count_tokens(rows, request.num_rows, hyperparameters),
        "tokens_exact": exact,
        "memory_bytes": memory,
        "available_bytes": available,
        "fits": memory <= available,
        "would_fit": [] if memory <= available else find_fitting(size, memory - weights, available, dtype.itemsize),
        "device": device.default_device(),
        "dtype": str(dtype).removeprefix("torch."),
    }


def _measure_step(
    entry: CatalogEntry,
    size: ModelSize,
    batches: Sequence[list[TokenizedRow]],
    dtype: Any,
    hyperparameters: Hyperparameters,
) -> StepCost:
    """The cost of a step of the whole model, from three tiny ones."""
    vocabulary = min(PROBE_VOCABULARY, size.vocabulary)
    small = [[_fold_ids(row, vocabulary) for row in batch] for batch in batches]
    one, two, wide = (
        StepProbe(entry, layers, tokens, dtype, hyperparameters).measure(small)
        for layers, tokens in ((1, vocabulary), (2, vocabulary), (1, 2 * vocabulary))
    )
    layers, more = size.layers - 1, (size.vocabulary - vocabulary) / vocabulary

    def extrapolate(first: float, second: float, third: float) -> float:
        return first + layers * max(0.0, second - first) + more * max(0.0, third - first)

    kept = one.activation_bytes + layers * (two.activation_bytes - one.activation_bytes)
    return StepCost(
        extrapolate(one.seconds, two.seconds, wide.seconds),
        int(kept + more * (wide.activation_bytes - one.activation_bytes)),
        extrapolate(one.reference_seconds, two.reference_seconds, wide.reference_seconds),
    )


def _fold_ids(row: TokenizedRow, vocabulary: int) -> TokenizedRow:
    """The row with ids of a smaller vocabulary."""
    labels = [label if label == IGNORE_INDEX else label % vocabulary for label in row.labels]
    teacher = _fold_ids(row.teacher, vocabulary) if row.teacher else None
    return TokenizedRow([token % vocabulary for token in row.input_ids], labels, teacher)


def estimate_memory(size: ModelSize, weights: int, step: StepCost, batches: Sequence[list[TokenizedRow]]) -> int:
    """The memory of model, adapter and a step in bytes, at its peak. `weights`: bytes of the frozen ones."""
    labels = max(sum(label != IGNORE_INDEX for row in batch for label in row.labels) for batch in batches)
    logits = labels * size.vocabulary * LOGIT_BYTES
    model = weights + size.adapter * ADAPTER_BYTES
    return int((model + step.activation_bytes + logits) * MARGIN)


def _reference_bytes(rows: list[TokenizedRow], request: JobOutline, hyperparameters: Hyperparameters) -> int:
    """The bytes of the cached distributions of all rows: one of each token with a label, and one of its teacher's."""
    labels = statistics.fmean(
        row.num_labels * ((hyperparameters.kl_coefficient > 0) + (row.teacher is not None)) for row in rows
    )
    return int(labels * (request.num_rows + request.num_validation_rows) * REFERENCE_BYTES)


def _process_bytes() -> int:
    """The memory of this process, bytes: after some steps of tiny models, that of the libraries as a training uses them."""
    import psutil
    import torch

    return 0 if torch.cuda.is_available() else int(psutil.Process().memory_info().rss)


def find_fitting(of_entry: ModelSize, rest: int, available: int, item_bytes: int) -> list[str]:
    """The catalog's smaller models that would fit, the largest first. `rest`: bytes beside the weights of this model;
    those of the others are in proportion."""
    sizes = {one.id: measure_size(build_config(one)) for one in load_catalog().values()}
    scale = {name: size.adapter / of_entry.adapter for name, size in sizes.items()}
    fitting = [
        (size.parameters, name)
        for name, size in sizes.items()
        if size.parameters < of_entry.parameters and size.parameters * item_bytes + rest * scale[name] <= available
    ]
    return [name for _, name in sorted(fitting, reverse=True)]


def require_memory(config: Any, dtype: Any, load_in_4bit: bool = False) -> None:
    """Raise TrainingError when not even the model and its adapter fit into the memory that is free now."""
    size = measure_size(config)
    adapter = size.adapter * ADAPTER_BYTES
    needed = size.weight_bytes(dtype.itemsize, load_in_4bit) + adapter
    available = device.available_bytes()
    if needed <= available:
        return
    words = [f"The job needs more than {needed / 1e9:.1f} GB of memory, and {available / 1e9:.1f} GB are free."]
    if not load_in_4bit and (small := size.weight_bytes(dtype.itemsize, True) + adapter) <= available:
        words.append(f"With its base weights in 4 bits ('load_in_4bit') it needs {small / 1e9:.1f} GB and more.")
    if fitting := find_fitting(size, adapter, available, dtype.itemsize)[:3]:
        words.append(f"These models would fit: {', '.join(fitting)}.")
    raise TrainingError("insufficient_memory", " ".join(words if len(words) > 1 else [*words, "Close other programs."]))


def _read_buffers(entry: CatalogEntry, layers: int) -> dict[str, Any]:
    """The values of a model's buffers (its rotary frequencies), from one layer of a few numbers."""
    from transformers import AutoModelForCausalLM

    config = build_config(entry, layers, 8)
    config.intermediate_size = 8
    model = AutoModelForCausalLM.from_config(config)
    return dict(model.named_buffers())


def _tokenize(request: JobOutline, distils: bool) -> tuple[list[TokenizedRow], bool]:
    """The rows as training tokenizes them; where the tokenizer is not here yet, of about the same length, and False.

    `distils`: whether their teachers are needed.
    """
    length = request.entry.context_length
    if request.base is None:
        rows = [_guess_row(row, length, distils) for row in request.rows]
        return rows, False
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(request.base, local_files_only=True)
    template = ChatTemplate(tokenizer, request.entry.chat_template_kwargs, request.entry.supports_tools)
    found: list[TokenizedRow] = []
    for row in request.rows:
        try:
            found += (tokenize_with_teacher if distils else tokenize_row)(template, _as_supervised(row), length)
        except ChatTemplateError:  # the checks report it
            continue
    return found, True


def _as_supervised(row: Json) -> Json:
    """A preference row as the row of its chosen completion; the rejected one is about as long."""
    if "preferred_output" not in row:
        return row
    return {"messages": [*row["input"]["messages"], *row["preferred_output"]]}


def _guess_row(row: Json, max_length: int, distils: bool = False) -> TokenizedRow:
    messages = _as_supervised(row)["messages"]
    if distils and row.get("teacher_messages"):
        found, teacher = _guess_row(row, max_length), _guess_row({"messages": join_teacher(row)}, max_length)
        return replace(found, teacher=teacher) if teacher.num_labels == found.num_labels else found
    lengths = [
        (
            message["role"],
            message.get("weight"),
            4 + int(len(str(message.get("content") or "").encode()) / BYTES_PER_TOKEN),
        )
        for message in messages
    ]
    ids: list[int] = []
    labels: list[int] = []
    for role, weight, length in lengths:
        # Different ids: rows that begin alike would share their computation.
        new = [(len(ids) * 31 + i * 7 + length) % 1000 + 3 for i in range(length)]
        ids += new
        labels += new if role == "assistant" and weight != 0 else [IGNORE_INDEX] * length
    return TokenizedRow(ids[:max_length], labels[:max_length])


def _sample_batches(rows: list[TokenizedRow], batch_size: int) -> list[list[TokenizedRow]]:
    """Some batches as a step has them, drawn with a fixed seed; the longest row is in the first."""
    drawn = random.Random(0)  # noqa: S311 - must repeat, need not be secret
    order = list(rows)
    drawn.shuffle(order)
    batches = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    full = [one for one in batches if len(one) == batch_size] or batches
    return full[:MAX_PROBE_BATCHES]


def _count_tokens(rows: list[TokenizedRow], num_rows: int, hyperparameters: Hyperparameters) -> int:
    mean = statistics.fmean(len(row.input_ids) for row in rows)
    return round(mean * num_rows) * hyperparameters.n_epochs


def main() -> int:
    """Exit status 0 after {"estimate": …}, 1 after {"error": text}."""
    started = time.monotonic()
    send = child_lifetime.open_message_channel()
    child_lifetime.exit_with_parent()
    values = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    try:
        child_lifetime.import_training_libraries()  # the process has the size of a training one from here on
        dtype_name = values.pop("dtype")
        request = JobOutline(**{**values, "entry": build_entry(values["entry"])})
        send({"estimate": estimate(request, dtype_name, started)})
    except Exception as error:
        send(child_lifetime.build_unexpected(error))
        return 1
    return 0


if __name__ == "__main__":
    child_lifetime.exit_process(main())
