"""Reads the contents that services split into parts, as texts, images and tool calls of chat messages."""

import json
from collections.abc import Iterable
from typing import Any

from core.formats.forms.form import Json, message

_TEXT_TYPES = ("text", "input_text", "output_text")


def join_texts(content: Any) -> tuple[str, bool]:
    """The text of a content, a string or a list of parts; and whether parts without text were left out."""
    if isinstance(content, str):
        return content, False
    if isinstance(content, dict):
        content = content.get("parts", [content])
    parts = content if isinstance(content, list) else []
    texts = [_text_of(part) for part in parts]
    lost = any(text is None for text in texts) or (content is not None and not isinstance(content, list))
    return "\n".join(text for text in texts if text), lost


def _text_of(part: Any) -> str | None:
    if isinstance(part, str):
        return part
    text = part.get("text") if isinstance(part, dict) else None
    return text if isinstance(text, str) else None


def convert_turn(role: str, content: Any) -> tuple[list[Json], tuple[str, ...]]:
    """The messages of one turn of Anthropic, Bedrock or the Responses API, and what was left out of them.

    A turn can hold a text, tool calls and results of tools; the latter become messages of their own.
    """
    if not isinstance(content, list):
        return [message(role, content)], ()
    texts: list[str] = []
    images: list[Json] = []
    calls: list[Json] = []
    results: list[Json] = []
    lost: set[str] = set()
    for part in content:
        text = _text_of(part)
        kind = part.get("type") if isinstance(part, dict) else None
        if text is not None and kind in (None, *_TEXT_TYPES):
            texts.append(text)
        elif call := _read_call(part):
            calls.append(call)
        elif result := _read_result(part):
            results.append(result)
        elif image := _read_image(part):
            images.append(image)
        else:
            lost.add("thinking" if kind in ("thinking", "redacted_thinking", "reasoning") else "parts")
    return [*results, *_build(role, texts, images, calls)], tuple(sorted(lost))


def _build(role: str, texts: list[str], images: list[Json], calls: list[Json]) -> Iterable[Json]:
    text = "\n".join(texts)
    if images:
        yield message(role, [*([{"type": "text", "text": text}] if text else []), *images])
    elif calls:
        yield {"role": role, **({"content": text} if text else {}), "tool_calls": calls}
    elif texts:
        yield message(role, text)


def build_call(id: str, name: str, arguments: Any) -> Json:
    """A tool call of a message; its arguments are JSON text."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return {"id": id, "type": "function", "function": {"name": name, "arguments": text}}


def _read_call(part: Any) -> Json | None:
    """A tool call of Anthropic (`tool_use`) or Bedrock (`toolUse`)."""
    if not isinstance(part, dict):
        return None
    if part.get("type") == "tool_use":
        return build_call(str(part.get("id", "")), str(part.get("name", "")), part.get("input", {}))
    if isinstance(use := part.get("toolUse"), dict):
        return build_call(str(use.get("toolUseId", "")), str(use.get("name", "")), use.get("input", {}))
    return None


def _read_result(part: Any) -> Json | None:
    if not isinstance(part, dict):
        return None
    inner = part.get("toolResult")
    result = inner if isinstance(inner, dict) else part
    id = part.get("tool_use_id") if part.get("type") == "tool_result" else result.get("toolUseId")
    if not isinstance(id, str):
        return None
    return {"role": "tool", "tool_call_id": id, "content": join_texts(result.get("content"))[0]}


def _read_image(part: Any) -> Json | None:
    source = part.get("source") if isinstance(part, dict) and part.get("type") == "image" else None
    if not isinstance(source, dict):
        return part if isinstance(part, dict) and part.get("type") == "image_url" else None
    if isinstance(source.get("url"), str):
        url = source["url"]
    elif isinstance(source.get("data"), str):
        url = f"data:{source.get('media_type', 'image/png')};base64,{source['data']}"
    else:
        return None
    return {"type": "image_url", "image_url": {"url": url}}
