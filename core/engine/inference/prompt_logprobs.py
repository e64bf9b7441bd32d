"""The log probabilities of a prompt's own tokens: how likely a text is for a model (`echo` with `logprobs`)."""

from typing import Any

from core.engine.http.protocol import Json
from core.engine.inference.loaded_models import LoadedModel
from core.engine.inference.sampling import describe_text, describe_token

CHUNK_TOKENS = 256  # that are read at once: the logits of more would take gigabytes with a large vocabulary


def compute_prompt_logprobs(loaded: LoadedModel, prompt_ids: list[int], top: int) -> list[Json]:
    """An entry for each token of the prompt, with the `top` likeliest tokens in its place.

    Nothing comes before the first token: its `logprob` is None. Raises what the model raises.
    """
    import torch
    from transformers import DynamicCache

    model, cache = loaded.model, DynamicCache(config=loaded.model.config)
    entries: list[Json] = [{**describe_text(loaded, one, None), "top_logprobs": None} for one in prompt_ids[:1]]
    with torch.inference_mode():
        for start in range(0, len(prompt_ids) - 1, CHUNK_TOKENS):
            chunk = prompt_ids[start : min(start + CHUNK_TOKENS, len(prompt_ids) - 1)]
            input_ids = torch.tensor([chunk], device=model.device)
            logits: Any = model(input_ids=input_ids, past_key_values=cache, use_cache=True).logits[0].float()
            following = prompt_ids[start + 1 : start + 1 + len(chunk)]
            rows = zip(following, logits.log_softmax(-1), strict=True)
            entries += [describe_token(loaded, token_id, row, top) for token_id, row in rows]
    return entries
