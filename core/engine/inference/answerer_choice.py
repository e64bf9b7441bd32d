"""Chooses who answers: a vLLM server, where one is given; llama.cpp, where it is installed, for who watches an answer grow; torch
for answers that come whole, as in an exam, where the processor is fast at them, and for whatever the others cannot do."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from core.engine import failures
from core.engine.export.gguf_layout import ExportError
from core.engine.http.protocol import ApiError
from core.engine.inference import llama_cpp
from core.engine.inference.answerer import Answerer
from core.engine.inference.gguf_files import GgufFiles, OnPreparing
from core.engine.inference.loaded_models import MAX_LOADED_MODELS, LeastRecentlyUsed, LoadedModel, load_model
from core.engine.inference.model_source import ModelSource
from core.engine.inference.model_text import ModelText, load_text
from core.engine.inference.sampling import SamplingParams
from core.engine.inference.streamed_answerer import StreamedAnswerer
from core.engine.inference.torch_answerer import DecoderAnswerer, TorchAnswerer
from core.engine.inference.vllm import VllmModel, VllmServer
from core.engine.models import device
from core.engine.models.weights import find_weight_files

MAX_MEMORY_SHARE = 0.5  # of all memory, that weights may take where llama.cpp needs half as much

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AnswererOptions:
    """`kind`: `auto`, `torch` or `llama.cpp`. `dtype`: of torch. `gguf_folder`: of base models' GGUF files.
    `vllm_url`: of a vLLM server's `/v1`, which is asked first; empty without one."""

    kind: str
    dtype: str
    gguf_folder: Path
    vllm_url: str = ""


class AnswererChoice:
    """The answerers in memory, those used last. `on_finished` is called, from any thread, when a sequence has ended;
    `on_preparing` while a file is made for llama.cpp."""

    def __init__(self, options: AnswererOptions, on_finished: Callable[[], None], on_preparing: OnPreparing) -> None:
        self._options, self._on_finished = options, on_finished
        self._files = GgufFiles(options.gguf_folder, on_preparing)
        self._texts = LeastRecentlyUsed[ModelText](2 * MAX_LOADED_MODELS)
        self._torch = LeastRecentlyUsed[TorchAnswerer](MAX_LOADED_MODELS)
        # None stands for a model that transformers alone computes.
        self._decoders = LeastRecentlyUsed[DecoderAnswerer | None](MAX_LOADED_MODELS)
        # An error stands for a model that llama.cpp cannot load: it is not tried again.
        self._vllm = LeastRecentlyUsed[StreamedAnswerer](4 * MAX_LOADED_MODELS)
        self._vllm_server = VllmServer(options.vllm_url) if options.vllm_url else None
        self._llama_cpp = LeastRecentlyUsed[StreamedAnswerer | ExportError](2 * MAX_LOADED_MODELS)

    def text(self, source: ModelSource) -> ModelText:
        """The text side of a model. Raises OSError or ValueError when its files cannot be read."""
        return self._texts.get(source.key, lambda: load_text(source))

    def answerer(
        self, source: ModelSource, params: SamplingParams, num_prompt_tokens: int, is_streamed: bool = False
    ) -> Answerer:
        """Who answers this. Raises a 400 error when nobody can, and what loading the model raises.

        It depends on the request alone, never on what else is asked: the same question gets the same answer.
        """
        if vllm := self._find_vllm(source, params, num_prompt_tokens):
            return vllm
        if source.gguf or (self._prefers_llama_cpp() and not self._is_for_torch(source, is_streamed)):
            found = self._find_llama_cpp(source, params, num_prompt_tokens)
            if isinstance(found, StreamedAnswerer):
                return found
            if source.gguf or self._options.kind == "llama.cpp":
                raise ApiError(
                    400, f"This model cannot answer that: {str(found).removesuffix('.')}.", code="unsupported_value"
                )
            log.info("torch answers for %s: %s", source.id, found)
        decoder = self._decoders.get(source.key, partial(self._load_decoder, source))
        if decoder and not decoder.find_obstacle(params, num_prompt_tokens):
            return decoder
        return self._torch.get(source.key, lambda: self._load_torch(source))

    def loaded_model(self, source: ModelSource) -> LoadedModel:
        """The model in torch, for its vectors. Raises what loading it raises."""
        return self._torch.get(source.key, lambda: self._load_torch(source)).loaded

    def running(self) -> list[Answerer]:
        """Every answerer with sequences that are not finished."""
        answerers: list[Answerer] = [*self._torch.values(), *self._vllm.values()]
        answerers += [one for one in self._decoders.values() if one]
        answerers += [one for one in self._llama_cpp.values() if isinstance(one, StreamedAnswerer)]
        return [one for one in answerers if one.is_running(False) or one.is_running(True)]

    def _find_vllm(
        self, source: ModelSource, params: SamplingParams, num_prompt_tokens: int
    ) -> StreamedAnswerer | None:
        """The vLLM server, where it can answer this. Whether it has the model is asked each time: it may be restarted."""
        server = self._vllm_server
        if server is None or source.gguf:
            return None
        model = VllmModel(server, source.id)
        obstacle = model.find_obstacle(params, num_prompt_tokens) or server.find_obstacle(source)
        if obstacle:
            log.warning("vLLM does not answer for %s: %s", source.id, obstacle)
            return None
        return self._vllm.get(source.key, lambda: StreamedAnswerer(model, self._on_finished))

    def _is_for_torch(self, source: ModelSource, is_streamed: bool) -> bool:
        """Whether torch answers although llama.cpp could: several answers at once are faster there on a processor that
        multiplies bf16, and one that somebody watches is faster in llama.cpp (docs/engine.md)."""
        if self._options.kind != "auto" or is_streamed or not device.has_bf16_instructions():
            return False
        if _measure_weights(source.base) > MAX_MEMORY_SHARE * device.total_ram_bytes():
            return False
        return self._decoders.get(source.key, partial(self._load_decoder, source)) is not None

    def _load_decoder(self, source: ModelSource) -> DecoderAnswerer | None:
        if device.default_device() != "cpu":
            return None
        from core.engine.inference.decoder_model import load_decoder

        dtype = device.resolve_dtype(self._options.dtype)
        try:
            model = load_decoder(source, dtype)
        except ExportError as error:
            log.info("transformers computes %s: %s", source.id, error)
            return None
        name = f"torch-{str(dtype).removeprefix('torch.')}"
        return DecoderAnswerer(LoadedModel(model, self.text(source), name, model.vocab_size)) if model else None

    def _find_llama_cpp(
        self, source: ModelSource, params: SamplingParams, num_prompt_tokens: int
    ) -> StreamedAnswerer | str:
        """llama.cpp for several short sequences, or else for a long one; in words why neither can answer."""
        obstacle: str | None = None
        can_choose = self._options.kind == "auto" and not source.gguf
        if can_choose and params.seed is not None and not params.is_greedy:
            return "llama.cpp's numbers depend on what else is computed: a seed repeats nothing there"
        for is_long in (False, True):
            found = self._llama_cpp.get((source.key, is_long), partial(self._load_llama_cpp, source, is_long))
            if isinstance(found, ExportError):
                return str(found)
            obstacle = found.find_obstacle(params, num_prompt_tokens)
            if not obstacle:
                return found
            if not params.is_plain_but_grammar:
                break
        return obstacle or ""

    def _prefers_llama_cpp(self) -> bool:
        if self._options.kind == "auto":
            return llama_cpp.is_installed() and device.default_device() != "cuda"
        return self._options.kind == "llama.cpp"

    def _load_torch(self, source: ModelSource) -> TorchAnswerer:
        return TorchAnswerer(load_model(source, self.text(source), self._options.dtype))

    def _load_llama_cpp(self, source: ModelSource, is_long: bool) -> StreamedAnswerer | ExportError:
        if not llama_cpp.is_installed():
            return ExportError("the package xllamacpp is not installed")
        try:
            model = source.gguf or self._files.base(source)
            adapter = source.gguf_adapter if source.gguf else self._files.adapter(source)
            server = llama_cpp.LlamaCppServer(model, adapter, is_long)
            return StreamedAnswerer(server, self._on_finished, self.text(source))
        except ExportError as error:
            return error
        except (RuntimeError, OSError) as error:
            otherwise = "The file is damaged, or there is too little memory."
            return ExportError(failures.report("llama.cpp cannot load the model.", error, otherwise=otherwise).words)


@lru_cache(64)
def _measure_weights(base: Path) -> int:
    """The bytes of a base model's weight files, which never change at one path: every request asks."""
    return sum(path.stat().st_size for path in find_weight_files(base))
