"""A tokenizer and its chat template as metadata of a GGUF file, so that llama.cpp sees the tokens of the training."""

import json
from typing import Any

from core.engine.export.exported_template import ExportedTemplate
from core.engine.export.gguf_layout import ExportError
from core.engine.http.protocol import Json

# What splits a text before BPE, as llama.cpp knows it by name: the pattern of each.
_CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_SPLITS = {
    "qwen2": _CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "llama-bpe": _CONTRACTIONS
    + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}
_SPACE = "\u2581"  # in SentencePiece vocabularies


def add_tokenizer(writer: Any, template: ExportedTemplate, vocab_size: int) -> None:
    """Add a tokenizer with its chat template to a gguf.GGUFWriter. `vocab_size`: rows of the embedding.

    Raises ExportError for a kind of tokenizer that llama.cpp would not apply in the same way.
    """
    state = json.loads(template.tokenizer.backend_tokenizer.to_str())
    model = state["model"]
    if model.get("type") != "BPE":
        raise ExportError(f"A tokenizer of the type {model.get('type')} cannot be written into a GGUF file, only BPE.")
    tokens, types = _list_tokens(state, vocab_size)
    if model.get("byte_fallback"):
        _add_sentencepiece(writer, state, tokens)
    else:
        _add_byte_level(writer, state)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    _add_special_ids(writer, template)
    writer.add_chat_template(template.jinja)


def _list_tokens(state: Json, vocab_size: int) -> tuple[list[str], list[int]]:
    """Every token and its gguf.TokenType by id, up to the rows of the embedding."""
    import gguf

    kind = gguf.TokenType
    tokens = [f"[PAD{index}]" for index in range(vocab_size)]
    types = [int(kind.UNUSED)] * vocab_size
    for token, index in state["model"]["vocab"].items():
        tokens[index] = token
        is_byte = state["model"].get("byte_fallback") and _is_byte(token)
        types[index] = int(kind.BYTE if is_byte else kind.NORMAL)
    for added in state["added_tokens"]:
        if added["id"] >= vocab_size:
            raise ExportError(f"The token {added['content']} has no row in the model's embedding.")
        tokens[added["id"]] = added["content"]
        types[added["id"]] = int(kind.CONTROL if added["special"] else kind.USER_DEFINED)
    unknown = state["model"].get("unk_token")
    if unknown in tokens and state["model"].get("byte_fallback"):
        types[tokens.index(unknown)] = int(kind.UNKNOWN)
    return tokens, types


def _is_byte(token: str) -> bool:
    return len(token) == 6 and token.startswith("<0x") and token.endswith(">")


def _add_byte_level(writer: Any, state: Json) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(find_pre_tokenizer(state))
    merges = state["model"]["merges"]
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])


def find_pre_tokenizer(state: Json) -> str:
    """llama.cpp's name for how a byte-level tokenizer splits a text. `state`: a tokenizer.json.

    Taken from what the tokenizer does, not from the model's name: a tokenizer that was rebuilt may split in another way
    than that of the same name. Raises ExportError for one that llama.cpp has no name for here.
    """
    steps = _flatten(state.get("pre_tokenizer"))
    byte_level = steps[-1] if steps else {}
    if byte_level.get("type") != "ByteLevel" or byte_level.get("add_prefix_space"):
        raise ExportError("The tokenizer splits texts in a way that llama.cpp has no name for.")
    if byte_level.get("use_regex", True):
        if len(steps) == 1:
            return "gpt-2"
        if len(steps) == 2 and steps[0] == {"type": "Digits", "individual_digits": True}:
            return "smollm"
    elif len(steps) == 2 and steps[0].get("type") == "Split" and not steps[0].get("invert"):
        pattern = steps[0]["pattern"].get("Regex")
        for name, known in _SPLITS.items():
            # llama-bpe takes whole words of the vocabulary first; qwen2 never does.
            if pattern == known and bool(state["model"].get("ignore_merges")) == (name == "llama-bpe"):
                return name
    raise ExportError("The tokenizer splits texts in a way that llama.cpp has no name for.")


def _flatten(step: Json | None) -> list[Json]:
    if not step:
        return []
    return [one for part in step["pretokenizers"] for one in _flatten(part)] if step["type"] == "Sequence" else [step]


def _add_sentencepiece(writer: Any, state: Json, tokens: list[str]) -> None:
    """A vocabulary in SentencePiece's manner (Gemma, Llama 2): scores instead of merges.

    llama.cpp joins the pair whose result has the best score; the merges are in that order, so the place of a token's
    first merge is its score.
    """
    ranks: dict[str, int] = {}
    for rank, merge in enumerate(state["model"]["merges"]):
        ranks.setdefault("".join(merge.split(" ", 1) if isinstance(merge, str) else merge), rank)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_scores([-float(ranks.get(token, len(ranks))) for token in tokens])
    writer.add_add_space_prefix(_adds_space(state))


def _adds_space(state: Json) -> bool:
    """Whether the tokenizer puts a space before a text. Raises ExportError for a normalizer llama.cpp does not have."""
    normalizer = state.get("normalizer") or {}
    steps = normalizer["normalizers"] if normalizer.get("type") == "Sequence" else [normalizer] if normalizer else []
    adds = False
    for step in steps:
        if step == {"type": "Prepend", "prepend": _SPACE}:
            adds = True
        elif step.get("type") != "Replace" or step.get("content") != _SPACE:
            raise ExportError(f"The tokenizer changes texts ({step.get('type')}) in a way that llama.cpp does not.")
    for step in _flatten(state.get("pre_tokenizer")):
        if step.get("type") == "Metaspace":
            adds = adds or step.get("prepend_scheme", "always") != "never"
    return adds


def _add_special_ids(writer: Any, template: ExportedTemplate) -> None:
    tokenizer = template.tokenizer
    writer.add_add_bos_token(template.adds_bos)
    writer.add_eos_token_id(template.end_of_turn)
    writer.add_eot_token_id(template.end_of_turn)
    for add, token_id in (
        (writer.add_bos_token_id, tokenizer.bos_token_id),
        (writer.add_unk_token_id, tokenizer.unk_token_id),
        (writer.add_pad_token_id, tokenizer.pad_token_id),
    ):
        if token_id is not None:
            add(token_id)
