"""The kind of a model, as far as its name shows it: a server's list does not.

Embedding, moderation, speech and image models, and those that only complete a text, answer no chat request. Any other
name is taken for a chat model's. A fine-tuned model is of its base's kind, whatever its suffix is.
"""

import re

from core.providers.models_api import is_tuned
from core.providers.protocol_types import ModelOffer

ANSWER = "answer"  # chat models, base or tuned
BASE = "base"  # chat models as their makers left them
TRAINED = "trained"  # chat models that can be trained, base or tuned; not files that were exported
EMBEDDING, OTHER, CHAT = "embedding", "other", "chat"
CHECKPOINT = ":ckpt-"  # in the id of a model saved on the way

_EXPORTED = re.compile(
    r"(?P<model>.+):gguf-(?P<type>[a-z0-9_]+)"
)  # a file that was exported from a model, as it is asked
_EMBEDDING = re.compile(r"embed|(?<![a-z0-9])(?:bge|e5|gte|m3e|minilm|colbert)(?![a-z])|rerank")
_OTHER = re.compile(
    r"moderation|whisper|transcri|(?<![a-z])(?:tts|audio|realtime|speech|guard|shieldgemma)(?![a-z])"
    r"|dall-?e|(?<![a-z])(?:image|sora|flux|sdxl|veo|imagen)(?![a-z])|diffusion"
    r"|(?<![a-z])(?:davinci|babbage|curie|ada)(?![a-z])|turbo-instruct"
)


def detect_kind(model: str) -> str:
    """`CHAT`, `EMBEDDING` or `OTHER`."""
    name = base_of(model).rsplit("/", 1)[-1].lower()
    if _EMBEDDING.search(name):
        return EMBEDDING
    return OTHER if _OTHER.search(name) else CHAT


def base_of(model: str) -> str:
    """The base in the id of a tuned model (OpenAI's form, or Azure's); of any other the id itself."""
    if model.startswith("ft:"):
        return model.split(":")[1]
    return model.split(".ft-")[0]


def is_checkpoint(model: str) -> bool:
    """Whether an id is one of a checkpoint: OpenAI's form."""
    return CHECKPOINT in model


def is_derived(model: str) -> bool:
    """Whether a model belongs to another: a checkpoint, or a file that was exported."""
    return is_checkpoint(model) or bool(split_exported(model)[1])


def split_exported(model: str) -> tuple[str, str]:
    """The model that an exported file was made from, and the file's precision ("Q8_0"); any other id itself, and ''."""
    found = _EXPORTED.fullmatch(model)
    return (found["model"], found["type"].upper()) if found else (model, "")


def fits(offer: ModelOffer, use: str) -> bool:
    """Whether a model can be used as `ANSWER`, as `BASE` or to be `TRAINED`."""
    if detect_kind(offer.id) != CHAT:
        return False
    if use == TRAINED:
        return not split_exported(offer.id)[1]
    return not (use == BASE and (offer.tuned or is_tuned(offer.id)))
