"""The forms of rows that are converted: one module and one line here for each."""

from collections.abc import Iterable
from typing import Any

from core.formats.forms import (
    alpaca,
    anthropic_messages,
    argilla,
    batch,
    chatgpt_export,
    gemini,
    huggingface_rows,
    label_studio,
    named_texts,
    preferences,
    prompt_completion,
    query_history,
    responses_items,
    sharegpt,
    squad,
    stored_completion,
    swift_preferences,
    traces,
    without_answers,
)
from core.formats.forms.form import Converted as Converted
from core.formats.forms.form import Form as Form
from core.language import tr

CHAT, PREFERENCES, PAIRS = "jsonl", "dpo", "completions"  # rows whose text stays unchanged

# In this order they are tried: what a row says most clearly comes first.
FORMS: dict[str, Form] = {
    "batch": Form("Batch of OpenAI or Anthropic", batch.is_row, batch.read),
    "swift": Form("ms-swift preferences", swift_preferences.is_row, swift_preferences.read),
    "trl": Form("TRL preferences (prompt, chosen, rejected)", preferences.is_row, preferences.read),
    "kto": Form("KTO (completion, label)", without_answers.is_unpaired, None, lambda: tr(
        "Juku compares two answers to the same question, and here each is alone. Keep the rows with a good answer, "
        "as prompt and response.")),
    "promptcompletion": Form("TRL prompt and completion", prompt_completion.is_row, prompt_completion.read),
    "sharegpt": Form("ShareGPT", sharegpt.is_row, sharegpt.read),
    "anthropic": Form("Anthropic or Bedrock messages", anthropic_messages.is_row, anthropic_messages.read),
    "stored": Form("stored chat completions", stored_completion.is_row, stored_completion.read, is_native=True),
    "chatgpt": Form("ChatGPT or Claude export", chatgpt_export.is_row, chatgpt_export.read),
    "gemini": Form("Gemini contents", gemini.is_row, gemini.read),
    "squad": Form("SQuAD", squad.is_row, squad.read),
    "labelstudio": Form("Label Studio", label_studio.is_row, label_studio.read),
    "argilla": Form("Argilla", argilla.is_row, argilla.read),
    "responses": Form("Responses API items", responses_items.is_row, responses_items.read),
    "traces": Form("LangSmith or Langfuse", traces.is_row, traces.read),
    "ranking": Form("rankings of answers", without_answers.is_ranking, None, lambda: tr(
        "Juku compares two answers at a time. Write the best and the worst of each row as chosen and rejected.")),
    "query": Form("query and response", query_history.is_row, query_history.read),
    "alpaca": Form("Alpaca", alpaca.is_row, alpaca.read),
    "pairs": Form("question and answer by name", named_texts.is_row, named_texts.read),
    "spans": Form("texts with labels or spans", without_answers.are_spans, None, lambda: tr(
        "A chat model learns from questions and answers. Write the label as the answer to a question about the text.")),
    "text": Form("plain texts", without_answers.is_plain_text, None, lambda: tr(
        "A chat model learns from questions and answers. Read the texts into the spec, and generate rows from it.")),
}  # fmt: skip


def detect_form(value: object) -> str:
    """The form of one JSON row by its keys: a key of `FORMS`, or of a row that stays unchanged; '' for an unknown one."""
    if not isinstance(value, dict):
        return ""
    if huggingface_rows.is_row(value):
        return detect_form(huggingface_rows.unwrap(value)) or CHAT
    if "input" in value and any(key in value for key in ("preferred_output", "preferred_completion")):
        return PREFERENCES
    is_pair = isinstance(value.get("prompt"), str) and "completion" in value and "label" not in value
    if is_pair and "messages" not in value:
        return PAIRS
    found = next((name for name, form in FORMS.items() if form.is_row(value)), "")
    return found or (CHAT if "messages" in value else "")


def needs_conversion(value: object) -> bool:
    """Whether a row does not stay as it is."""
    return detect_form(value) in FORMS or (isinstance(value, dict) and huggingface_rows.is_row(value))


def convert(value: dict[str, Any], form: str) -> Iterable[Converted]:
    """The rows of one object of a form of `FORMS`; one whose form cannot be trained on has no row."""
    if huggingface_rows.is_row(value):
        value = huggingface_rows.unwrap(value)
    if form not in FORMS:
        return [Converted(value)]
    read = FORMS[form].read
    return [Converted(None, value, ("unsupported",))] if read is None else read(value)
