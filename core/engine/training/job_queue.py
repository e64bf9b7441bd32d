"""The queue: takes each fine-tuning job from its creation to its end, one training at a time."""

import asyncio
import json
import logging
import shutil
import time
from asyncio.subprocess import Process
from dataclasses import asdict, dataclass
from pathlib import Path

from core.engine import child_lifetime
from core.engine.disk_store import UNFINISHED, Store, write_json
from core.engine.http.protocol import ApiError, Json, bad_request, model_not_found, new_id, now
from core.engine.models.catalog import Catalog, Entry, entries
from core.engine.private_files import sync_file
from core.engine.training import job_records, validate_rows
from core.engine.training.train import Plan

CHECKPOINTS = 3
EVENTS = 500
PREPARED = 0.05  # of the preparation of a base model: then the next event tells how far it is
PAUSE_SECONDS = 600.0  # after that a step is given up, and a resumed job does it again

log = logging.getLogger(__name__)


class JobError(Exception):
    """The job ends here; `code`, words and parameter go into its error."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code, self.param = code, param


@dataclass
class Progress:
    """Where a running job stands. `began`: event loop's time at step `first`; `last`: the newest noted step."""

    began: float
    first: int
    last: int
    tokens: int


class Queue:
    """Runs jobs. Everything here happens on the event loop; training in a child process."""

    def __init__(self, store: Store, catalog: Catalog, dtype: str) -> None:
        self._store, self._catalog, self._dtype = store, catalog, dtype
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turn = asyncio.Lock()
        self._progress: dict[str, Progress] = {}
        self._children: dict[str, Process] = {}

    def take_up(self) -> None:
        """Take up again, oldest first, what an earlier engine left unfinished."""
        for job in reversed(self._store.jobs.all()):
            if job["status"] in UNFINISHED:
                self._follow(job["id"])
            elif job["status"] == "paused":
                self._adopt_checkpoints(job["id"])

    def create(self, asked: Json) -> Json:
        """A new job for checked parameters; the protocol's job object."""
        job = job_records.job(asked)
        self._store.jobs.add(job)
        self._store.jobs.add_event(job["id"], f"Created fine-tuning job: {job['id']}")
        self._follow(job["id"])
        return job

    async def cancel(self, job_id: str) -> Json:
        """End a job that has not ended; 400 when it has."""
        job = self._store.jobs.get(job_id)
        if job["status"] not in (*UNFINISHED, "paused"):
            raise bad_request(f"Job has already completed: {job_id}", code="invalid_request_error")
        job = self._store.jobs.update(job_id, status="cancelled", finished_at=now(), estimated_finish=None)
        self._store.jobs.add_event(job_id, "The job was cancelled", "warn")
        await self._end([job_id])
        self._clear(job_id)
        return job

    async def pause(self, job_id: str) -> Json:
        """Stop a queued or running job; what it has learned is kept, also as a checkpoint. 400 in another state."""
        self._must_be(job_id, "paused", ("queued", "running"))
        # First on disk: whatever happens while the step is finished, the job does not go on by itself.
        self._store.jobs.update(job_id, status="paused", estimated_finish=None)
        self._store.jobs.add_event(job_id, "The job was paused")
        child, task = self._children.get(job_id), self._tasks.get(job_id)
        if child and task and job_id in self._progress:
            child_lifetime.tell_child(child)
            await asyncio.wait([task], timeout=PAUSE_SECONDS)
        await self._end([job_id])  # waits for its turn, or has not begun to learn
        return self._store.jobs.get(job_id)

    async def resume(self, job_id: str) -> Json:
        """Put a paused job into the queue again; 400 in another state."""
        self._must_be(job_id, "resumed", ("paused",))
        if task := self._tasks.get(job_id):
            await asyncio.wait([task])
            self._must_be(job_id, "resumed", ("paused",))
        job = self._store.jobs.update(job_id, status="queued")
        self._store.jobs.add_event(job_id, "The job was resumed and waits for its turn")
        self._follow(job_id)
        return job

    def _must_be(self, job_id: str, what: str, statuses: tuple[str, ...]) -> None:
        status = self._store.jobs.get(job_id)["status"]
        if status not in statuses:
            message = f"Job {job_id} cannot be {what}: its status is '{status}'."
            raise bad_request(message, code="invalid_request_error")

    async def stop(self) -> None:
        """Stop all work; unfinished jobs stay so, for the next start."""
        await self._end(list(self._tasks))

    async def _end(self, job_ids: list[str]) -> None:
        tasks = [self._tasks[job_id] for job_id in job_ids if job_id in self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _follow(self, job_id: str) -> None:
        task = self._tasks[job_id] = asyncio.create_task(self._run(job_id), name=job_id)
        task.add_done_callback(lambda _: self._tasks.pop(job_id, None))

    async def _run(self, job_id: str) -> None:
        """The job's whole life; whatever goes wrong fails this job only."""
        try:
            if self._store.jobs.get(job_id)["status"] == "validating_files":
                await self._validate(job_id)
            async with self._turn:
                await self._train(job_id)
        except JobError as error:
            self._fail(job_id, error.code, str(error), error.param)
        except ApiError as error:
            self._fail(job_id, error.code or "server_error", error.message, error.param)
        except Exception as error:
            log.exception("job %s", job_id)
            self._fail(job_id, "server_error", f"The job failed due to an internal error: {error}")

    def _fail(self, job_id: str, code: str, message: str, param: str | None = None) -> None:
        error = {"code": code, "message": message, "param": param}
        self._store.jobs.update(job_id, status="failed", error=error, finished_at=now(), estimated_finish=None)
        self._store.jobs.add_event(job_id, message, "error")
        self._clear(job_id)

    async def _validate(self, job_id: str) -> None:
        """Check the files and keep the job's own copy of them: an upload may be deleted at any time."""
        job, folder = self._store.jobs.get(job_id), self._store.jobs.folder(job_id)
        training, validation, method = job["training_file"], job["validation_file"], job["method"]["type"]
        also = f" and validation file: {validation}" if validation else ""
        self._store.jobs.add_event(job_id, f"Validating training file: {training}{also}")
        for kind, file_id in (("training", training), ("validation", validation)):
            if file_id:
                source = self._store.files.path(file_id)
                try:
                    await asyncio.to_thread(validate_rows.check, source, kind, method, file_id)
                except validate_rows.RowError as error:
                    raise JobError(error.code, str(error), f"{kind}_file") from error
                await asyncio.to_thread(_copy, source, folder / f"{kind}.jsonl")
        self._store.jobs.update(job_id, status="queued")
        self._store.jobs.add_event(job_id, "Files validated, moving job to queued state")

    async def _train(self, job_id: str) -> None:
        folder = self._store.jobs.folder(job_id)
        write_json(folder / "plan.json", asdict(await self._plan(job_id)))
        self._adopt_checkpoints(job_id)
        if self._store.jobs.get(job_id)["status"] != "running":
            started = "resumed" if self._store.jobs.metrics(job_id) else "started"
            self._store.jobs.update(job_id, status="running")
            self._store.jobs.add_event(job_id, f"Fine-tuning job {started}")
        with (folder / "train.log").open("ab") as file:
            child = await child_lifetime.start_child("core.engine.training.train", str(folder), log=file)
        self._children[job_id] = child
        try:
            done = await self._listen(job_id, child)
        finally:
            del self._children[job_id]
            progress = self._progress.pop(job_id, None)
            await child_lifetime.end_child(child)
        if done and progress:
            self._succeed(job_id, progress.tokens)

    async def _plan(self, job_id: str) -> Plan:
        job = self._store.jobs.get(job_id)
        model, parent = job["model"], None
        if found := self._store.tuned.get(model):
            model, parent = found[0]["base"], str(found[1])
        elif model not in entries():
            raise JobError("model_not_found", model_not_found(model).message, "model")
        base, entry = await self._prepare(job_id, entries()[model]), entries()[model]
        kind = job["method"]["type"]
        return Plan(
            method=kind,
            base=str(base),
            parent=parent,
            context=entry.context,
            tools=entry.tools,
            template=entry.template,
            rates=entry.rates,
            asked=job["method"][kind]["hyperparameters"],
            seed=job["seed"],
            dtype=self._dtype,
        )

    async def _prepare(self, job_id: str, entry: Entry) -> Path:
        """The folder of a base model. The first time it has to be made ready, which the job's events tell."""
        noted = -PREPARED

        def note(share: float) -> None:
            nonlocal noted
            if share >= noted + PREPARED:
                noted = share
                message = f"Preparing {entry.title} for its first use: {share:.0%}"
                self._store.jobs.add_event(job_id, message, data={"preparing": entry.id, "share": share})

        return await self._catalog.ensure(entry.id, note)

    async def _listen(self, job_id: str, child: Process) -> bool:
        """Take down what the training process tells, until it ends: done, or paused."""
        assert child.stdout
        last: Json = {}
        async for line in child.stdout:
            last = json.loads(line)
            self._note(job_id, last)
        code = await child.wait()
        if last.get("event") == "error":
            raise JobError(last["code"], last["message"])
        if last.get("event") not in ("done", "paused"):
            raise JobError("server_error", f"The job failed due to an internal error: {job_records.ending(code)}")
        return bool(last["event"] == "done")

    def _note(self, job_id: str, told: Json) -> None:
        match told["event"]:
            case "start":
                self._note_start(job_id, told)
            case "step":
                self._note_step(job_id, {key: value for key, value in told.items() if key != "event"})
            case "checkpoint":
                self._adopt_checkpoints(job_id)

    def _note_start(self, job_id: str, told: Json) -> None:
        kind, step = self._store.jobs.get(job_id)["method"]["type"], told["step"]
        self._store.jobs.update(job_id, **job_records.settings(kind, told["hyperparameters"]))
        known = self._store.jobs.metrics(job_id)
        last = known[-1]["step"] if known else 0
        self._progress[job_id] = Progress(time.monotonic(), step, last, told["trained_tokens"])
        if step:
            self._store.jobs.add_event(job_id, f"The job continues after step {step}")

    def _note_step(self, job_id: str, metrics: Json) -> None:
        step, total, progress = metrics["step"], metrics["total_steps"], self._progress[job_id]
        if self._store.jobs.get(job_id)["status"] == "running":
            each = (time.monotonic() - progress.began) / (step - progress.first)
            self._store.jobs.expect(job_id, now() + round(each * (total - step)))
        if step <= progress.last:
            return  # a continued job repeats the steps after its last save, with the same numbers
        progress.last = step
        self._store.jobs.add_metrics(job_id, metrics)
        if step % max(1, total // EVENTS) == 0 or step == total or "valid_loss" in metrics:
            message = f"Step {step}/{total}: training loss={metrics['train_loss']:.2f}"
            self._store.jobs.add_event(job_id, message, data=metrics)

    def _adopt_checkpoints(self, job_id: str) -> None:
        """Make models of the checkpoints that lie in the job's folder; keep the last three."""
        job, tuned = self._store.jobs.get(job_id), self._store.tuned
        root = self._store.jobs.folder(job_id) / "checkpoints"
        for folder in sorted(root.glob("step-*[0-9]"), key=lambda path: int(path.name[5:])):
            step = int(folder.name[5:])
            metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
            value = job_records.tuned(job, self.base(job), step, metrics)
            tuned.adopt(folder, {**value, "checkpoint": new_id("ftckpt_")})
        for old in tuned.checkpoints(job_id)[CHECKPOINTS:]:
            tuned.delete(old["id"])

    def base(self, job: Json) -> str:
        """The base model below a job's model, which may be a tuned one."""
        found = self._store.tuned.get(job["model"])
        return str(found[0]["base"] if found else job["model"])

    def _succeed(self, job_id: str, tokens: int) -> None:
        job, folder = self._store.jobs.get(job_id), self._store.jobs.folder(job_id)
        model = job_records.tuned(job, self.base(job), None, {})
        self._store.tuned.adopt(folder / "adapter", model)
        text = job_records.result_csv(job["method"]["type"], self._store.jobs.metrics(job_id))
        result = self._store.files.add(
            "step_metrics.csv", "fine-tune-results", lambda path: path.write_text(text, "utf-8")
        )
        self._store.jobs.add_event(job_id, f"New fine-tuned model created: {model['id']}")
        self._store.jobs.add_event(job_id, "The job has successfully completed")
        self._store.jobs.update(
            job_id,
            status="succeeded",
            fine_tuned_model=model["id"],
            result_files=[result["id"]],
            trained_tokens=tokens,
            finished_at=now(),
            estimated_finish=None,
        )
        self._clear(job_id)

    def _clear(self, job_id: str) -> None:
        """Drop what only a running job needs."""
        folder: Path = self._store.jobs.folder(job_id)
        (folder / "state.safetensors").unlink(missing_ok=True)
        for name in ("training.jsonl", "validation.jsonl", "plan.json"):
            (folder / name).unlink(missing_ok=True)
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    """A job that is queued finds its rows also after a power cut."""
    shutil.copyfile(source, target)
    sync_file(target)
