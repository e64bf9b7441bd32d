"""A request as the person can make it without Juku: Python, curl and JSON, with the key read from the environment."""

import json
import re
import shlex
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from core import keys
from core.checks.rule_registry import is_printable
from core.language import tr
from core.paths import engine_home
from core.providers import LOCAL, Provider
from core.providers.server_presets import Auth
from core.settings import is_this_computer

OPENAI_VARIABLE, ENGINE_VARIABLE = "OPENAI_API_KEY", "JUKU_ENGINE_TOKEN"
ENGINE_URL = "http://127.0.0.1:8321/v1"  # of an engine that is not running yet
NO_KEY = "none"  # where a server on this computer wants none
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class RequestCode:
    """A chat request as data: address, environment variable of the key, how the key is sent, and the body.

    `notes` are lines above the code. Without `needs_key` an unset variable is no error.
    """

    base_url: str
    variable: str
    body: dict[str, Any]
    auth: Auth = "bearer"
    needs_key: bool = True
    notes: tuple[str, ...] = ()


def build_request_code(provider: Provider, body: dict[str, Any]) -> RequestCode:
    """The request of a pane to its server. The key itself is never in it."""
    if provider.id == LOCAL:
        url = provider.base_url or ENGINE_URL
        port = urlsplit(url).port
        notes = (
            tr("While Juku runs, the engine's address and token are in {file}.", file=engine_home() / "engine.json"),
            tr("Without a window: {command}", command=f"{ENGINE_VARIABLE}=… python main.py serve --port {port}"),
        )
        return RequestCode(url, ENGINE_VARIABLE, body, notes=notes)
    variable = OPENAI_VARIABLE if provider.preset.id == "openai" else keys.environment_variable(provider.id)
    variable = variable if _NAME.fullmatch(variable) else OPENAI_VARIABLE
    needs_key = not is_this_computer(urlsplit(provider.base_url).hostname or "")
    note = tr("Set {variable} to your API key first.", variable=variable)
    return RequestCode(provider.base_url, variable, body, provider.preset.auth, needs_key, (note,) if needs_key else ())


def to_json(found: RequestCode) -> str:
    """The body, laid out for reading."""
    return _json(found.body) + "\n"


def to_python(found: RequestCode) -> str:
    """A program for the `openai` package that prints the answers."""
    name = _literal(found.variable)
    key = f"os.environ[{name}]" if found.needs_key else f"os.environ.get({name}, {_literal(NO_KEY)})"
    lines = ["# pip install openai", *(f"# {_on_one_line(note)}" for note in found.notes)]
    lines += ["import os", "", "from openai import OpenAI", "", f"key = {key}"]
    lines += ["client = OpenAI(", f"    base_url={_literal(found.base_url)},", "    api_key=key,"]
    lines += ['    default_headers={"api-key": key},'] if found.auth == "api-key" else []
    lines += [")", "completion = client.chat.completions.create("]
    lines += [f"    {name}={_literal(value, 1)}," for name, value in found.body.items()]
    lines += [")", "for choice in completion.choices:", "    print(choice.message.content)", ""]
    return "\n".join(lines)


def to_curl(found: RequestCode) -> str:
    """A command for a Unix shell. The body goes in by a quoted document, in which no shell expands anything."""
    key = f"${{{found.variable}}}" if found.needs_key else f"${{{found.variable}:-{NO_KEY}}}"
    header = f"Authorization: Bearer {key}" if found.auth == "bearer" else f"api-key: {key}"
    # An interactive shell may take ! for a word of its history even there.
    body = _json(found.body).replace("!", "\\u0021")
    lines = [f"# {_on_one_line(note)}" for note in found.notes]
    lines += [f"curl -sS {shlex.quote(f'{found.base_url}/chat/completions')} \\"]
    lines += ["  -H 'Content-Type: application/json' \\", f'  -H "{header}" \\', "  --data-binary @- <<'JSON'"]
    return "\n".join([*lines, body, "JSON", ""])


def _json(value: object) -> str:
    """JSON on several lines; half a character, which UTF-8 cannot hold, is written as an escape."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return re.sub("[\ud800-\udfff\x7f-\x9f\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text)


def _literal(value: object, depth: int = 0) -> str:
    """Python for a value of JSON, a member a line."""
    blank, inner = "    " * depth, "    " * (depth + 1)
    match value:
        case str():
            return _text(value)
        case dict() if value:
            members = (f"{inner}{_text(str(key))}: {_literal(one, depth + 1)},\n" for key, one in value.items())
            return f"{{\n{''.join(members)}{blank}}}"
        case list() if value:
            return f"[\n{''.join(f'{inner}{_literal(one, depth + 1)},' + chr(10) for one in value)}{blank}]"
    return repr(value)


def _text(text: str) -> str:
    """A text as Python writes it; in double quotes where it can, as this code does."""
    plain = all(map(is_printable, text)) and '"' not in text and "\\" not in text
    return f'"{text}"' if plain else repr(text)


def _on_one_line(text: str) -> str:
    return "".join(sign if is_printable(sign) else " " for sign in text)
