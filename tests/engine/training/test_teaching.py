"""Teaching until learned with the real engine: real jobs and answers of a very small model, which learns nothing."""

from contextlib import closing
from pathlib import Path

import pytest

from core.exam import runs, scores
from core.progress import Reporter
from core.providers import Provider
from core.providers.openai_api import OpenAIProvider
from core.providers.server_presets import preset
from core.storage.project import Project
from core.teaching import loop, report
from core.teaching.records import TeachingPlan, TeachingStatus
from core.teaching.stopping import StopReason
from core.training import jobs
from tests.support import learning_server
from tests.support.engine import TOKEN, RunningEngine

pytestmark = pytest.mark.anyio


async def test_a_round_that_teaches_nothing_says_so(tmp_path: Path, engine: RunningEngine, tiny: str) -> None:
    provider = OpenAIProvider("engine", "Engine", engine.url, TOKEN)
    provider.poll_seconds, provider.preset = 0.2, preset("local")

    async def connect(_id: str) -> Provider:
        return provider

    # The kept questions are the validation file: early stopping watches them, never the exam.
    hyperparameters = {"n_epochs": 2, "batch_size": 16, "early_stopping_patience": 1}
    plan = TeachingPlan("engine", tiny, 60.0, rounds=1, general=False, hyperparameters=hyperparameters)
    with closing(Project(tmp_path / "gates.juku")) as project:
        await project.write("fill", learning_server.fill)
        id = await loop.begin(project, plan, Reporter())
        run = await loop.resume(project, connect, id, Reporter())
        assert (run.status, run.reason) == (TeachingStatus.ENDED, StopReason.MAX_ROUNDS)
        assert [one.number for one in run.results] == [0, 1] and not any(one.learned for one in run.results)
        assert [job.status for job in jobs.load_all(project.rows)] == ["succeeded"]
        assert all(job.validation_file for job in jobs.load_all(project.rows))
        assert run.exam is not None
        result = scores.load_result(project.rows, runs.load(project.rows, run.exam))
        assert [total.held.asked for total in result.totals] == [10, 10]
        told = " ".join(report.build_sentences(report.load(project.rows, run)))
        assert "Round 1 (questions by rules) taught none of its facts." in told
    await provider.close()
