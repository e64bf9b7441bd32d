"""What all tests share: a project of their own, and no trace of it outside."""

import asyncio
import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest

from core import language, samples
from core.project import Project


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    """Settings, logs and the engine's store of each test lie in its own folder; the screen speaks English."""
    for name in ("CONFIG", "DATA", "LOG", "ENGINE_HOME"):
        monkeypatch.setenv(f"JUKU_{name}", str(tmp_path / name.lower()))
    language.choose("en")


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path / "test.juku")
    yield project
    project.close()


@pytest.fixture
def sample(project):
    """A project with the English sample."""
    asyncio.run(project.write("sample", samples.fill, "hobannu-en"))
    return project
