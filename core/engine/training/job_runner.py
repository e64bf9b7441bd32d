"""The queue of fine-tuning jobs: validates their files and trains them, each in a process of its own."""

import asyncio
import contextlib
import json
import logging
import shutil
import time
from asyncio.subprocess import Process
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from core.engine import child_lifetime, damaged_records, failures
from core.engine.disk_store import UNFINISHED_STATUSES, DiskStore
from core.engine.http.job_request import JobRequest
from core.engine.http.protocol import ApiError, Json, bad_request, model_not_found_error, new_id, now
from core.engine.models.catalog import CatalogEntry, ModelCatalog
from core.engine.private_files import hash_file, sync_file
from core.engine.record_files import read_json, write_json
from core.engine.training import job_records_and_results, launch
from core.engine.training.estimator import Estimator
from core.engine.training.job_memory import JobMemory
from core.engine.training.job_slots import JobSlots
from core.engine.training.train import TrainingArguments
from core.engine.training.validate_rows import InvalidFileError, validate_file

MAX_CHECKPOINTS = 3
MAX_METRICS_EVENTS = 500
PREPARE_EVENT_STEP = 0.05  # preparing a base model adds an event each time its progress grows by this
TRAINED = "trained.json"  # in the job's folder, from the end of its training until all is stored: the tokens it was trained on
LOG = "train.log"  # in the job's folder: what its processes write to standard error, and tracebacks
PAUSE_TIMEOUT_SECONDS = 600.0  # for the current step; then it is killed, and the resumed job repeats it

log = logging.getLogger(__name__)


class JobError(Exception):
    """The job fails; code, message and param go into its error."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code, self.param = code, param


@dataclass
class StepProgress:
    """The progress of a running process. `started_at`: the monotonic time at `first_step`. `last_step`: of the job's
    stored metrics. `trained_tokens`: of the whole job."""

    started_at: float
    first_step: int
    last_step: int
    trained_tokens: int


class JobRunner:
    """Runs jobs. Everything here is called on the event loop; training runs in a child process."""

    def __init__(
        self,
        store: DiskStore,
        catalog: ModelCatalog,
        dtype: str,
        estimator: Estimator,
        accelerate_config: Path | None = None,
        max_jobs: Callable[[], int] = lambda: 1,
    ) -> None:
        """`accelerate_config`: of the processes that train a job together; None for one process. `max_jobs`: how many
        may train at the same time; one where several processes train each."""
        self._store, self._catalog, self._dtype = store, catalog, dtype
        self._accelerate_config = accelerate_config
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._memory = JobMemory(store, catalog, estimator, self._child_pid)
        most = (lambda: 1) if accelerate_config else max_jobs
        self._slots = JobSlots(most, self._memory.estimate, self._report_wait)
        self._waits_reported: set[str] = set()
        self._progress: dict[str, StepProgress] = {}
        self._children: dict[str, Process] = {}

    def resume_unfinished(self) -> None:
        """Resume the jobs that an earlier engine left unfinished, oldest first. What it left of those that ended is deleted."""
        for job in reversed(self._store.jobs.all()):
            if job["status"] in UNFINISHED_STATUSES:
                if job["status"] == "running":  # its turn comes again; until then it waits like the others
                    self._store.jobs.update_or_remember(job["id"], status="queued", estimated_finish=None)
                self._start_task(job["id"])
            elif job["status"] == "paused":
                try:
                    self._store_checkpoints(job["id"])
                except OSError:  # they are stored when the job goes on, if the disk has room then
                    log.exception("checkpoints of %s", job["id"])
            elif (job["error"] or {}).get("code") != damaged_records.CODE:  # its record may be put back from a backup
                self._delete_working_files(job["id"])

    def create(self, request: JobRequest, owner: str = "") -> Json:
        """Create and start a job of a user; returns the protocol's job object. Raises OSError; there is no job then."""
        job = job_records_and_results.build_job(request)
        self._store.jobs.add(job, owner)
        try:
            self._store.jobs.add_event(job["id"], f"Created fine-tuning job: {job['id']}")
        except OSError:
            self._store.jobs.discard(job["id"])
            raise
        self._start_task(job["id"])
        return job

    async def cancel(self, job_id: str) -> Json:
        """Cancel a job. Raises the protocol's 404 error for an unknown id, and a 400 error when it has ended already."""
        job = self._store.jobs.get(job_id)
        if job["status"] not in (*UNFINISHED_STATUSES, "paused"):
            raise bad_request(f"Job has already completed: {job_id}", code="invalid_request_error")
        changes: Json = {"status": "cancelled", "finished_at": now(), "estimated_finish": None}
        try:
            job = self._store.jobs.update(job_id, **changes)
        except OSError:  # on a full disk, the job's own files make room
            await self._cancel_tasks([job_id])
            self._delete_working_files(job_id)
            job = self._store.jobs.update(job_id, **changes)
        self._say(job_id, "The job was cancelled", "warn")
        await self._cancel_tasks([job_id])
        self._delete_working_files(job_id)
        return job

    async def pause(self, job_id: str) -> Json:
        """Pause a queued or running job; its state and a checkpoint are saved. Raises a 400 error for another status."""
        self._require_status(job_id, "paused", ("queued", "running"))
        # On disk first: the job must not continue by itself, whatever happens while the step is finished.
        self._store.jobs.update(job_id, status="paused", estimated_finish=None)
        self._say(job_id, "The job was paused")
        child, task = self._children.get(job_id), self._tasks.get(job_id)
        if child and task and job_id in self._progress:
            child_lifetime.signal_child(child)
            await asyncio.wait([task], timeout=PAUSE_TIMEOUT_SECONDS)
        await self._cancel_tasks([job_id])  # a job that is queued, or still loads its model
        return self._store.jobs.get(job_id)

    async def resume(self, job_id: str) -> Json:
        """Queue a paused job again. Raises a 400 error for another status."""
        self._require_status(job_id, "resumed", ("paused",))
        if task := self._tasks.get(job_id):
            await asyncio.wait([task])
            self._require_status(job_id, "resumed", ("paused",))
        job = self._store.jobs.update(job_id, status="queued")
        self._say(job_id, "The job was resumed and waits for its turn")
        self._start_task(job_id)
        return job

    def _require_status(self, job_id: str, what: str, statuses: tuple[str, ...]) -> None:
        status = self._store.jobs.get(job_id)["status"]
        if status not in statuses:
            message = f"Job {job_id} cannot be {what}: its status is '{status}'."
            raise bad_request(message, code="invalid_request_error")

    def training_pids(self) -> list[int]:
        """The ids of the processes that train now."""
        return [child.pid for child in self._children.values()]

    def _child_pid(self, job_id: str) -> int | None:
        child = self._children.get(job_id)
        return child.pid if child else None

    def _report_wait(self, job_id: str, needed: int, free: int) -> None:
        """Say once in the job's events why it does not start beside the others."""
        if job_id not in self._waits_reported:
            self._waits_reported.add(job_id)
            message = (
                f"The job waits for others to end: it needs {needed / 1e9:.1f} GB of memory, and beside them "
                f"{max(0, free) / 1e9:.1f} GB are free"
            )
            self._say(job_id, message)

    async def stop(self) -> None:
        """Stop all work; the next engine resumes unfinished jobs."""
        await self._cancel_tasks(list(self._tasks))
        await self._slots.stop()

    async def _cancel_tasks(self, job_ids: list[str]) -> None:
        tasks = [self._tasks[job_id] for job_id in job_ids if job_id in self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start_task(self, job_id: str) -> None:
        task = self._tasks[job_id] = asyncio.create_task(self._run(job_id), name=job_id)
        task.add_done_callback(lambda _: self._tasks.pop(job_id, None))

    async def _run(self, job_id: str) -> None:
        """Validate and train a job; an error fails this job only."""
        try:
            if self._store.jobs.get(job_id)["status"] == "validating_files":
                await self._validate(job_id)
            async with self._slots.turn(job_id, self._store.jobs.owner(job_id)):
                await self._train(job_id)
        except JobError as error:
            self._mark_failed(job_id, error.code, str(error), error.param)
        except ApiError as error:
            self._mark_failed(job_id, error.code or "server_error", error.message, error.param)
        except Exception as error:
            failure = failures.report("The job failed.", error, self._store.jobs.folder(job_id) / LOG)
            self._mark_failed(job_id, failure.code, failure.words)

    def _say(self, job_id: str, message: str, level: str = "info") -> None:
        """Add an event; on a full disk what was done counts, not that it is told."""
        with contextlib.suppress(OSError):
            self._store.jobs.add_event(job_id, message, level)

    def _mark_failed(self, job_id: str, code: str, message: str, param: str | None = None) -> None:
        error = {"code": code, "message": message, "param": param}
        changes: Json = {"status": "failed", "error": error, "finished_at": now(), "estimated_finish": None}
        try:
            self._store.jobs.update(job_id, **changes)
        except OSError:  # on a full disk, the job's own files make room
            self._delete_working_files(job_id)
            self._store.jobs.update_or_remember(job_id, **changes)
        self._say(job_id, message, "error")
        self._delete_working_files(job_id)

    async def _validate(self, job_id: str) -> None:
        """Validate the files and copy them into the job's folder: an upload may be deleted at any time."""
        job, folder = self._store.jobs.get(job_id), self._store.jobs.folder(job_id)
        training, validation, method = job["training_file"], job["validation_file"], job["method"]["type"]
        also = f" and validation file: {validation}" if validation else ""
        self._store.jobs.add_event(job_id, f"Validating training file: {training}{also}")
        digests = {}
        for kind, file_id in (("training", training), ("validation", validation)):
            if file_id:
                copy = folder / f"{kind}.jsonl"
                await asyncio.to_thread(self._store.files.read_whole, file_id, copy)
                try:
                    await asyncio.to_thread(validate_file, copy, kind, method, file_id)
                except InvalidFileError as error:
                    raise JobError(error.code, str(error), f"{kind}_file") from error
                digests[kind] = await asyncio.to_thread(_sync_file, copy)
        write_json(folder / "digests.json", digests)
        self._store.jobs.update(job_id, status="queued")
        self._store.jobs.add_event(job_id, "Files validated, moving job to queued state")

    async def _train(self, job_id: str) -> None:
        folder = self._store.jobs.folder(job_id)
        if (trained := read_json(folder / TRAINED)) and self._has_adapter(job_id):
            self._finish(job_id, trained["trained_tokens"])  # an earlier engine was killed while it did
            return
        write_json(folder / "plan.json", asdict(await self._build_plan(job_id)))
        self._store_checkpoints(job_id)
        if self._store.jobs.get(job_id)["status"] != "running":
            started = "resumed" if self._store.jobs.metrics(job_id) else "started"
            self._store.jobs.update(job_id, status="running")
            self._store.jobs.add_event(job_id, f"Fine-tuning job {started}")
        how = launch.build_launch(folder, self._accelerate_config)
        if others := launch.machines_to_start(self._accelerate_config):
            words = f"Start this on each of the {others} other machines, with its own machine rank: {how.command}"
            self._store.jobs.add_event(job_id, words)
        with (folder / LOG).open("ab") as file:
            child = await child_lifetime.start_child(how.module, *how.arguments, log=file, environment=how.environment)
        self._children[job_id] = child
        try:
            done = await self._read_messages(job_id, child)
        finally:
            del self._children[job_id]
            progress = self._progress.pop(job_id, None)
            await child_lifetime.kill_child(child)
        if done and progress:
            write_json(folder / TRAINED, {"trained_tokens": progress.trained_tokens})
            self._finish(job_id, progress.trained_tokens)

    async def _build_plan(self, job_id: str) -> TrainingArguments:
        job = self._store.jobs.get(job_id)
        model, parent = job["model"], None
        if found := self._store.models.get(model):
            model, parent = found[0]["base"], str(found[1])
        entry = self._catalog.entries.get(model)
        if not entry:
            raise JobError("model_not_found", model_not_found_error(model).message, "model")
        base = await self._prepare_base_model(job_id, entry)
        method = job["method"]["type"]
        return TrainingArguments(
            method=method,
            base=str(base),
            parent=parent,
            context_length=entry.context_length,
            supports_tools=entry.supports_tools,
            chat_template_kwargs=entry.chat_template_kwargs,
            learning_rates=entry.learning_rates,
            hyperparameters=job["method"][method]["hyperparameters"],
            seed=job["seed"],
            dtype=self._dtype,
            digests=self._read_digests(job_id),
        )

    def _read_digests(self, job_id: str) -> dict[str, str]:
        """The SHA-256 of the job's files; none for a job that an older engine validated. Raises JobError when damaged."""
        path = self._store.jobs.folder(job_id) / "digests.json"
        digests = read_json(path)
        if digests is None and path.exists():
            raise JobError("damaged_record", f"{path} cannot be read. No model was made. Create the job again.")
        return digests or {}

    async def _prepare_base_model(self, job_id: str, entry: CatalogEntry) -> Path:
        """The folder of a base model; while it is prepared, the job's events report the progress."""
        reported = -PREPARE_EVENT_STEP

        def report(progress: float) -> None:
            nonlocal reported
            if progress >= reported + PREPARE_EVENT_STEP:
                reported = progress
                message = f"Preparing {entry.title} for its first use: {progress:.0%}"
                self._store.jobs.add_event(job_id, message, data={"preparing": entry.id, "share": progress})

        return await self._catalog.ensure_ready(entry.id, report)

    async def _read_messages(self, job_id: str, child: Process) -> bool:
        """Handle the training process's messages until it ends; True when training is done, False when paused.

        Raises JobError when the process failed.
        """
        assert child.stdout
        last_message: Json = {}
        async for line in child.stdout:
            last_message = json.loads(line)
            self._handle_message(job_id, last_message)
        code = await child.wait()
        if last_message.get("event") == "error":
            raise JobError(last_message["code"], last_message["message"])
        if last_message.get("event") not in ("done", "paused"):
            log_name = failures.name_log(self._store.jobs.folder(job_id) / LOG)
            raise JobError("server_error", f"The job failed. {failures.describe_exit(code)} {log_name}")
        return bool(last_message["event"] == "done")

    def _handle_message(self, job_id: str, message: Json) -> None:
        match message["event"]:
            case "reference":
                words = f"Before the first step, the model reads {message['rows']} rows once for their reference"
                self._store.jobs.add_event(job_id, words)
            case "start":
                self._handle_start(job_id, message)
            case "step":
                self._handle_step(job_id, {key: value for key, value in message.items() if key != "event"})
            case "checkpoint":
                self._store_checkpoints(job_id)
            case "early_stop":
                self._progress[job_id].trained_tokens = message["trained_tokens"]
                words = (
                    f"Stopped early after step {message['step']}: the validation loss was lowest at step "
                    f"{message['best_step']}, whose adapter is kept"
                )
                self._store.jobs.add_event(job_id, words)
            case "averaged":
                words = (
                    f"The adapters of the last {message['epochs']} epochs were averaged, LoRA's A and B each for itself"
                )
                self._store.jobs.add_event(job_id, words)
            case "damaged_state":
                words = "The saved state is damaged: the job begins again"
                self._store.jobs.add_event(job_id, words, "warn")

    def _handle_start(self, job_id: str, message: Json) -> None:
        method, step = self._store.jobs.get(job_id)["method"]["type"], message["step"]
        self._store.jobs.update(job_id, **job_records_and_results.build_method(method, message["hyperparameters"]))
        metrics = self._store.jobs.metrics(job_id)
        last_step = metrics[-1]["step"] if metrics else 0
        self._progress[job_id] = StepProgress(time.monotonic(), step, last_step, message["trained_tokens"])
        if step:
            self._store.jobs.add_event(job_id, f"The job continues after step {step}")

    def _handle_step(self, job_id: str, metrics: Json) -> None:
        step, total, progress = metrics["step"], metrics["total_steps"], self._progress[job_id]
        if self._store.jobs.get(job_id)["status"] == "running":
            seconds_per_step = (time.monotonic() - progress.started_at) / (step - progress.first_step)
            self._store.jobs.set_estimated_finish(job_id, now() + round(seconds_per_step * (total - step)))
        if step <= progress.last_step:
            return  # a resumed job repeats the steps after its last saved state, with the same metrics
        progress.last_step = step
        self._store.jobs.add_metrics(job_id, metrics)
        if step % max(1, total // MAX_METRICS_EVENTS) == 0 or step == total or "valid_loss" in metrics:
            message = f"Step {step}/{total}: training loss={metrics['train_loss']:.2f}"
            self._store.jobs.add_event(job_id, message, data=metrics)

    def _store_checkpoints(self, job_id: str) -> None:
        """Store the checkpoints in the job's folder as models, with an event for each; delete all but the last three."""
        job, models = self._store.jobs.get(job_id), self._store.models
        root = self._store.jobs.folder(job_id) / "checkpoints"
        for folder in sorted(root.glob("step-*[0-9]"), key=lambda path: int(path.name[5:])):
            step = int(folder.name[5:])
            metrics = read_json(folder / "metrics.json") or {}  # damaged on the disk: the weights are what counts
            record = job_records_and_results.build_model(job, self.base_model(job), step, metrics)
            is_new = models.get(record["id"]) is None  # a resumed job may repeat a checkpoint
            models.add(folder, {**record, "checkpoint": new_id("ftckpt_")}, self._store.jobs.owner(job_id))
            if is_new:
                self._store.jobs.add_event(job_id, f"Checkpoint created at step {step}")
        for old in models.checkpoints(job_id)[MAX_CHECKPOINTS:]:
            models.delete(old["id"])

    def base_model(self, job: Json) -> str:
        """The id of the base model of a job's model, which may be a fine-tuned one."""
        found = self._store.models.get(job["model"])
        return str(found[0]["base"] if found else job["model"])

    def _has_adapter(self, job_id: str) -> bool:
        """Whether a trained job's adapter is in its folder, or a model already."""
        model = self._build_model(job_id)["id"]
        return (self._store.jobs.folder(job_id) / "adapter").is_dir() or self._store.models.get(model) is not None

    def _build_model(self, job_id: str) -> Json:
        job = self._store.jobs.get(job_id)
        return job_records_and_results.build_model(job, self.base_model(job), None, {})

    def _finish(self, job_id: str, tokens: int) -> None:
        """Store what a trained job has made. After a kill at any point all of it is done again, and nothing is there twice."""
        job, folder = self._store.jobs.get(job_id), self._store.jobs.folder(job_id)
        model, owner = self._build_model(job_id), self._store.jobs.owner(job_id)
        if (folder / "adapter").is_dir():
            self._store.models.add(folder / "adapter", model, owner)
        text = job_records_and_results.format_result_csv(job["method"]["type"], self._store.jobs.metrics(job_id))
        file_id = f"file-{job_id.removeprefix('ftjob-')}"
        result = self._store.files.add(
            "step_metrics.csv", "fine-tune-results", lambda path: path.write_text(text, "utf-8"), file_id, owner=owner
        )
        said = {event["message"] for event in self._store.jobs.events(job_id)}
        for words in (f"New fine-tuned model created: {model['id']}", "The job has successfully completed"):
            if words not in said:
                self._store.jobs.add_event(job_id, words)
        self._store.jobs.update(
            job_id,
            status="succeeded",
            fine_tuned_model=model["id"],
            result_files=[result["id"]],
            trained_tokens=tokens,
            finished_at=now(),
            estimated_finish=None,
        )
        self._delete_working_files(job_id)

    def _delete_working_files(self, job_id: str) -> None:
        """Delete the files that only a running job needs."""
        folder: Path = self._store.jobs.folder(job_id)
        (folder / "state.safetensors").unlink(missing_ok=True)
        shutil.rmtree(folder / "best", ignore_errors=True)
        for name in ("training.jsonl", "validation.jsonl", "plan.json", "digests.json", TRAINED):
            (folder / name).unlink(missing_ok=True)
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)


def _sync_file(path: Path) -> str:
    """Make a file complete also after a power cut; returns its SHA-256. Raises OSError."""
    sync_file(path)
    return hash_file(path)
