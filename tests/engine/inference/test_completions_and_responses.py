"""The legacy completions, and the Responses API without state, by the strict client."""

import json
from typing import Any

import pytest
from openai import APIStatusError, AsyncOpenAI, NotFoundError

from tests.support.engine import BASE, RunningEngine

pytestmark = pytest.mark.anyio
PROMPT = "The capital of France is"
WEATHER = {
    "type": "function",
    "name": "weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 20}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}
SCORE = {
    "type": "object",
    "properties": {"score": {"type": "integer", "minimum": 0, "maximum": 9}},
    "required": ["score"],
    "additionalProperties": False,
}


async def complete(client: AsyncOpenAI, **settings: Any) -> Any:
    return await client.completions.create(
        **{"model": BASE, "prompt": PROMPT, "temperature": 0, "max_tokens": 5, **settings}
    )


async def test_prompts_are_completed_as_they_are(client: AsyncOpenAI) -> None:
    answer = await complete(client, prompt=[PROMPT, "One, two, three,"], n=2)
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    texts = [choice.text for choice in answer.choices]
    assert "Paris" in texts[0] and texts[0] == texts[1] != texts[2] == texts[3]
    assert answer.usage.completion_tokens == 20
    echoed = await complete(client, echo=True)
    assert echoed.choices[0].text == PROMPT + texts[0]


async def test_token_ids_are_a_prompt_and_log_probabilities_say_where_they_stand(
    client: AsyncOpenAI, base: Any
) -> None:
    from tokenizers import Tokenizer

    ids = Tokenizer.from_file(str(base / "tokenizer.json")).encode(PROMPT, add_special_tokens=False).ids
    answer = await complete(client, prompt=ids, logprobs=2)
    assert answer.usage.prompt_tokens == len(ids)
    logprobs, text = answer.choices[0].logprobs, answer.choices[0].text
    assert "".join(logprobs.tokens) == text == (await complete(client)).choices[0].text
    assert all(text[at:].startswith(token) for at, token in zip(logprobs.text_offset, logprobs.tokens, strict=True))
    assert all(len(likely) == 2 for likely in logprobs.top_logprobs) and len(logprobs.token_logprobs) == 5


async def test_a_prompt_is_rated_token_by_token(engine: RunningEngine) -> None:
    """As evaluation tools ask for the likelihood of a text. The package's type has no null, which the first token has."""
    async with engine.client(strict=False) as client:
        await check_ratings(client)


async def check_ratings(client: AsyncOpenAI) -> None:
    own = (await complete(client)).choices[0].text
    texts = [PROMPT + own, PROMPT + " a purple elephant there", PROMPT + " word" * 300]
    rated = [
        one.logprobs for one in (await complete(client, prompt=texts, echo=True, logprobs=1, max_tokens=0)).choices
    ]
    assert ["".join(one.tokens) for one in rated] == texts and all(one.token_logprobs[0] is None for one in rated)
    # What the model would say itself is likelier than what it would not.
    assert sum(rated[0].token_logprobs[-5:]) > sum(rated[1].token_logprobs[-4:])
    assert [[*likely] for likely in rated[0].top_logprobs[-5:]] == [[token] for token in rated[0].tokens[-5:]]
    longer = (await complete(client, echo=True, logprobs=1)).choices[0]
    expected = pytest.approx(rated[0].token_logprobs[1:], abs=1e-3)
    assert longer.text == texts[0] and longer.logprobs.token_logprobs[1:] == expected


async def test_completions_are_streamed(engine: RunningEngine) -> None:
    """The package's type has no null for a finish reason, which every chunk but the last one has."""
    async with engine.client(strict=False) as client:
        await check_stream(client)


async def check_stream(client: AsyncOpenAI) -> None:
    whole = await complete(client, prompt=[PROMPT, PROMPT])
    texts, usage = ["", ""], None
    async for chunk in await complete(
        client, prompt=[PROMPT, PROMPT], stream=True, stream_options={"include_usage": True}
    ):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            texts[choice.index] += choice.text
    assert texts == [choice.text for choice in whole.choices] and usage == whole.usage


WRONG_COMPLETIONS: list[tuple[dict[str, Any], str]] = [
    ({"suffix": "x"}, "suffix"),
    ({"best_of": 2}, "best_of"),
    ({"echo": True, "logprobs": 1, "stream": True}, "stream"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"echo": True, "prompt": [1, 2]}, "echo"),
    ({"prompt": []}, "prompt"),
    ({"prompt": [[1], "a", 2]}, "prompt"),
    ({"prompt": [99999]}, "prompt"),
    ({"logprobs": 6}, "logprobs"),
    ({"prompt": "word " * 9000}, "prompt"),
    ({"tools": []}, "tools"),
]


@pytest.mark.parametrize(("change", "param"), WRONG_COMPLETIONS)
async def test_wrong_parameters_of_completions_are_named(
    client: AsyncOpenAI, change: dict[str, Any], param: str
) -> None:
    with pytest.raises(APIStatusError) as error:
        await client.post("/completions", body={"model": BASE, "prompt": PROMPT, **change}, cast_to=object)
    assert error.value.status_code == 400 and error.value.param == param  # type: ignore[attr-defined]


async def respond(client: AsyncOpenAI, **settings: Any) -> Any:
    settings = {"model": BASE, "input": "What is the capital of France?", "temperature": 0, **settings}
    return await client.responses.create(**{"max_output_tokens": 60, **settings})


async def test_a_response_answers_as_a_chat(client: AsyncOpenAI) -> None:
    found = await respond(client, instructions="Be short.", max_output_tokens=5, top_logprobs=1)
    assert found.status == "incomplete" and found.incomplete_details.reason == "max_output_tokens"
    messages: list[Any] = [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "What is the capital of France?"},
    ]
    chat = await client.chat.completions.create(model=BASE, messages=messages, temperature=0, max_tokens=5)
    assert found.output_text == chat.choices[0].message.content
    assert found.usage.input_tokens == chat.usage.prompt_tokens and found.usage.output_tokens == 5
    assert "".join(one.token for one in found.output[0].content[0].logprobs) == found.output_text


async def test_items_of_a_conversation_are_read(client: AsyncOpenAI) -> None:
    first = await respond(client, tools=[WEATHER], tool_choice="required", parallel_tool_calls=False)
    (call,) = first.output
    assert call.type == "function_call" and set(json.loads(call.arguments)) == {"city"} and first.status == "completed"
    question = {"role": "user", "content": [{"type": "input_text", "text": "What is the capital of France?"}]}
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "Rain."}
    items = [question, call.model_dump(exclude_none=True), result]
    second = await respond(client, input=items, tools=[WEATHER], max_output_tokens=5)
    assert second.usage.input_tokens > first.usage.input_tokens + 20
    third = await respond(
        client, input=[*items, *[one.model_dump(exclude_none=True) for one in second.output], question]
    )
    assert third.output_text


async def test_a_schema_is_followed(client: AsyncOpenAI) -> None:
    schema = {"type": "json_schema", "name": "score", "strict": True, "schema": SCORE}
    found = await respond(client, text={"format": schema})
    assert 0 <= json.loads(found.output_text)["score"] <= 9 and found.text.format.name == "score"
    assert isinstance(json.loads((await respond(client, text={"format": {"type": "json_object"}})).output_text), dict)


@pytest.mark.parametrize("settings", [{"max_output_tokens": 8}, {"tools": [WEATHER], "tool_choice": "required", "parallel_tool_calls": False}])  # fmt: skip
async def test_a_stream_has_every_event_in_order(client: AsyncOpenAI, settings: Any) -> None:
    whole = await respond(client, **settings)
    events = [event async for event in await respond(client, **settings, stream=True)]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = list(dict.fromkeys(event.type for event in events))
    is_call = "tools" in settings
    middle = (
        ["response.function_call_arguments.delta", "response.function_call_arguments.done"]
        if is_call
        else [
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
        ]
    )
    end = f"response.{whole.status}"
    begin = ["response.created", "response.in_progress", "response.output_item.added"]
    assert kinds == [*begin, *middle, "response.output_item.done", end]
    text = "".join(event.delta for event in events if event.type.endswith(".delta"))
    assert text == (whole.output[0].arguments if is_call else whole.output_text)
    assert events[-1].response.usage == whole.usage and events[2].item.status == "in_progress"


WRONG_RESPONSES: list[tuple[dict[str, Any], str]] = [
    ({"store": True}, "store"),
    ({"previous_response_id": "resp_1"}, "previous_response_id"),
    ({"background": True}, "background"),
    ({"reasoning": {"effort": "high"}}, "reasoning"),
    ({"truncation": "auto"}, "truncation"),
    ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
    ({"include": ["file_search_call.results"]}, "include[0]"),
    ({"input": []}, "input"),
    ({"input": None}, "input"),
    ({"input": 5}, "input"),
    ({"input": [5]}, "input[0]"),
    ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
    ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content"),
    ({"input": [{"role": "user", "content": "x", "mood": 1}]}, "input[0].mood"),
    ({"input": [{"role": "user"}]}, "input[0].content"),
    ({"text": {"format": {"type": "json_schema", "name": "a", "schema": {"type": "x"}}}}, "text.format"),
    ({"text": {"verbosity": "high"}}, "text.verbosity"),
    ({"surprise": 1}, "surprise"),
]


@pytest.mark.parametrize(("change", "param"), WRONG_RESPONSES)
async def test_wrong_parameters_of_responses_are_named(client: AsyncOpenAI, change: dict[str, Any], param: str) -> None:
    with pytest.raises(APIStatusError) as error:
        await client.post("/responses", body={"model": BASE, "input": "x", **change}, cast_to=object)
    assert error.value.status_code == 400 and error.value.param == param  # type: ignore[attr-defined]


async def test_what_is_not_stored_or_not_here_is_said(client: AsyncOpenAI) -> None:
    with pytest.raises(NotFoundError, match="stores no responses"):
        await client.responses.retrieve("resp_1")
    with pytest.raises(NotFoundError, match="no classifier") as refused:
        await client.moderations.create(input="x")
    assert refused.value.code == "moderation_not_available"
