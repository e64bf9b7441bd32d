"""Lives of the engine with a fault in each: killed at a write, a damaged file, a full disk, too little memory."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openai import APIConnectionError, APIError, AsyncOpenAI

from core.engine.models.catalog import load_catalog
from core.paths import ROOT
from tests.support.engine import BASE, MODELS, TINY, TRAINING_ROWS, RunningEngine, lines, start, tiny_qwen

HYPERPARAMETERS = {"n_epochs": 2, "batch_size": 5}
CANCELLED = "The job was cancelled"
ENDED = ("succeeded", "failed", "cancelled")
# A person gets words, never the name of a Python exception.
RAW = re.compile(r"\b[A-Za-z]*(?:Error|Exception)\b|Traceback|\[Errno")
SERVER = "core.engine"
TRAINING = "core.engine.training.train"


@dataclass
class Life:
    """What was found at the end of a life. `wrong`: what must not be; `seen`: how it ended, in words."""

    fault: str
    seen: str = ""
    wrong: list[str] = field(default_factory=list)


class Engines:
    """Starts engines with a very small model; its folders are gone at the end."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="juku-faults-"))
        hub = load_catalog()[TINY].hub
        assert hub
        self._cache = self.folder / "cache"
        snapshot = self._cache / "hub" / f"models--{hub.repo.replace('/', '--')}" / "snapshots" / hub.revision
        tiny_qwen(MODELS / BASE, snapshot)
        self._number = 0

    def new_home(self) -> Path:
        self._number += 1
        return self.folder / f"home{self._number}"

    def start(self, home: Path, **environment: str) -> RunningEngine:
        return start(home, "--dtype", "float32", HF_HOME=str(self._cache), **environment)

    def start_or_kill(self, home: Path, environment: dict[str, str]) -> RunningEngine | None:
        """The engine; None when it was killed while it started."""
        try:
            return self.start(home, **environment)
        except ValueError:  # no ready message
            return None

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def stop(engine: RunningEngine) -> None:
    """End an engine that may have been killed already."""
    if engine.process.poll() is None:
        engine.stop()
    else:
        for pipe in (engine.process.stdin, engine.process.stdout):
            assert pipe
            try:
                pipe.close()
            except BrokenPipeError:
                continue


async def upload_once(client: AsyncOpenAI, name: str, rows: list[Any]) -> str:
    """The id of the file, uploaded unless it is there already: what a client does that got no answer."""
    async for file in client.files.list():
        if file.filename == name:
            return file.id
    return (await client.files.create(file=(name, lines(rows)), purpose="fine-tune")).id


async def live(client: AsyncOpenAI) -> Any:
    """The whole life: two files, a job with validation, its end, an answer of its model."""
    training = await upload_once(client, "rows.jsonl", TRAINING_ROWS)
    valid = await upload_once(client, "valid.jsonl", TRAINING_ROWS[:2])
    job = await client.fine_tuning.jobs.create(
        model=TINY,
        training_file=training,
        validation_file=valid,
        seed=7,
        metadata={"juku_key": "one"},
        method={"type": "supervised", "supervised": {"hyperparameters": HYPERPARAMETERS}},  # type: ignore[typeddict-item]
    )
    while job.status not in ENDED:
        await asyncio.sleep(0.2)
        job = await client.fine_tuning.jobs.retrieve(job.id)
    if job.fine_tuned_model:
        await ask(client, job.fine_tuned_model)
    return job


async def ask(client: AsyncOpenAI, model: str) -> str:
    """A short answer, or the words of the refusal."""
    try:
        await client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "x"}], max_tokens=2, temperature=0
        )
    except APIConnectionError:
        raise
    except APIError as error:
        return error.message
    return "answers"


class KillMatrix:
    """Kills the engine or the training process at one write of the life, and goes on with a new engine."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    def _environment(self, module: str, number: int, home: Path) -> dict[str, str]:
        place = str(ROOT / "tests" / "support" / "kill_at_write")
        path = os.pathsep.join([place, *filter(None, [os.environ.get("PYTHONPATH")])])
        return {
            "PYTHONPATH": path,
            "KILL_IN": module,
            "KILL_AT": str(number),
            "WRITES": str(home.with_suffix(".writes")),
        }

    def count_writes(self, module: str) -> int:
        """How many writes a life has that nobody disturbs."""
        home = self._engines.new_home()
        asyncio.run(self._run(home, module, 0))
        return int(home.with_suffix(".writes").read_text())

    def kill_at(self, module: str, number: int) -> Life:
        """One life, killed at the write `number` of the process that runs `module`."""
        who = "the engine" if module == SERVER else "the training process"
        found = Life(f"{who} is killed at write {number}")
        home = self._engines.new_home()
        job = asyncio.run(self._run(home, module, number))
        self._check(found, home, job, module)
        shutil.rmtree(home, ignore_errors=True)
        return found

    async def _run(self, home: Path, module: str, number: int) -> Any:
        engine = self._engines.start_or_kill(home, self._environment(module, number, home))
        for _attempt in range(3):
            if engine is not None:
                try:
                    async with engine.client(strict=False) as client:
                        return await live(client)
                except APIConnectionError:
                    engine.process.wait()
                finally:
                    stop(engine)
            engine = self._engines.start(home)
        raise AssertionError("the engine stopped again and again")

    def _check(self, found: Life, home: Path, job: Any, module: str) -> None:
        engine = self._engines.start(home)
        try:
            asyncio.run(self._check_server(found, engine, job))
        finally:
            stop(engine)
        found.seen = f"the job {job.status}" + (f": {job.error.message}" if job.status == "failed" else "")
        if module == SERVER and job.status != "succeeded":
            found.wrong.append(f"the job {job.status}")
        if job.status == "failed" and RAW.search(job.error.message):
            found.wrong.append(f"raw words: {job.error.message}")
        left = [path.name for path in home.rglob("*") if path.name.endswith((".tmp", ".part", ".new"))]
        if left and job.status == "succeeded":
            found.seen += f" (left: {', '.join(sorted(set(left)))})"

    async def _check_server(self, found: Life, engine: RunningEngine, job: Any) -> None:
        async with engine.client(strict=False) as client:
            jobs = [one async for one in client.fine_tuning.jobs.list()]
            if [one.id for one in jobs] != [job.id]:
                found.wrong.append(f"{len(jobs)} jobs instead of one")
            uploads = [one.filename async for one in client.files.list() if one.purpose == "fine-tune"]
            if sorted(uploads) != ["rows.jsonl", "valid.jsonl"]:
                found.wrong.append(f"files: {uploads}")
            results = [one async for one in client.files.list() if one.purpose == "fine-tune-results"]
            if len(results) != (job.status == "succeeded"):
                found.wrong.append(f"{len(results)} result files")
            events = [event async for event in client.fine_tuning.jobs.list_events(job.id)]
            closing = [
                one.message for one in events if "completed" in one.message or "New fine-tuned model" in one.message
            ]
            if len(closing) != len(set(closing)):
                found.wrong.append(f"said twice: {closing}")
            steps = [one.data["step"] for one in events if one.type == "metrics" and isinstance(one.data, dict)]  # type: ignore[index]
            if len(steps) != len(set(steps)):
                found.wrong.append(f"steps: {steps}")
            models = [
                one.id async for one in client.models.list() if one.id.startswith("ft:") and ":ckpt" not in one.id
            ]
            if models != ([job.fine_tuned_model] if job.fine_tuned_model else []):
                found.wrong.append(f"models: {models}")
            for model in models:
                if (answer := await ask(client, model)) != "answers":
                    found.wrong.append(answer)


async def _has_step(client: AsyncOpenAI, job_id: str) -> bool:
    events = [event.type async for event in client.fine_tuning.jobs.list_events(job_id)]
    return "metrics" in events


DAMAGES = {
    "cut in half": lambda data: data[: len(data) // 2],
    "one bit flipped": lambda data: (
        data[: len(data) // 3] + bytes([data[len(data) // 3] ^ 4]) + data[len(data) // 3 + 1 :]
    ),
    "emptied": lambda _data: b"",
    "gone": None,
}


class DamageMatrix:
    """Damages one file of a home that has a finished and a paused job, and starts an engine on it."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self.home = engines.new_home()
        self.model = asyncio.run(self._make())

    async def _make(self) -> str:
        engine = self._engines.start(self.home)
        try:
            async with engine.client(strict=False) as client:
                job = await live(client)
                training = await upload_once(client, "rows.jsonl", TRAINING_ROWS)
                method: Any = {
                    "type": "supervised",
                    "supervised": {"hyperparameters": {"n_epochs": 50, "batch_size": 1}},
                }
                paused = await client.fine_tuning.jobs.create(model=TINY, training_file=training, method=method)
                while not await _has_step(client, paused.id):
                    await asyncio.sleep(0.1)
                await client.fine_tuning.jobs.pause(paused.id)
                return str(job.fine_tuned_model)
        finally:
            stop(engine)

    def kinds(self) -> list[Path]:
        """One file of each kind, relative to the home; of models, those of the finished job's."""
        found: dict[str, Path] = {}
        for path in sorted(self.home.rglob("*")):
            is_other = path.parent.parent.name == "models" and not self._is_of_model(path.parent)
            if path.is_file() and path.name not in ("lock", "engine.json", "README.md") and not is_other:
                relative = path.relative_to(self.home)
                kind = "/".join([relative.parts[0], *(relative.parts[2:] or relative.parts[1:])])
                found.setdefault(re.sub(r"step-\d+", "step-N", kind), relative)
        return list(found.values())

    def _is_of_model(self, folder: Path) -> bool:
        return bool(json.loads((folder / "model.json").read_text("utf-8"))["id"] == self.model)

    def damage(self, relative: Path, how: str) -> Life:
        """One life of an engine on a copy with this file damaged."""
        name = "/".join(["…" if part.startswith(("file-", "ftjob-", "m-")) else part for part in relative.parts])
        found = Life(f"`{name}` {how}")
        home = self._engines.new_home()
        shutil.copytree(self.home, home, symlinks=True)
        change, path = DAMAGES[how], home / relative
        if change is None:
            path.unlink()
        else:
            path.write_bytes(change(path.read_bytes()))
        try:
            engine = self._engines.start(home)
        except (ValueError, BrokenPipeError):
            found.wrong.append("the engine does not start")
            return found
        try:
            asyncio.run(self._look(found, engine))
        finally:
            stop(engine)
            shutil.rmtree(home, ignore_errors=True)
        return found

    async def _look(self, found: Life, engine: RunningEngine) -> None:
        words: list[str] = []
        async with engine.client(strict=False) as client:
            jobs = [one async for one in client.fine_tuning.jobs.list()]
            if len(jobs) != 2:
                found.wrong.append(f"{len(jobs)} of 2 jobs are shown")
            for job in jobs:
                if job.status == "paused":
                    await client.fine_tuning.jobs.resume(job.id)
                    job = await self._end(client, job.id)
                if job.status == "failed":
                    words.append(f"job: {job.error.message}")
                words += [
                    one.message
                    async for one in client.fine_tuning.jobs.list_events(job.id)
                    if one.level == "warn" and one.message != CANCELLED
                ]
            files = [one async for one in client.files.list()]
            words += [str(one.status_details) for one in files if one.status == "error"]
            models = [one.id async for one in client.models.list()]
            named = [one for one in models if one == self.model or one.startswith("damaged:")]
            if not named:
                found.wrong.append("the model is missing from the list")
            for model in named:
                if (answer := await ask(client, model)) != "answers":
                    words.append(f"model: {answer}")
        found.wrong += [f"raw words: {one}" for one in words if RAW.search(one)]
        found.seen = "; ".join(re.sub(r"/\S*juku-faults-\S*?/home\d+", "HOME", one) for one in words) or "no difference"

    @staticmethod
    async def _end(client: AsyncOpenAI, job_id: str) -> Any:
        """Wait until a resumed job has trained a step or ended; cancel it."""
        while True:
            job: Any = await client.fine_tuning.jobs.retrieve(job_id)
            events = [event.message async for event in client.fine_tuning.jobs.list_events(job_id)]
            if job.status in ENDED or any("continues after" in one or "begins again" in one for one in events):
                break
            await asyncio.sleep(0.1)
        return job if job.status in ENDED else await client.fine_tuning.jobs.cancel(job_id)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of this size. Needs root."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill_disk(engines: Engines, megabytes: int) -> Life:
    """A life on a disk that becomes full."""
    found = Life(f"a disk of {megabytes} MB")
    with small_disk(engines.new_home(), megabytes) as home:
        try:
            engine = engines.start(home)
        except (ValueError, BrokenPipeError):
            found.wrong.append("the engine does not start")
            return found
        try:
            asyncio.run(_fill(found, engine))
        finally:
            stop(engine)
    return found


async def _fill(found: Life, engine: RunningEngine) -> None:
    async with engine.client(strict=False) as client:
        try:
            job = await live(client)
        except APIConnectionError:
            found.wrong.append("the connection was reset")
            return
        except APIError as error:
            found.seen = error.message
            job = None
        if job is not None:
            found.seen = f"the job {job.status}" + (f": {job.error.message}" if job.error and job.error.message else "")
        if RAW.search(found.seen):
            found.wrong.append("raw words")
        jobs = [one async for one in client.fine_tuning.jobs.list()]
        if job is None and jobs:
            found.wrong.append("a job that was refused is in the list")
        models = [one.id async for one in client.models.list() if one.id.startswith("ft:") and ":ckpt" not in one.id]
        if models and (job is None or job.status != "succeeded"):
            found.wrong.append(f"a model of no job: {models}")


def limit_memory(engines: Engines, megabytes: int) -> Life:
    """A life in which no process may have more address space than this."""
    found = Life(f"{megabytes} MB of address space a process")
    home = engines.new_home()
    command = ["prlimit", f"--as={megabytes * 1_000_000}", "--pid", str(os.getpid())]
    restore = ["prlimit", "--as=unlimited", "--pid", str(os.getpid())]
    subprocess.run(command, check=True)
    try:
        engine = engines.start(home)
    except (ValueError, BrokenPipeError):
        found.seen = "the engine does not start"
        return found
    finally:
        subprocess.run(restore, check=True)
    try:
        asyncio.run(_fill(found, engine))
    finally:
        stop(engine)
        shutil.rmtree(home, ignore_errors=True)
    return found
