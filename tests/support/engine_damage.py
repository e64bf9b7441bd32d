"""Lives of the engine with a damaged file in each: cut, a bit flipped, emptied, gone."""

import asyncio
import json
import re
import shutil
from pathlib import Path
from typing import Any

from openai import APIError, AsyncOpenAI

from tests.support.engine import TINY, TRAINING_ROWS, RunningEngine, lines
from tests.support.engine_faults import ENDED, Engines, Life, ask, export, live, stop, upload_once, words_of

CANCELLED = "The job was cancelled"
DAMAGES = {
    "cut in half": lambda data: data[: len(data) // 2],
    "one bit flipped": lambda data: (
        data[: len(data) // 3] + bytes([data[len(data) // 3] ^ 4]) + data[len(data) // 3 + 1 :]
    ),
    "emptied": lambda _data: b"",
    "gone": None,
}
NEVER_READ = ("lock", "engine.json", "README.md", "filler", "train.log", "export.log", "models.log", "estimates.log")
BASE_FOLDER = "base model"
# Of these, nothing of the truth can be guessed: the engine does not start, and says which file it is.
MAY_NOT_START = ("users.json", "team.toml")


class DamageMatrix:
    """Damages one file of a home with a finished and a paused job, an export, a batch and users, and starts an engine."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self.home = engines.new_home()
        self.model = asyncio.run(self._make())
        self._write_settings()

    async def _make(self) -> str:
        engine = self._engines.start(self.home)
        try:
            async with engine.client(strict=False) as client:
                model = str((await live(client)).fine_tuned_model)
                await export(client, model, ["adapter"])
                await self._batch(client, model)
                await self._pause(client)
                return model
        finally:
            stop(engine)

    @staticmethod
    async def _batch(client: AsyncOpenAI, model: str) -> None:
        body = {"model": model, "messages": [{"role": "user", "content": "x"}], "max_tokens": 1, "temperature": 0}
        request = {"custom_id": "one", "method": "POST", "url": "/v1/chat/completions", "body": body}
        file = await client.files.create(file=("batch.jsonl", lines([request])), purpose="batch")
        batch = await client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
        while batch.status != "completed":
            await asyncio.sleep(0.1)
            batch = await client.batches.retrieve(batch.id)

    @staticmethod
    async def _pause(client: AsyncOpenAI) -> None:
        """A job that was paused after some steps."""
        training = await upload_once(client, "rows.jsonl", TRAINING_ROWS)
        method: Any = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 50, "batch_size": 1}}}
        paused = await client.fine_tuning.jobs.create(model=TINY, training_file=training, method=method)
        while not await _has_step(client, paused.id):
            await asyncio.sleep(0.1)
        await client.fine_tuning.jobs.pause(paused.id)

    def _write_settings(self) -> None:
        """Users, settings, and a model of the person's own."""
        from dataclasses import asdict

        from core.engine.models.inspect_model import inspect_folder
        from core.engine.team.users import UserStore

        UserStore(self.home).add("ann")
        (self.home / "team.toml").write_text("[limits]\njobs_at_once = 3\n")
        (self.home / "models.json").write_text(json.dumps([asdict(inspect_folder(self._engines.base))]))

    def kinds(self) -> list[tuple[str, Path]]:
        """One file of each kind, with its name for a person; of models, those of the finished job's."""
        found: dict[str, Path] = {}
        for path in sorted(self.home.rglob("*")):
            is_other = path.parent.parent.name == "models" and not self._is_of_model(path.parent)
            if path.is_file() and path.name not in NEVER_READ and path.suffix != ".lock" and not is_other:
                relative = path.relative_to(self.home)
                found.setdefault(self._name(relative), path)
        for path in sorted(self._engines.base.iterdir()):
            found[f"{BASE_FOLDER}/{path.name}"] = path
        return list(found.items())

    def _name(self, relative: Path) -> str:
        """The path without ids; jobs are told apart by how they ended."""
        parts = list(relative.parts)
        if len(parts) > 2:
            status = ""
            if parts[0] == "jobs":
                job = json.loads((self.home / "jobs" / parts[1] / "job.json").read_text("utf-8"))
                status = f" ({job['status']})"
            parts[1] = f"…{status}"
        return re.sub(r"step-\d+", "step-N", "/".join(parts))

    def _is_of_model(self, folder: Path) -> bool:
        return bool(json.loads((folder / "model.json").read_text("utf-8"))["id"] == self.model)

    def damage(self, name: str, path: Path, how: str) -> Life:
        """One life of an engine on a copy with this file damaged."""
        found = Life(f"`{name}` {how}")
        home = self._engines.new_home()
        shutil.copytree(self.home, home, symlinks=True)
        is_base = name.startswith(BASE_FOLDER)
        target = path if is_base else home / path.relative_to(self.home)
        whole = path.read_bytes()
        try:
            _damage(target, how)
            self._live(found, home, name)
        finally:
            if is_base:
                path.write_bytes(whole)
            shutil.rmtree(home, ignore_errors=True)
        return found

    def _live(self, found: Life, home: Path, name: str) -> None:
        try:
            engine = self._engines.start(home)
        except (ValueError, BrokenPipeError):
            self._check_refusal(found, home, name)
            return
        try:
            asyncio.run(self._look(found, engine, name))
        finally:
            stop(engine)

    def _check_refusal(self, found: Life, home: Path, name: str) -> None:
        """An engine that does not start says which file it is."""
        words = self._engines.stderr(home).read_text("utf-8", "replace").strip()
        found.seen = self._engines.in_words(words.splitlines()[-1] if words else "")
        found.seen = f"the engine does not start: {found.seen}"
        found.check_words(words)
        if name not in MAY_NOT_START or name not in found.seen:
            found.wrong.append("the engine does not start")

    async def _look(self, found: Life, engine: RunningEngine, name: str) -> None:
        words: list[str] = []
        async with engine.client(strict=False) as client:
            words += await self._look_at_jobs(found, client, name)
            files = [one async for one in client.files.list()]
            words += [f"file: {one.status_details}" for one in files if one.status == "error"]
            batches = [one async for one in client.batches.list()]
            words += [
                f"batch: {batch.errors.data[0].message}" for batch in batches if batch.errors and batch.errors.data
            ]
            exports: Any = await client.get("/exports", cast_to=object)
            words += [f"export: {one['error']['message']}" for one in exports["data"] if one["error"]]
            counts = [len(batches), len(exports["data"])]
            if counts != [1, 1] and not found.fault.endswith("json` gone"):
                found.wrong.append(f"{counts} batches and exports instead of one of each")
            words += await self._look_at_export(client, exports["data"])
            words += await self._look_at_model(found, client, name)
            words += await self._look_at_files(client, files)
        found.check_words(*words)
        found.seen = "; ".join(dict.fromkeys(self._engines.in_words(one) for one in words)) or "no difference"

    async def _look_at_jobs(self, found: Life, client: AsyncOpenAI, name: str) -> list[str]:
        words: list[str] = []
        jobs = [one async for one in client.fine_tuning.jobs.list()]
        if len(jobs) != 2 and not name.endswith("job.json"):
            found.wrong.append(f"{len(jobs)} of 2 jobs are shown")
        for job in jobs:
            if job.status == "paused" and name.startswith(("jobs/… (paused)", BASE_FOLDER)):
                await client.fine_tuning.jobs.resume(job.id)
                job = await _end(client, job.id)
            if job.status == "failed":
                words.append(f"job: {job.error.message}")
            events = [one async for one in client.fine_tuning.jobs.list_events(job.id)]
            words += [one.message for one in events if one.level == "warn" and one.message != CANCELLED]
        return words

    async def _look_at_model(self, found: Life, client: AsyncOpenAI, name: str) -> list[str]:
        models = [one.id async for one in client.models.list()]
        named = [one for one in models if one == self.model or one.startswith("damaged:")]
        if not named and not name.startswith(("models/", BASE_FOLDER)):
            found.wrong.append("the model is missing from the list")
        asked = named if name.startswith(("models", BASE_FOLDER)) else []
        return [f"model: {answer}" for model in asked if (answer := await ask(client, model)) != "answers"]

    @staticmethod
    async def _look_at_export(client: AsyncOpenAI, exports: list[Any]) -> list[str]:
        """What is said of an export's files, and when its card is written again."""
        words = []
        for one in exports:
            paths = [f"/exports/{one['id']}/files/{file['path']}" for file in one["files"]]
            for path in paths:
                try:
                    await client.get(path, cast_to=object)
                except APIError as error:
                    words.append(f"export: {words_of(error)}")
            if paths:
                try:
                    await client.post(f"/exports/{one['id']}/card", body={"data": "x"}, cast_to=object)
                except APIError as error:
                    words.append(f"card: {words_of(error)}")
        return words

    @staticmethod
    async def _look_at_files(client: AsyncOpenAI, files: list[Any]) -> list[str]:
        """What is said of a file whose bytes are gone."""
        words = []
        for one in files:
            try:
                await client.files.content(one.id)
            except APIError as error:
                words.append(f"content: {words_of(error)}")
        return words


def _damage(path: Path, how: str) -> None:
    change = DAMAGES[how]
    if change is None:
        path.unlink()
    else:
        path.write_bytes(change(path.read_bytes()))


async def _has_step(client: AsyncOpenAI, job_id: str) -> bool:
    events = [event.type async for event in client.fine_tuning.jobs.list_events(job_id)]
    return "metrics" in events


async def _end(client: AsyncOpenAI, job_id: str) -> Any:
    """Wait until a resumed job has trained a step or ended; cancel it."""
    while True:
        job: Any = await client.fine_tuning.jobs.retrieve(job_id)
        events = [event.message async for event in client.fine_tuning.jobs.list_events(job_id)]
        if job.status in ENDED or any("continues after" in one or "begins again" in one for one in events):
            break
        await asyncio.sleep(0.1)
    return job if job.status in ENDED else await client.fine_tuning.jobs.cancel(job_id)
