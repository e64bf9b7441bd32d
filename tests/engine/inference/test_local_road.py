"""What the rest of the program asks of chat models, asked of the local engine: its form, by the real small model.

Without tools and structured output the engine refused these; the router needed another server, and the rest read prose.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import jsonschema
import pytest

from core import replies
from core.chat import router
from core.chat.router import NO_DOMAIN, Domain
from core.providers import Provider, Sampling
from core.providers.openai_api import OpenAIProvider
from core.replies import response_schemas
from tests.support.engine import BASE, TOKEN, RunningEngine

pytestmark = pytest.mark.anyio
QUESTION = "Zorvale was founded by Mira Quell. It has nine bridges."


@pytest.fixture
async def provider(engine: RunningEngine) -> AsyncIterator[Provider]:
    one = OpenAIProvider("engine", "Engine", engine.url, TOKEN)
    yield one
    await one.close()


SCHEMAS: list[tuple[dict[str, Any], Callable[[str], Any]]] = [
    (response_schemas.MARK_SCHEMA, replies.parse_score),
    (response_schemas.BETTER_SCHEMA, replies.parse_preference),
    (response_schemas.VERDICT_SCHEMA, replies.parse_verdict),
    (response_schemas.PAIRS_SCHEMA, lambda text: replies.parse_pairs(text).pairs),
    (response_schemas.STATEMENTS_SCHEMA, lambda text: json.loads(text)["statements"] is not None),
    (response_schemas.REMADE_SCHEMA, lambda text: json.loads(text)["question"]),
    (response_schemas.LINKS_SCHEMA, lambda text: json.loads(text)["facts"] is not None),
]


# One for generation, one for judges; the others have the same road.
SHORT = SCHEMAS[::4]


@pytest.mark.parametrize(
    ("schema", "parse"),
    [pytest.param(*one, id=one[0]["name"], marks=[] if one in SHORT else [pytest.mark.proof]) for one in SCHEMAS],
)
async def test_judges_and_generation_get_the_form_they_ask_for(
    provider: Provider, schema: dict[str, Any], parse: Callable[[str], Any]
) -> None:
    """Some answers of a small model never end: one of several does. What is cut off begins in the right form, too."""
    asked = provider.chat(
        BASE, [{"role": "user", "content": QUESTION}], Sampling(1.0, max_tokens=250, n=4, seed=3), schema=schema
    )
    texts = (await asked).texts
    assert all(text.startswith('{"') for text in texts)
    whole = [text for text in texts if text.endswith("}") and is_json(text)]
    for text in whole:
        jsonschema.validate(json.loads(text), schema["schema"])
    assert any(parse(text) for text in whole), texts


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


async def test_the_router_gets_a_function_call(provider: Provider) -> None:
    domains = [Domain(name, f"Questions about {name}.", "", "", "", "") for name in ("ferries", "bread")]
    choices = await asyncio.gather(
        *(
            router.choose_by_function_call(provider, BASE, domains, question)
            for question in ("When does the ferry go?", "How is bread made?")
        )
    )
    assert {choice.domain for choice in choices} <= {"ferries", "bread", NO_DOMAIN}
    assert all(choice.reason for choice in choices)


async def test_models_that_must_be_fetched_first_are_not_offered_as_answering(provider: Provider) -> None:
    models = {model.id for model in await provider.models()}
    assert BASE in models and "qwen3-0.6b" not in models
