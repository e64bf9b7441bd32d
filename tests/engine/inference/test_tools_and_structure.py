"""Tools, structured output and log probabilities, by the real small model: their form, not their sense."""

import json
from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError

from core.engine.http.tool_call_parser import ToolCallParser
from tests.support.engine import BASE

pytestmark = pytest.mark.anyio
QUESTION: list[Any] = [{"role": "user", "content": "What is the weather in Kobe?"}]
CITY = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"]}
WEATHER: Any = {
    "type": "function",
    "function": {"name": "weather", "parameters": {**CITY, "additionalProperties": False}},
}
NUMBER = {"type": "integer", "minimum": 0, "maximum": 9}
SUM = {"type": "object", "properties": {"a": NUMBER, "b": NUMBER}, "required": ["a", "b"]}
ADD: Any = {"type": "function", "function": {"name": "add", "parameters": SUM, "strict": True}}
MARK = {
    "type": "object",
    "properties": {"reason": {"type": "string", "maxLength": 20}, "score": NUMBER, "kind": {"enum": ["é", "日"]}},
    "required": ["reason", "score", "kind"],
    "additionalProperties": False,
}


async def ask(client: AsyncOpenAI, **settings: Any) -> Any:
    settings = {"model": BASE, "messages": QUESTION, "temperature": 0, "max_tokens": 90, **settings}
    return await client.chat.completions.create(**settings)


async def read_calls(stream: Any) -> tuple[list[list[str]], str, str]:
    """Id, name and arguments of each call of a stream; its text; its finish reason."""
    calls: list[list[str]] = []
    text = reason = ""
    async for chunk in stream:
        (choice,) = chunk.choices
        text, reason = text + (choice.delta.content or ""), choice.finish_reason or reason
        for call in choice.delta.tool_calls or []:
            if call.id:
                assert call.index == len(calls) and call.type == "function"
                calls.append([call.id, call.function.name, ""])
            calls[call.index][2] += call.function.arguments
    return calls, text, reason


async def test_a_tool_that_must_be_called_is_called_whole_and_streamed(client: AsyncOpenAI) -> None:
    settings = {"tools": [WEATHER, ADD], "tool_choice": {"type": "function", "function": {"name": "add"}}}
    (choice,) = (await ask(client, **settings)).choices
    (call,) = choice.message.tool_calls
    assert choice.finish_reason == "tool_calls" and choice.message.content is None and call.function.name == "add"
    assert set(json.loads(call.function.arguments)) == {"a", "b"}
    streamed = await read_calls(await ask(client, **settings, stream=True))
    assert streamed[0][0][1:] == ["add", call.function.arguments] and streamed[1:] == ("", "tool_calls")


async def test_the_result_of_a_call_is_read_and_several_calls_may_be_made(client: AsyncOpenAI) -> None:
    """The small model repeats itself: that makes its calls parallel."""
    (choice,) = (await ask(client, tools=[WEATHER], tool_choice="required", max_tokens=120)).choices
    assert len(choice.message.tool_calls) > 1 and len({one.id for one in choice.message.tool_calls}) > 1
    call = choice.message.tool_calls[0]
    result = {"role": "tool", "tool_call_id": call.id, "content": "Sunny, 21 degrees."}
    turn = {"role": "assistant", "content": None, "tool_calls": [call.model_dump()]}
    without, with_result = [
        (await ask(client, messages=messages, tools=[WEATHER], max_tokens=8)).usage.prompt_tokens
        for messages in (QUESTION, [*QUESTION, turn, result])
    ]
    assert with_result > without + 20


@pytest.mark.parametrize("choice", ["none", "auto"])
async def test_who_need_not_call_may_answer(client: AsyncOpenAI, choice: str) -> None:
    answer = await ask(client, tools=[WEATHER], tool_choice=choice, max_tokens=8)
    assert answer.choices[0].message.content and not answer.choices[0].message.tool_calls
    plain = await ask(client, max_tokens=8)
    assert (answer.usage.prompt_tokens == plain.usage.prompt_tokens) == (choice == "none")


async def test_json_of_any_kind_and_by_a_schema(client: AsyncOpenAI) -> None:
    answer = await ask(client, response_format={"type": "json_object"})
    assert isinstance(json.loads(answer.choices[0].message.content), dict)
    for strict in (True, False):
        schema = {"name": "mark", "strict": strict, "schema": MARK if strict else {**MARK, "not": {}}}
        wanted = {"type": "json_schema", "json_schema": schema}
        answer = await ask(client, response_format=wanted, temperature=1, seed=4, n=2)
        for choice in answer.choices:
            found = json.loads(choice.message.content)
            assert set(found) == set(MARK["required"]) and 0 <= found["score"] <= 9 and found["kind"] in "é日"
            assert choice.finish_reason == "stop"


async def test_an_answer_that_is_cut_off_says_so(client: AsyncOpenAI) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "mark", "schema": MARK}}
    assert (await ask(client, response_format=wanted, max_tokens=4)).choices[0].finish_reason == "length"
    (choice,) = (await ask(client, tools=[ADD], tool_choice="required", max_tokens=20)).choices
    assert choice.finish_reason == "length"


async def test_what_a_strict_schema_asks_in_vain_is_named(client: AsyncOpenAI) -> None:
    for schema, word in (({"type": "object", "not": {}}, "not"), ({"type": "string", "format": "odd"}, "odd")):
        wanted = {"type": "json_schema", "json_schema": {"name": "mark", "strict": True, "schema": schema}}
        with pytest.raises(BadRequestError, match=word) as refused:
            await ask(client, response_format=wanted)
        assert refused.value.param == "response_format"


async def test_log_probabilities_are_of_the_tokens_shown(client: AsyncOpenAI) -> None:
    whole = await ask(client, logprobs=True, top_logprobs=2, max_tokens=6)
    entries = whole.choices[0].logprobs.content
    assert "".join(one.token for one in entries) == whole.choices[0].message.content and len(entries) == 6
    for one in entries:
        likely = [other.logprob for other in one.top_logprobs]
        assert len(likely) == 2 and one.logprob == likely[0] >= likely[1] and bytes(one.bytes).decode() == one.token
    streamed = []
    async for chunk in await ask(client, logprobs=True, max_tokens=6, stream=True):
        streamed += chunk.choices[0].logprobs.content if chunk.choices[0].logprobs else []
    assert [one.token for one in streamed] == [one.token for one in entries] and not streamed[0].top_logprobs
    cut = await ask(client, logprobs=True, max_tokens=6, stop=[entries[3].token])
    assert [one.token for one in cut.choices[0].logprobs.content] == [one.token for one in entries[:3]]


async def test_penalties_and_bias_change_what_is_written(client: AsyncOpenAI) -> None:
    plain = (await ask(client, max_tokens=30)).choices[0].message.content
    entry = (await ask(client, max_tokens=1, logprobs=True)).choices[0].logprobs.content[0]
    assert plain.startswith(entry.token)
    for change in ({"frequency_penalty": 2, "presence_penalty": 2}, {"logit_bias": {"504": -100}}):
        other = (await ask(client, max_tokens=30, **change)).choices[0].message.content
        assert other != plain, change
    forced = await ask(client, max_tokens=3, logit_bias={"260": 100})
    assert forced.choices[0].message.content == " the the the"


CALLS = 'Yes.<tool_call>\n{"name": "f", "arguments": {"a": "}\\n</tool_call>"}}\n</tool_call>\n<tool_call>\n{"name": "g", "arguments": {}}\n</tool_call>'


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_calls_are_taken_apart_however_they_come(size: int) -> None:
    parser = ToolCallParser()
    pieces = [piece for start in range(0, len(CALLS), size) for piece in parser.feed(CALLS[start : start + size])]
    pieces += parser.flush()
    assert parser.content == "".join(piece.text for piece in pieces) == "Yes."
    assert [(call.name, call.arguments) for call in parser.calls] == [("f", '{"a": "}\\n</tool_call>"}'), ("g", "{}")]
    for index, call in enumerate(parser.calls):
        assert "".join(piece.arguments for piece in pieces if piece.call == index) == call.arguments


@pytest.mark.parametrize(("length", "arguments"), [(0, "{}"), (1, "{}"), (5, "{}"), (-1, "{"), (-2, "")])
def test_a_call_that_is_cut_off_has_no_part_of_its_end(length: int, arguments: str) -> None:
    call = '<tool_call>\n{"name": "g", "arguments": {}'
    parser = ToolCallParser()
    parser.feed(f"{call}}}\n</tool_call>"[: len(call) + length])
    parser.flush()
    assert parser.calls[0].arguments == arguments
