"""Embeddings: vectors of length 1, the same alone and among others, refused where they cannot be as requested."""

import base64
import struct
from typing import Any

import numpy as np
import pytest
from openai import APIStatusError, AsyncOpenAI

from tests.support.engine import BASE, RunningEngine

pytestmark = pytest.mark.anyio
TEXTS = [
    "The cat sleeps on the warm roof.",
    "A cat is asleep on a roof.",
    "Interest rates rose by two percent.",
    "塾 🐍",
]


async def embed(client: AsyncOpenAI, **requested: Any) -> Any:
    return await client.post("/embeddings", body={"model": BASE, **requested}, cast_to=object)


async def test_a_text_has_the_same_vector_alone_and_among_others(client: AsyncOpenAI, base: Any) -> None:
    together = await client.embeddings.create(model=BASE, input=[*TEXTS, "word " * 99], encoding_format="float")
    assert together.model == BASE and [one.index for one in together.data] == [0, 1, 2, 3, 4]
    vectors = np.array([one.embedding for one in together.data])
    assert vectors.shape == (5, 576) and np.linalg.norm(vectors, axis=1) == pytest.approx(1)
    alone = await client.embeddings.create(model=BASE, input=TEXTS[0], encoding_format="float")
    assert alone.data[0].embedding == pytest.approx(vectors[0], abs=1e-4)
    assert alone.usage.prompt_tokens == alone.usage.total_tokens < together.usage.total_tokens
    near, far = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
    assert near > far


async def test_base64_holds_the_same_numbers(engine: RunningEngine, client: AsyncOpenAI, base: Any) -> None:
    plain = (await embed(client, input=TEXTS[3]))["data"][0]["embedding"]
    text = (await embed(client, input=[TEXTS[3]], encoding_format="base64", dimensions=576))["data"][0]["embedding"]
    assert struct.unpack("<576f", base64.b64decode(text)) == pytest.approx(plain, abs=1e-6)
    async with engine.client(strict=False) as usual:  # asks for base64, which its own types do not know
        assert (await usual.embeddings.create(model=BASE, input=TEXTS[3])).data[0].embedding == pytest.approx(plain)


async def test_token_ids_stand_for_their_text_and_vectors_are_shortened(client: AsyncOpenAI, base: Any) -> None:
    from tokenizers import Tokenizer

    ids = Tokenizer.from_file(str(base / "tokenizer.json")).encode(TEXTS[0], add_special_tokens=False).ids
    plain = (await embed(client, input=TEXTS[0]))["data"][0]["embedding"]
    for given in (ids, [ids, TEXTS[1]]):
        assert (await embed(client, input=given))["data"][0]["embedding"] == pytest.approx(plain, abs=1e-4)
    short = (await embed(client, input=TEXTS[0], dimensions=64))["data"][0]["embedding"]
    first = np.array(plain[:64])
    assert len(short) == 64 and short == pytest.approx(first / np.linalg.norm(first), abs=1e-4)


REFUSED: list[tuple[dict[str, Any], str, int]] = [
    ({"input": None}, "input", 400),
    ({"input": ""}, "input", 400),
    ({"input": []}, "input", 400),
    ({"input": ["a", ""]}, "input", 400),
    ({"input": ["a", 1]}, "input", 400),
    ({"input": [1, -2]}, "input", 400),
    ({"input": [1, True]}, "input", 400),
    ({"input": [[1], [99999]]}, "input", 400),
    ({"input": [[1], []]}, "input", 400),
    ({"input": ["a"] * 2049}, "input", 400),
    ({"input": "word " * 9000}, "input", 400),
    ({"input": ["word " * 8000] * 38}, "input", 400),
    ({"dimensions": 577}, "dimensions", 400),
    ({"dimensions": 0}, "dimensions", 400),
    ({"encoding_format": "hex"}, "encoding_format", 400),
    ({"surprise": 1}, "surprise", 400),
    ({"model": "text-embedding-3-small"}, "model", 404),
]


@pytest.mark.parametrize(("change", "param", "status"), REFUSED)
async def test_wrong_parameters_are_named(
    client: AsyncOpenAI, base: Any, change: dict[str, Any], param: str, status: int
) -> None:
    with pytest.raises(APIStatusError) as error:
        await embed(client, **{"input": "x", **change})
    assert error.value.status_code == status and error.value.param == param  # type: ignore[attr-defined]
