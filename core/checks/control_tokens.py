"""The control tokens of model families: text that contains one is read as the end of a turn, or as another speaker.

They are those of the tokenizer files (`tokenizer_config.json`, `special_tokens_map.json`) of the models named here on
https://huggingface.co, of https://cookbook.openai.com/articles/openai-harmony and of
https://github.com/openai/tiktoken/blob/main/tiktoken_ext/openai_public.py. The list was written by hand and not compared
with these files again.
"""

import re

OPENAI = "OpenAI"

# Family -> its tokens; the first are written out, the others as patterns.
_TOKENS: dict[str, str] = {
    OPENAI: r"<\|(?:endoftext|im_start|im_end|im_sep|fim_prefix|fim_middle|fim_suffix|endofprompt|diff_marker)\|>",
    "gpt-oss": r"<\|(?:start|end|message|channel|constrain|return|call|startoftext)\|>",
    "Qwen": r"<\|(?:object_ref_start|object_ref_end|box_start|box_end|quad_start|quad_end|vision_start|vision_end|vision_pad|"
    r"image_pad|video_pad|fim_pad|repo_name|file_sep)\|>|</?tool_(?:call|response)>",
    "Llama 3": r"<\|(?:begin_of_text|end_of_text|start_header_id|end_header_id|eot_id|eom_id|python_tag|step_id|"
    r"finetune_right_pad_id|reserved_special_token_\d+|header_start|header_end|eot|eom|image|image_start|image_end)\|>",
    "Llama 2": r"</?s>|<<SYS>>|<</SYS>>|<unk>",
    "Mistral": r"\[/?(?:INST|AVAILABLE_TOOLS|TOOL_RESULTS|SYSTEM_PROMPT|TOOL_CONTENT)\]|\[(?:TOOL_CALLS|IMG|IMG_BREAK|IMG_END|PREFIX|SUFFIX|MIDDLE)\]",
    "Gemma": r"<(?:start_of_turn|end_of_turn|bos|eos|start_of_image|end_of_image|image_soft_token|unused\d+)>",
    "Phi": r"<\|(?:system|user|assistant|placeholder\d|dummy_\d+)\|>",
    "DeepSeek": r"<｜(?:begin▁of▁sentence|end▁of▁sentence|User|Assistant|tool▁[a-z▁]+|fim▁[a-z]+|▁pad▁)｜>",
    "Cohere": r"<\|(?:START_OF_TURN_TOKEN|END_OF_TURN_TOKEN|USER_TOKEN|CHATBOT_TOKEN|SYSTEM_TOKEN|START_RESPONSE|END_RESPONSE)\|>",
    "Granite": r"<\|(?:start_of_role|end_of_role|tool_call|start_of_plugin|end_of_plugin)\|>",
    "GLM": r"\[gMASK\]|<sop>|<eop>|<\|observation\|>",
    "Kimi": r"<\|(?:im_user|im_assistant|im_system|im_middle|media_[a-z]+|tool_calls_section_begin|tool_calls_section_end)\|>",
    "SmolLM": r"<(?:repo_name|reponame|file_sep|filename|gh_stars|issue_start|issue_comment|issue_closed|jupyter_start|jupyter_text|"
    r"jupyter_code|jupyter_output|jupyter_script|empty_output)>",
}
_ANY = re.compile("|".join(f"(?P<f{number}>{pattern})" for number, pattern in enumerate(_TOKENS.values())))
_FAMILIES = tuple(_TOKENS)
# The beginnings of all of them, for the search in many rows at once.
STARTS = (b"<|", b"<s>", b"</", b"<<", b"<u", b"<st", b"<en", b"<b", b"<eo", b"<im", b"<t", b"<so", b"<re", b"<fi", b"<gh",
          b"<is", b"<ju", b"<em", b"<\xef", b"[INST", b"[/", b"[A", b"[T", b"[IMG", b"[S", b"[P", b"[MI", b"[g")  # fmt: skip


def find(text: str) -> tuple[str, str, int] | None:
    """The first control token of a text, its family and its place in characters; None where there is none.

    OpenAI's come first, wherever they are: its services refuse them.
    """
    first: tuple[str, str, int] | None = None
    for match in _ANY.finditer(text):
        family = _FAMILIES[int((match.lastgroup or "f0")[1:])]
        if family == OPENAI:
            return match.group(), family, match.start()
        first = first or (match.group(), family, match.start())
    return first
