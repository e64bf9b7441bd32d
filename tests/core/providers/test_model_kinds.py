"""What a model is good for, by the names that servers really give theirs."""

import pytest

from core.providers import ModelOffer, model_kinds
from core.providers.model_kinds import ANSWER, BASE, CHAT, EMBEDDING, OTHER, detect_kind, fits, is_checkpoint
from core.providers.models_api import is_tuned

CHATS = """gpt-4o-mini gpt-4.1-2025-04-14 gpt-4o o4-mini gpt-5.1 gpt-3.5-turbo-0125 SmolLM2-135M-Instruct Qwen/Qwen2.5-7B-Instruct
meta-llama/Llama-3.3-70B-Instruct-Turbo mistral-large-latest claude-sonnet gemma-3-27b-it deepseek-r1:8b phi-4 command-r-plus
accounts/fireworks/models/llama-v3p1-8b-instruct adapter-7b granite-3.1-8b base-model Canada-7b imagine-chat"""
EMBEDDINGS = """text-embedding-3-small text-embedding-ada-002 nomic-embed-text BAAI/bge-large-en-v1.5 intfloat/multilingual-e5-large
mistral-embed thenlper/gte-large sentence-transformers/all-MiniLM-L6-v2 jina-embeddings-v3 bge-m3 jina-reranker-v2"""
OTHERS = """whisper-1 tts-1-hd gpt-4o-mini-tts gpt-4o-transcribe gpt-4o-audio-preview gpt-realtime dall-e-3 gpt-image-1 sora-2
omni-moderation-latest meta-llama/Llama-Guard-4-12B davinci-002 babbage-002 gpt-3.5-turbo-instruct
black-forest-labs/FLUX.1-schnell stabilityai/stable-diffusion-3"""


@pytest.mark.parametrize("model", CHATS.split())
def test_chat_models_are_told_by_their_names(model):
    assert detect_kind(model) == CHAT


@pytest.mark.parametrize("model", EMBEDDINGS.split())
def test_embedding_models_are_told_by_their_names(model):
    assert detect_kind(model) == EMBEDDING


@pytest.mark.parametrize("model", OTHERS.split())
def test_what_answers_no_chat_is_told_by_its_name(model):
    assert detect_kind(model) == OTHER


@pytest.mark.parametrize("model", ["ft:gpt-4o-mini:org:image-embed:abc", "gpt-4o-mini-2024.ft-1234-embed"])
def test_a_tuned_model_is_what_its_base_is_whatever_it_was_named(model):
    offer = ModelOffer(model, model, tuned=is_tuned(model))
    assert (detect_kind(model), fits(offer, ANSWER), fits(offer, BASE)) == (CHAT, True, False)


def test_a_checkpoint_is_known_by_its_name():
    assert is_checkpoint("ft:base:org:name:abc:ckpt-step-40")
    assert not is_checkpoint("ft:base:org:ckpt:abc")
    assert not model_kinds.is_checkpoint("base-model")


def test_an_exported_file_answers_and_is_neither_trained_nor_the_newest_model():
    name = "ft:base:org:name:abc:gguf-q8_0"
    offer = ModelOffer(name, name, tuned=True)
    assert fits(offer, ANSWER) and not fits(offer, BASE) and not fits(offer, model_kinds.TRAINED)
    assert model_kinds.is_derived(name) and model_kinds.is_derived("ft:base:org:name:abc:ckpt-step-40")
    assert not model_kinds.is_derived("ft:base:org:name:abc")
