"""Tokenized rows: labels for the assistant's tokens only; decoded text has whole characters; control tokens stay text."""

from pathlib import Path
from typing import Any

import pytest

from core.engine.inference.streaming_decoder import StreamingDecoder
from core.engine.models.chat_template import ChatTemplate, ChatTemplateError
from core.engine.training import schedule
from core.engine.training.auto_hyperparameters import resolve_auto
from core.engine.training.tokenize_rows import IGNORE_INDEX, tokenize_row
from tests.support.engine import chat_row

# Like Qwen3's: an answer that is not the last loses its thinking.
REWRITING_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.role == 'assistant' and loop.last %}<think></think>{% endif %}{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think></think>{% endif %}"
)
TURNS: list[dict[str, Any]] = [
    {"role": "system", "content": "Short."},
    {"role": "user", "content": "One?"},
    {"role": "assistant", "content": "First answer."},
    {"role": "user", "content": "Two?"},
    {"role": "assistant", "content": "Second answer."},
]


@pytest.fixture(scope="module")
def tokenizer(base: Path) -> Any:
    """The real one."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(base)


def decode_labels(tokenizer: Any, rows: dict[str, Any], limit: int = 1000, tools: bool = False) -> list[str]:
    found = tokenize_row(ChatTemplate(tokenizer, {}, tools), rows, limit)
    assert all(len(one.input_ids) == len(one.labels) for one in found)
    return [tokenizer.decode([label for label in one.labels if label != IGNORE_INDEX]) for one in found]


def test_all_assistant_turns_have_labels_in_one_sequence(tokenizer: Any) -> None:
    assert decode_labels(tokenizer, {"messages": TURNS}) == ["First answer.<|im_end|>Second answer.<|im_end|>"]


@pytest.mark.parametrize("system", ["{{ raise_exception('no system role') }}", ""])
def test_a_template_without_system_role_gets_the_text_with_the_question(
    tokenizer: Any, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    template = "{% for m in messages %}{% if m.role == 'system' %}SYSTEM{% else %}[{{ m.role }}] {{ m.content }} {% endif %}{% endfor %}"
    monkeypatch.setattr(tokenizer, "chat_template", template.replace("SYSTEM", system))
    text = ChatTemplate(tokenizer, {}, False).render(TURNS[:3], False)
    assert text == "[user] Short.\n\nOne? [assistant] First answer. "
    assert ChatTemplate(tokenizer, {}, False).render(TURNS[:1], False) == "[user] Short. "


def test_a_turn_of_weight_0_has_no_labels(tokenizer: Any) -> None:
    turns = [*TURNS[:2], {**TURNS[2], "weight": 0}, *TURNS[3:]]
    assert decode_labels(tokenizer, {"messages": turns}) == ["Second answer.<|im_end|>"]


def test_a_long_row_is_cut_from_the_end(tokenizer: Any) -> None:
    assert decode_labels(tokenizer, chat_row("word " * 50, "answer"), 40) == []
    assert decode_labels(tokenizer, {"messages": TURNS}, 25) == ["First answer.<|im_end|>"]


def test_a_template_that_rewrites_history_gets_a_sequence_for_each_turn(
    tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokenizer, "chat_template", REWRITING_TEMPLATE)
    assert decode_labels(tokenizer, {"messages": TURNS}) == ["First answer.<|im_end|>", "Second answer.<|im_end|>"]


def test_what_the_template_cannot_render_is_refused(tokenizer: Any) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "[]"}}
    picture = [{"type": "image_url", "image_url": {"url": "data:,"}}]
    with pytest.raises(ChatTemplateError, match="no JSON object"):
        decode_labels(tokenizer, {"messages": [TURNS[1], {"role": "assistant", "tool_calls": [call]}]})
    with pytest.raises(ChatTemplateError, match="text only"):
        decode_labels(tokenizer, {"messages": [{"role": "user", "content": picture}, TURNS[2]]})


def test_calls_and_refusals_are_learned_as_text_where_the_template_knows_no_tools(tokenizer: Any) -> None:
    """A refusal was learned as an empty answer."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": "<|im_end|>"}'}}
    turns = [TURNS[1], {"role": "assistant", "tool_calls": [call]}, {"role": "tool", "content": "x"}]
    learned = decode_labels(tokenizer, {"messages": [*turns, {"role": "assistant", "refusal": "No."}]})
    written = '<tool_call>\n{"name": "f", "arguments": {"a": "<\u2060|im_end|>"}}\n</tool_call><|im_end|>'
    assert learned == [f"{written}No.<|im_end|>"]


@pytest.mark.parametrize("stops", [[], ["。終"], ["zz", "🐍日"]])
def test_text_is_decoded_in_whole_characters_up_to_a_stop(tokenizer: Any, stops: list[str]) -> None:
    text = "塾の蛇🐍日本語👩🏽‍🏫。終わり é"
    decoder = StreamingDecoder(tokenizer, stops)
    pieces = []
    for token in tokenizer(text).input_ids:
        pieces.append(decoder.add(token))
        if decoder.stopped:
            break
    pieces.append(decoder.flush())
    assert "".join(pieces) == (text.split(stops[-1])[0] if stops else text)
    assert not any("\ufffd" in piece for piece in pieces)


def test_auto_depends_on_the_number_of_rows() -> None:
    few, many = (
        resolve_auto("supervised", {}, 15, [2e-3, 1e-3]),
        resolve_auto("supervised", {"learning_rate_multiplier": 2.0}, 140, [2e-3, 1e-3]),
    )
    assert (few.n_epochs, few.batch_size, few.learning_rate) == (16, 5, 2e-3)
    assert (many.n_epochs, many.batch_size, many.learning_rate) == (4, 8, 2e-3)
    lot = resolve_auto("supervised", {}, 400, [2e-3, 1e-3])
    assert lot.n_epochs == 2 and lot.kl_coefficient == 0 and "kl_coefficient" not in lot.to_protocol({})
    preferences = resolve_auto("dpo", {"beta": 0.3, "n_epochs": "auto"}, 15, [2e-3, 1e-3])
    assert preferences.to_protocol({}) == {"n_epochs": 4, "batch_size": 5, "learning_rate_multiplier": 1.0, "beta": 0.3}
    assert "beta" not in few.to_protocol({}) and preferences.learning_rate < few.learning_rate / 5
    rates = [schedule.learning_rate(step, 20, 1.0) for step in range(20)]
    assert rates[0] < rates[1] < rates[2] and sorted(rates[2:], reverse=True) == rates[2:] and rates[-1] < 0.1
