"""How tools stand in a prompt, and how a model calls them: the form of Hermes and Qwen models, for every model.

    <tool_call>
    {"name": "get_weather", "arguments": {"city": "Kobe"}}
    </tool_call>

A chat template that knows this form renders tools itself. For any other model, also one whose template knows no tools,
they are put into the messages as text in the same form: the definitions at the end of the system message, calls into
the assistant's message, and results into a message of the user.
"""

import json
from collections.abc import Sequence
from typing import Any

from core.engine.http.protocol import Json

CALL_BEGIN, CALL_END = "<tool_call>", "</tool_call>"
RESULT_BEGIN, RESULT_END = "<tool_response>", "</tool_response>"
_DEFINITIONS = """# Tools

You may call one or more functions to assist with the user query.

You are provided with function signatures within <tools></tools> XML tags:
<tools>
{definitions}
</tools>

For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:
<tool_call>
{{"name": <function-name>, "arguments": <args-json-object>}}
</tool_call>"""


def knows_syntax(chat_template: str) -> bool:
    """Whether a chat template (its Jinja text) renders tools in this form."""
    return "tools" in chat_template and CALL_BEGIN in chat_template


def write_tools(messages: list[Json], tools: Sequence[Json]) -> list[Json]:
    """The messages (with calls as templates expect them, see `chat_template`) as plain texts of system, user and assistant."""
    written: list[Json] = []
    for message in messages:
        if message["role"] == "tool":
            text = f"{RESULT_BEGIN}\n{message['content']}\n{RESULT_END}"
            if written and written[-1].get("is_result"):  # the results of parallel calls stand in one message
                text = f"{written.pop()['content']}\n{text}"
            written.append({"role": "user", "content": text, "is_result": True})
        elif calls := message.get("tool_calls"):
            texts = [message["content"], *(write_call(one["function"]) for one in calls)]
            written.append({"role": message["role"], "content": "\n".join(text for text in texts if text)})
        else:
            written.append(message)
    plain = [{"role": one["role"], "content": one["content"]} for one in written]
    return _add_definitions(plain, tools) if tools else plain


def _add_definitions(messages: list[Json], tools: Sequence[Json]) -> list[Json]:
    text = _DEFINITIONS.format(definitions="\n".join(json.dumps(tool, ensure_ascii=False) for tool in tools))
    if messages and messages[0]["role"] == "system":
        first = messages[0]
        return [{**first, "content": f"{first['content']}\n\n{text}"}, *messages[1:]]
    return [{"role": "system", "content": text}, *messages]


def write_call(function: Json) -> str:
    """A call (`name`, and `arguments` as an object) as a model writes it."""
    arguments: Any = json.dumps(function["arguments"], ensure_ascii=False)
    name = json.dumps(function["name"], ensure_ascii=False)
    return f'{CALL_BEGIN}\n{{"name": {name}, "arguments": {arguments}}}\n{CALL_END}'
