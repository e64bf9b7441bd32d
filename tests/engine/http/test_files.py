"""Uploaded files: kept byte for byte, whatever they are called."""

from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError, NotFoundError

from core.engine import disk_store
from core.engine.http.protocol import ApiError
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
    ("rows.jsonl", "assistants", "purpose"),
    ("rows.txt", "evals", "Must be .jsonl"),
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


async def test_files_for_other_purposes_are_kept(client: AsyncOpenAI) -> None:
    file = await client.files.create(file=("notes.md", b"x"), purpose="user_data")
    assert file.purpose == "user_data" and (await client.files.content(file.id)).content == b"x"
    assert [one.id async for one in client.files.list(purpose="user_data")] == [file.id]


async def test_a_file_says_when_it_is_deleted(client: AsyncOpenAI) -> None:
    for seconds in (3600, 2_592_000):
        expiry: Any = {"anchor": "created_at", "seconds": seconds}
        file = await client.files.create(file=("a.jsonl", b"{}\n"), purpose="batch", expires_after=expiry)
        assert file.expires_at == file.created_at + seconds
        assert (await client.files.retrieve(file.id)).expires_at == file.expires_at
    for wrong in ({"seconds": 3599}, {"seconds": 2_592_001}, {"seconds": "soon"}, {"anchor": "last_active_at"}):
        expiry = {"anchor": "created_at", "seconds": 3600, **wrong}
        with pytest.raises(BadRequestError) as refused:
            await client.files.create(file=("a.jsonl", b"{}\n"), purpose="batch", expires_after=expiry)
        assert refused.value.param == f"expires_after.{next(iter(wrong))}"


def test_an_expired_file_is_gone_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = disk_store.FileStore(tmp_path)
    kept = store.add("a.jsonl", "batch", lambda path: path.write_bytes(b"a"))
    short = store.add("b.jsonl", "batch", lambda path: path.write_bytes(b"b"), expires_after=3600)
    later = short["expires_at"] + 1
    monkeypatch.setattr(disk_store, "now", lambda: later)
    assert short["id"] not in store and store.all() == [kept]
    assert [path.name for path in tmp_path.iterdir()] == [kept["id"]]
    with pytest.raises(ApiError, match="No such File"):
        store.path(short["id"])
