"""Which of a request's tools the model may call, and whether it has to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.engine.http.protocol import ApiError, bad_request
from core.engine.http.structured_output import Function, ResponseFormat, build_json_grammar, build_tool_grammar
from core.engine.inference.grammar import Grammar

MAX_TOOLS = 128


@dataclass(frozen=True)
class ToolChoice:
    """The functions that may be called, none for a plain answer. `is_required`: one of them has to be. `is_named`: this
    one, once."""

    functions: Sequence[Function] = ()
    is_required: bool = False
    is_named: bool = False

    def build_grammar(
        self, is_parallel: bool, response_format: ResponseFormat | None, format_param: str = "response_format"
    ) -> Grammar | None:
        """The grammar of the answer; None where it may be any text."""
        if not self.functions:
            return build_json_grammar(response_format, format_param)
        return build_tool_grammar(self.functions, self.is_required, is_parallel and not self.is_named, response_format)


def read_tool_choice(choice: Any, functions: Sequence[Function]) -> ToolChoice:
    """What `tool_choice` says about these functions. Raises a 400 error for a wrong one."""
    if len({one.name for one in functions}) < len(functions):
        raise bad_request("Invalid 'tools': two functions have the same name.", "tools", "invalid_value")
    if choice is None:
        choice = "auto"
    if choice == "none":
        return ToolChoice()
    if choice == "auto":
        return ToolChoice(functions)
    if not functions:
        raise bad_request("'tool_choice' is only allowed when 'tools' are specified.", "tool_choice", "invalid_value")
    if choice == "required":
        return ToolChoice(functions, is_required=True)
    if not isinstance(choice, dict):
        raise _wrong_choice()
    if choice.get("type") == "allowed_tools":
        return _read_allowed_tools(choice, functions)
    return ToolChoice(_find_functions([choice], functions), is_required=True, is_named=True)


def _read_allowed_tools(choice: Any, functions: Sequence[Function]) -> ToolChoice:
    allowed = choice.get("allowed_tools", choice)  # the Responses API has them beside `type`
    tools = allowed.get("tools") if isinstance(allowed, dict) else None
    if not isinstance(tools, list) or not tools or allowed.get("mode") not in ("auto", "required"):
        raise _wrong_choice()
    return ToolChoice(_find_functions(tools, functions), is_required=allowed["mode"] == "required")


def _find_functions(named: Sequence[Any], functions: Sequence[Function]) -> list[Function]:
    """The functions that these objects name: `{"type": "function", "function": {"name": …}}`, or with `name` itself."""
    known = {one.name: one for one in functions}
    found = []
    for one in named:
        function = one.get("function", one) if isinstance(one, dict) and one.get("type") == "function" else None
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(name, str):
            raise _wrong_choice()
        if name not in known:
            message = f"Tool choice '{name[:64]}' not found in 'tools'."
            raise bad_request(message, "tool_choice", "invalid_value")
        found.append(known[name])
    return found


def _wrong_choice() -> ApiError:
    message = "Invalid 'tool_choice': expected none, auto, required, allowed_tools, or a function of 'tools'."
    return bad_request(message, "tool_choice", "invalid_value")
