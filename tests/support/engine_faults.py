"""Lives of the engine with a fault in each: killed at a write, a full disk, too little memory."""

import asyncio
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openai import APIConnectionError, APIError, AsyncOpenAI

from core.engine.models.catalog import load_catalog
from core.paths import ROOT
from tests.support.engine import BASE, MODELS, TINY, TRAINING_ROWS, RunningEngine, lines, start, tiny_qwen

HYPERPARAMETERS = {"n_epochs": 2, "batch_size": 5}
ENDED = ("succeeded", "failed", "cancelled")
# A person gets words, never the name of a Python exception.
RAW = re.compile(r"\b[A-Z][A-Za-z]+(?:Error|Exception)\b|Traceback|\[Errno|0x[0-9a-f]{6}")
SERVER = "core.engine"
TRAINING = "core.engine.training.train"
EXPORT = "core.engine.export.run"
NAMES = {SERVER: "the engine", TRAINING: "the training process", EXPORT: "the export's process"}


@dataclass
class Life:
    """What was found at the end of a life. `wrong`: what must not be; `seen`: how it ended, in words."""

    fault: str
    seen: str = ""
    wrong: list[str] = field(default_factory=list)

    def check_words(self, *words: str) -> None:
        """A name of a Python exception is wrong."""
        self.wrong += [f"raw words: {one}" for one in words if RAW.search(one)]


class Engines:
    """Starts engines with a very small model; its folders are gone at the end."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="juku-faults-"))
        hub = load_catalog()[TINY].hub
        assert hub
        self.cache = self.folder / "cache"
        self.base = self.cache / "hub" / f"models--{hub.repo.replace('/', '--')}" / "snapshots" / hub.revision
        tiny_qwen(MODELS / BASE, self.base)
        self._number = 0

    def new_home(self) -> Path:
        self._number += 1
        return self.folder / f"home{self._number}"

    def start(self, home: Path, prefix: Sequence[str] = (), **environment: str) -> RunningEngine:
        """An engine; what it writes to standard error lies beside its home. `prefix`: begins the command.

        Raises ValueError when it does not start.
        """
        with self.stderr(home).open("ab") as file:
            variables = {"HF_HOME": str(self.cache), **environment}
            return start(home, "--dtype", "float32", stderr=file, prefix=prefix, **variables)

    def stderr(self, home: Path) -> Path:
        """The file with the standard error of the engines of this home."""
        return self.folder / f"{home.name}.stderr"

    def start_or_kill(self, home: Path, environment: dict[str, str]) -> RunningEngine | None:
        """The engine; None when it was killed while it started."""
        try:
            return self.start(home, **environment)
        except ValueError:  # no ready message
            return None

    def in_words(self, text: str) -> str:
        """The text without this computer's folders and this life's ids."""
        text = re.sub(rf"{re.escape(str(self.folder))}/home\d+", "HOME", text)
        text = text.replace(str(self.base), "BASE").replace(str(self.folder), "FOLDER")
        return re.sub(r"\b(file-|ftjob-|m-|batch_|export-|ftckpt_)\w+", r"\1…", text)

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


async def live(client: AsyncOpenAI, asks: bool = True, **hyperparameters: int) -> Any:
    """The whole life: two files, a job with validation, its end, an answer of its model."""
    training = await upload_once(client, "rows.jsonl", TRAINING_ROWS)
    valid = await upload_once(client, "valid.jsonl", TRAINING_ROWS[:2])
    wanted: Any = {"hyperparameters": {**HYPERPARAMETERS, **hyperparameters}}
    job = await client.fine_tuning.jobs.create(
        model=TINY,
        training_file=training,
        validation_file=valid,
        seed=7,
        metadata={"juku_key": "one"},
        method={"type": "supervised", "supervised": wanted},
    )
    while job.status not in ENDED:
        await asyncio.sleep(0.2)
        job = await client.fine_tuning.jobs.retrieve(job.id)
    if job.fine_tuned_model and asks:
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
        return words_of(error)
    return "answers"


def words_of(error: APIError) -> str:
    """The server's own words; the package puts the status before them where it does not expect JSON."""
    return re.sub(r"^Error code: \d+ - ", "", error.message)


async def export(client: AsyncOpenAI, model: str, formats: list[str]) -> dict[str, Any]:
    """The export of a model, at its end."""
    body = {"model": model, "formats": formats}
    found: Any = await client.post("/exports", body=body, cast_to=object)
    while found["status"] not in ENDED:
        await asyncio.sleep(0.2)
        found = await client.get(f"/exports/{found['id']}", cast_to=object)
    return dict(found)


def killing_environment(module: str, number: int, home: Path) -> dict[str, str]:
    """The environment of an engine in which the process that runs `module` is killed at its write `number`; 0: never."""
    place = str(ROOT / "tests" / "support" / "kill_at_write")
    path = os.pathsep.join([place, *filter(None, [os.environ.get("PYTHONPATH")])])
    writes = str(home.parent / f"{home.name}.writes")
    return {"PYTHONPATH": path, "KILL_IN": module, "KILL_AT": str(number), "WRITES": writes}


class KillMatrix:
    """Kills the engine or the training process at one write of the life, and goes on with a new engine.

    `asks`: of every so many lives, one asks the model that was made; the others compare its files with their digests.
    """

    def __init__(self, engines: Engines, asks: int = 10) -> None:
        self._engines, self._asks = engines, asks

    def count_writes(self, module: str) -> int:
        """How many writes a life has that nobody disturbs."""
        home = self._engines.new_home()
        asyncio.run(self._run(home, module, 0))
        return int((home.parent / f"{home.name}.writes").read_text())

    def kill_at(self, module: str, number: int) -> Life:
        """One life, killed at the write `number` of the process that runs `module`."""
        found = Life(f"{NAMES[module]} is killed at write {number}")
        home = self._engines.new_home()
        job = asyncio.run(self._run(home, module, number))
        self._check(found, home, job, module, number)
        shutil.rmtree(home, ignore_errors=True)
        return found

    async def _run(self, home: Path, module: str, number: int) -> Any:
        engine = self._engines.start_or_kill(home, killing_environment(module, number, home))
        for _attempt in range(3):
            if engine is not None:
                try:
                    async with engine.client(strict=False) as client:
                        return await live(client, asks=number == 0)
                except APIConnectionError:
                    engine.process.wait()
                finally:
                    stop(engine)
            engine = self._engines.start(home)
        raise AssertionError("the engine stopped again and again")

    def _check(self, found: Life, home: Path, job: Any, module: str, number: int) -> None:
        engine = self._engines.start(home)
        try:
            asyncio.run(self._check_server(found, engine, job, number % self._asks == 0))
        finally:
            stop(engine)
        found.seen = f"the job {job.status}" + (f": {job.error.message}" if job.status == "failed" else "")
        found.seen = self._engines.in_words(found.seen)
        if module == SERVER and job.status != "succeeded":
            found.wrong.append(f"the job {job.status}")
        if job.status == "failed":
            found.check_words(job.error.message)
        left = [path.name for path in home.rglob("*") if path.name.endswith((".tmp", ".part", ".new"))]
        if left and job.status == "succeeded":
            found.seen += f" (left: {', '.join(sorted(set(left)))})"

    async def _check_server(self, found: Life, engine: RunningEngine, job: Any, asks: bool) -> None:
        async with engine.client(strict=False) as client:
            await check_job(found, client, job)
            models = [
                one.id async for one in client.models.list() if one.id.startswith("ft:") and ":ckpt" not in one.id
            ]
            if models != ([job.fine_tuned_model] if job.fine_tuned_model else []):
                found.wrong.append(f"models: {models}")
            for model in models:
                if asks and (answer := await ask(client, model)) != "answers":
                    found.wrong.append(answer)
        found.wrong += check_model_files(engine.home)


async def check_job(found: Life, client: AsyncOpenAI, job: Any) -> None:
    """One job, no file twice, a result only of a job that succeeded, every event once."""
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
    closing = [one.message for one in events if "completed" in one.message or "New fine-tuned model" in one.message]
    if len(closing) != len(set(closing)):
        found.wrong.append(f"said twice: {closing}")
    steps = [one.data["step"] for one in events if one.type == "metrics" and isinstance(one.data, dict)]  # type: ignore[index]
    if len(steps) != len(set(steps)):
        found.wrong.append(f"steps: {steps}")


def check_model_files(home: Path) -> list[str]:
    """What is wrong with the models on the disk: each must have the files that its record says."""
    from core.engine.damaged_records import DamagedAdapterError, check_adapter

    wrong = []
    for record in (home / "models").glob("*/model.json"):
        try:
            check_adapter(record.parent)
        except DamagedAdapterError as error:
            wrong.append(str(error))
    return wrong


class ExportKills:
    """Kills the process that writes an export at one of its writes; the home has a finished model already."""

    FORMATS = ("adapter", "merged", "gguf-q8_0")

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._home = engines.new_home()
        self._model = asyncio.run(self._make())

    async def _make(self) -> str:
        engine = self._engines.start(self._home)
        try:
            async with engine.client(strict=False) as client:
                return str((await live(client, asks=False)).fine_tuned_model)
        finally:
            stop(engine)

    def count_writes(self) -> int:
        """How many writes an export has that nobody disturbs."""
        home = self._engines.new_home()
        shutil.copytree(self._home, home)
        assert asyncio.run(self._run(home, 0))["status"] == "succeeded"
        return int((home.parent / f"{home.name}.writes").read_text())

    def kill_at(self, number: int) -> Life:
        """One life, killed at the write `number` of the export's process."""
        found = Life(f"{NAMES[EXPORT]} is killed at write {number}")
        home = self._engines.new_home()
        shutil.copytree(self._home, home)
        one = asyncio.run(self._run(home, number))
        found.seen = self._engines.in_words(f"the export {one['status']}: {(one['error'] or {}).get('message', '')}")
        found.check_words(found.seen)
        left = sorted(path.name for path in (home / "exports" / one["id"]).iterdir())
        if (
            one["status"] != "failed"
            or one["files"]
            or not set(left) <= {"export.json", "export.log", "plan.json", "owner"}
        ):
            found.wrong.append(f"{one['status']}, with {left}")
        shutil.rmtree(home, ignore_errors=True)
        return found

    async def _run(self, home: Path, number: int) -> dict[str, Any]:
        engine = self._engines.start(home, **killing_environment(EXPORT, number, home))
        try:
            async with engine.client(strict=False) as client:
                return await export(client, self._model, list(self.FORMATS))
        finally:
            stop(engine)


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
    """A life on a disk that becomes full: the adapter is as large as it can be. Then another engine on the same disk."""
    found = Life(f"a disk of {megabytes} MB")
    with small_disk(engines.new_home(), megabytes) as home:
        _live_with_little(found, engines, home, lora_rank=256)
        if not found.wrong:
            with_more = Life("")
            _start_again(with_more, engines, home)
            found.wrong += with_more.wrong
    return found


def _start_again(found: Life, engines: Engines, home: Path) -> None:
    """Another engine on a full disk must start, so that a person can delete something."""
    with (home / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 4096)
    _use(found, engines, home, _delete_everything, "another engine does not start on the full disk")


def _use(
    found: Life,
    engines: Engines,
    home: Path,
    work: Callable[[RunningEngine], Coroutine[Any, Any, None]],
    unstarted: str,
) -> None:
    """Work with an engine on this home; `unstarted` is what is wrong when it does not start."""
    try:
        engine = engines.start(home)
    except (ValueError, BrokenPipeError):
        found.wrong.append(unstarted)
        return
    try:
        asyncio.run(work(engine))
    finally:
        stop(engine)


async def _delete_everything(engine: RunningEngine) -> None:
    async with engine.client(strict=False) as client:
        async for model in client.models.list():
            if model.id.startswith("ft:"):
                await client.models.delete(model.id)
        async for file in client.files.list():
            await client.files.delete(file.id)


def _live_with_little(found: Life, engines: Engines, home: Path, **hyperparameters: int) -> None:
    _use(
        found, engines, home, lambda engine: _fill(found, engines, engine, hyperparameters), "the engine does not start"
    )


async def _fill(found: Life, engines: Engines, engine: RunningEngine, hyperparameters: dict[str, int]) -> None:
    async with engine.client(strict=False) as client:
        try:
            job = await live(client, asks=False, **hyperparameters)
        except APIConnectionError:
            found.wrong.append("the connection was reset")
            return
        except APIError as error:
            found.seen = error.message
            job = None
        if job is not None:
            found.seen = f"the job {job.status}" + (f": {job.error.message}" if job.error and job.error.message else "")
            if job.fine_tuned_model:
                found.seen += f"; its model: {await ask(client, job.fine_tuned_model)}"
        found.check_words(found.seen)
        found.seen = engines.in_words(found.seen)
        jobs = [one async for one in client.fine_tuning.jobs.list()]
        if job is None and jobs:
            found.wrong.append("a job that was refused is in the list")
        models = [one.id async for one in client.models.list() if one.id.startswith("ft:") and ":ckpt" not in one.id]
        if models and (job is None or job.status != "succeeded"):
            found.wrong.append(f"a model of no job: {models}")
    found.wrong += check_model_files(engine.home)


def limit_memory(engines: Engines, megabytes: int) -> Life:
    """A life in which no process may have more address space than this."""
    found = Life(f"{megabytes} MB of address space a process")
    home = engines.new_home()
    try:
        engine = engines.start(home, prefix=["prlimit", f"--as={megabytes * 1_000_000}"])
    except (ValueError, BrokenPipeError):
        found.seen = "the engine does not start"
        return found
    try:
        asyncio.run(_fill(found, engines, engine, {}))
    finally:
        stop(engine)
        shutil.rmtree(home, ignore_errors=True)
    return found
