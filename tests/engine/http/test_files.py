"""Uploaded files: kept byte for byte, whatever they are called."""

from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError, NotFoundError

from tests.support.engine import upload

pytestmark = pytest.mark.anyio


async def test_a_file_comes_back_byte_for_byte(client: AsyncOpenAI) -> None:
    data = b'\xef\xbb\xbf{"messages": []}\r\n\x00\xff' + "塾".encode("cp932") * 3
    file = await client.files.create(file=("rows.jsonl", data), purpose="fine-tune")
    assert file.bytes == len(data) and file.status == "processed" and file.purpose == "fine-tune"
    assert (await client.files.retrieve(file.id)) == file
    assert (await client.files.content(file.id)).content == data
    assert (await client.files.delete(file.id)).deleted
    with pytest.raises(NotFoundError):
        await client.files.content(file.id)


NAMES = [
    "../../evil.jsonl",
    "/etc/evil.jsonl",
    "C:\\evil.jsonl",
    "塾 🐍.jsonl",
    ".jsonl",
    "a" * 2000 + ".jsonl",
    "CON.JSONL",
]


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_is_only_a_name(client: AsyncOpenAI, name: str) -> None:
    file = await client.files.create(file=(name, b"{}\n"), purpose="fine-tune")
    assert file.filename == name.removeprefix("C:\\")  # the parser of the form takes this for a path
    assert (await client.files.content(file.id)).content == b"{}\n"


REFUSED: list[tuple[str, str, str]] = [
    ("rows.txt", "fine-tune", "Must be .jsonl"),
    ("rows.jsonl", "vision", "purpose"),
]


@pytest.mark.parametrize(("name", "purpose", "words"), REFUSED)
async def test_other_files_are_refused(client: AsyncOpenAI, name: str, purpose: Any, words: str) -> None:
    with pytest.raises(BadRequestError, match=words):
        await client.files.create(file=(name, b"{}\n"), purpose=purpose)


async def test_files_are_listed_newest_first_page_by_page(client: AsyncOpenAI) -> None:
    made = [await upload(client, [n], f"{n}.jsonl") for n in range(5)]
    found = [file.id async for file in client.files.list(limit=2)]
    assert found[:5] == made[::-1] and len(found) == len(set(found))
    assert [file.id async for file in client.files.list(limit=3, order="asc")] == found[::-1]
    page = await client.files.list(limit=2)
    assert page.has_more
    with pytest.raises(BadRequestError, match="after"):
        await client.files.list(after="file-unknown")
    with pytest.raises(BadRequestError, match="limit"):
        await client.files.list(limit=0)
