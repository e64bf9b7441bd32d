"""What the tests of file formats share."""

from pathlib import Path

import pytest


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a file of rows is to be written."""
    return tmp_path / "rows.jsonl"
