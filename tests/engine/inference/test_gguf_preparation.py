"""Making the file that llama.cpp answers from takes minutes for a large model: how far it is, is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI

from core.engine.inference import gguf_files
from core.engine.inference.gguf_files import GgufFiles
from core.engine.inference.model_source import ModelSource
from core.engine.models.catalog import load_catalog

pytestmark = pytest.mark.anyio


@pytest.fixture
def source(tiny: str, tiny_folder: Path) -> ModelSource:
    return ModelSource(tiny, load_catalog()[tiny], tiny_folder, None)


def test_its_progress_is_told_and_it_is_made_once(source: ModelSource, tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    files = GgufFiles(tmp_path, lambda model, progress: told.append((model, progress)))
    made = files.base(source)
    shares = [share for _model, share in told]
    assert {model for model, _share in told} == {source.id}
    assert shares == sorted(shares) and shares[0] < shares[-2] == 0.99 and shares[-1] == 1.0
    assert files.base(source) == made and len(told) == len(shares)


def test_one_that_fails_is_no_longer_made(source: ModelSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail_after_one(*_arguments: object) -> Iterator[int]:
        yield 1
        raise OSError("No space left on device")

    told: list[float] = []
    monkeypatch.setattr(gguf_files, "write_gguf_model", fail_after_one)
    with pytest.raises(OSError, match="No space"):
        GgufFiles(tmp_path, lambda _model, progress: told.append(progress)).base(source)
    assert len(told) == 2 and told[-1] == 1.0


async def test_the_catalog_has_it_for_each_model(client: AsyncOpenAI) -> None:
    found = await client.get("/catalog", cast_to=object)
    assert isinstance(found, dict)
    assert {entry["answering_progress"] for entry in found["data"]} == {None}
