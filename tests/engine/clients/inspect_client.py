"""inspect-ai: an evaluation with a solver that calls a tool, and answers by a schema."""

import asyncio
from typing import Literal

from client_features import KEY, MODEL, URL, done
from inspect_ai import Task
from inspect_ai import eval as run_eval
from inspect_ai.dataset import Sample
from inspect_ai.model import GenerateConfig, ResponseSchema, get_model
from inspect_ai.scorer import includes
from inspect_ai.tool import ToolFunction, tool
from inspect_ai.util import JSONSchema


@tool
def tell_city():  # type: ignore[no-untyped-def]
    async def execute(city: Literal["Paris", "Rome"]) -> str:
        """Tell a city.

        Args:
            city: Its name.
        """
        return f"It is {city}."

    return execute


def load(**settings):  # type: ignore[no-untyped-def]
    return get_model(
        f"openai-api/juku/{MODEL}", base_url=URL, api_key=KEY, config=GenerateConfig(max_tokens=60, **settings)
    )


async def ask() -> None:
    assert (await load().generate("A city?")).completion
    done("chat")
    call = await load(parallel_tool_calls=False).generate(
        "A city?", tools=[tell_city()], tool_choice=ToolFunction("tell_city")
    )
    assert set(call.message.tool_calls[0].arguments) == {"city"}
    done("tools")
    schema = JSONSchema(
        type="object",
        properties={"city": JSONSchema(type="string", maxLength=12)},
        required=["city"],
        additionalProperties=False,
    )
    structured = await load(response_schema=ResponseSchema(name="city", json_schema=schema, strict=True)).generate(
        "A city?"
    )
    assert structured.completion.startswith("{")
    done("json_schema")
    likely = await load(logprobs=True, top_logprobs=3).generate("A city?")
    assert len(likely.choices[0].logprobs.content[0].top_logprobs) == 3
    done("logprobs")


asyncio.run(ask())
task = Task(dataset=[Sample(input="Say yes.", target="e")], scorer=includes())
(log,) = run_eval(task, model=load(), display="none", log_dir="logs")
assert log.status == "success", log.error
done("evaluation")
