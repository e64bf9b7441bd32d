"""The engine's storage on disk: uploaded files, fine-tuning jobs, batches and fine-tuned models.

Every object is a folder named by an id that is generated here; a name from outside is only ever a value in JSON.
"""

import copy
import logging
import shutil
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any, Self

from core.engine import damaged_records, failures
from core.engine.http.protocol import ApiError, Json, new_id, now
from core.engine.private_files import hash_file, replace_folder, sync_folder
from core.engine.record_files import append_line, load_records, read_lines, read_record, write_record
from core.engine.team.ownership import Visible, is_shared, read_owner, set_shared, write_owner
from core.engine.team.users import OWNER, User

log = logging.getLogger(__name__)

UNFINISHED_STATUSES = ("validating_files", "queued", "running")


class FileStore:
    """Uploaded and result files: `ROOT/<id>/{file.json, content}`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        keys = ("id", "bytes", "created_at", "filename", "purpose", "status")
        self._files: MutableMapping[str, Json]
        self._files = load_records(root, "file.json", keys, damaged_records.build_file)
        # The SHA-256 of each file's bytes; an older engine's record has none.
        self._digests = {file_id: str(value.pop("sha256", "")) for file_id, value in self._files.items()}
        self._owners = {file_id: read_owner(root / file_id) for file_id in self._files}
        self._new_owner = ""

    def seen_by(self, user: User) -> Self:
        """The same store with the files of one user alone, or all for an administrator; what is added is the user's."""
        view = copy.copy(self)
        view._new_owner = user.id
        if not user.is_admin:
            view._files = Visible(self._files, lambda file_id: self._owners.get(file_id) == user.id)
        return view

    def add(
        self,
        name: str,
        purpose: str,
        write: Callable[[Path], object],
        file_id: str = "",
        expires_after: int | None = None,
        owner: str | None = None,
    ) -> Json:
        """Store what `write` writes to the path it is given; returns the protocol's file object.

        `expires_after`: seconds until it is deleted; None for never. `owner`: the id of a user; None: the one whose
        files these are. Raises what `write` raises; nothing is stored then.
        """
        file_id = file_id or new_id("file-")
        folder = self._root / f"{file_id}.new"
        folder.mkdir(exist_ok=True)
        try:
            write(folder / "content")
            value = self._describe(file_id, name, purpose, (folder / "content").stat().st_size)
            if expires_after is not None:
                value["expires_at"] = value["created_at"] + expires_after
            digest = hash_file(folder / "content")
            write_record(folder / "file.json", {**value, "sha256": digest})
            owner = self._new_owner if owner is None else owner
            write_owner(folder, owner)
            replace_folder(folder, self._root / file_id)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._owners[file_id], self._digests[file_id] = owner, digest
        self._files[file_id] = value
        return value

    @staticmethod
    def _describe(file_id: str, name: str, purpose: str, size: int) -> Json:
        return {
            "id": file_id,
            "object": "file",
            "bytes": size,
            "created_at": now(),
            "filename": name,
            "purpose": purpose,
            "status": "processed",
        }

    def all(self) -> list[Json]:
        """Every file object, newest first."""
        self._delete_expired()
        return _newest(self._files)

    def _delete_expired(self) -> None:
        present = now()
        for file_id in [one for one, value in self._files.items() if value.get("expires_at", present) < present]:
            del self._files[file_id]
            shutil.rmtree(self._root / file_id, ignore_errors=True)

    def __contains__(self, file_id: object) -> bool:
        self._delete_expired()
        return file_id in self._files

    def get(self, file_id: str) -> Json:
        """The file object. Raises the protocol's 404 error for an unknown id."""
        if file_id not in self:
            raise ApiError(404, f"No such File object: {file_id}", param="id")
        return self._files[file_id]

    def path(self, file_id: str) -> Path:
        """The path of a file's bytes. Raises the protocol's 404 error for an unknown id."""
        return self._root / str(self.get(file_id)["id"]) / "content"

    def read_whole(self, file_id: str, target: Path | None = None) -> Path:
        """The path of a file's bytes, which are compared with their digest; copied to `target` first, if there is one.

        Raises the protocol's 404 error for an unknown id, a 500 error `damaged_file` for other bytes than were stored, and
        OSError when the copy cannot be written.
        """
        path = self.path(file_id)
        try:
            found = shutil.copyfile(path, target) if target else path
            is_whole = self._digests.get(file_id, "") in ("", hash_file(found))
        except FileNotFoundError:
            is_whole = False
        if is_whole:
            return found
        message = (
            f"The file {self.get(file_id)['filename']} ({file_id}) is damaged on the disk: {path}. Upload it again."
        )
        raise ApiError(500, message, param="file", code=failures.DAMAGED_FILE)

    def delete(self, file_id: str) -> None:
        """Delete a file. Raises the protocol's 404 error for an unknown id."""
        path = self.path(file_id).parent
        del self._files[file_id]
        shutil.rmtree(path, ignore_errors=True)


class RecordStore:
    """Objects of one kind that change: `ROOT/<id>/<file_name>`, beside the files that belong to them."""

    file_name = ""
    keys: tuple[str, ...] = ("id", "created_at", "status", "metadata")  # that a record must have

    def __init__(self, root: Path) -> None:
        self._root = root
        self._values: MutableMapping[str, Json]
        self._values = load_records(root, self.file_name, self.keys, self.build_damaged)
        self._owners = {value_id: read_owner(root / value_id) for value_id in self._values}

    def seen_by(self, user: User) -> Self:
        """The same store with the objects of one user alone, or all for an administrator."""
        view = copy.copy(self)
        if not user.is_admin:
            view._values = Visible(self._values, lambda value_id: self._owners.get(value_id) == user.id)
        return view

    def owner(self, value_id: str) -> str:
        """The id of the object's user; empty for whoever has the engine's own token."""
        return self._owners.get(value_id, "")

    def __contains__(self, value_id: object) -> bool:
        return value_id in self._values

    @staticmethod
    def build_damaged(path: Path) -> Json:
        """The object for a damaged record; each kind has its own. Raises NotImplementedError here."""
        raise NotImplementedError

    def add(self, value: Json, owner: str = "") -> None:
        """Store a new object of a user; its `id` is the folder's name. Raises FileExistsError when there is one with this id.

        Raises OSError when it cannot be written; nothing is stored then.
        """
        folder = self._root / value["id"]
        folder.mkdir()
        try:
            write_owner(folder, owner)
            write_record(folder / self.file_name, value)
            sync_folder(self._root)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._owners[value["id"]] = owner
        self._values[value["id"]] = value

    def update_or_remember(self, value_id: str, **changes: Any) -> Json:
        """Change members of the object; where the disk is full, in memory only, until the engine ends. Returns it.

        Raises the protocol's 404 error for an unknown id.
        """
        try:
            return self.update(value_id, **changes)
        except OSError:
            log.exception("%s %s is not stored", self.file_name, value_id)
            value = self._values[value_id] = {**self.get(value_id), **changes}
            return value

    def discard(self, value_id: str) -> None:
        """Take back what was added just now, as far as the disk allows."""
        del self._values[value_id]
        shutil.rmtree(self._root / value_id, ignore_errors=True)

    def all(self) -> list[Json]:
        """Every object, newest first."""
        return _newest(self._values)

    def get(self, value_id: str) -> Json:
        """The object. Raises the protocol's 404 error for an unknown id."""
        if value_id not in self._values:
            raise self.not_found_error(value_id)
        return self._values[value_id]

    def not_found_error(self, value_id: str) -> ApiError:
        """The 404 error for an unknown id; each kind of object has its own. Raises NotImplementedError here."""
        raise NotImplementedError

    def folder(self, value_id: str) -> Path:
        """The object's folder. Raises the protocol's 404 error for an unknown id."""
        return self._root / str(self.get(value_id)["id"])

    def update(self, value_id: str, **changes: Any) -> Json:
        """Change members of the object, on disk and then in memory; returns it. Raises the protocol's 404 error for an unknown id."""
        value = {**self.get(value_id), **changes}
        write_record(self.folder(value_id) / self.file_name, value)
        self._values[value_id] = value
        return value


class BatchStore(RecordStore):
    """Batches: `ROOT/<id>/{batch.json, input.jsonl, output.jsonl, error.jsonl}`."""

    file_name = "batch.json"
    keys = ("id", "created_at", "status", "metadata", "endpoint", "input_file_id", "request_counts")
    build_damaged = staticmethod(damaged_records.build_batch)

    def not_found_error(self, value_id: str) -> ApiError:
        """The protocol's 404 error for a batch."""
        return ApiError(404, f"No batch found with id '{value_id}'.", param="batch_id")

    def set_counts(self, batch_id: str, completed: int, failed: int) -> None:
        """Set how many lines are answered: in memory only, since it can be counted from the lines on disk.

        Raises the protocol's 404 error for an unknown id.
        """
        counts = self.get(batch_id)["request_counts"]
        self.get(batch_id)["request_counts"] = {**counts, "completed": completed, "failed": failed}


class JobStore(RecordStore):
    """Fine-tuning jobs: `ROOT/<id>/{job.json, events.jsonl, metrics.jsonl, …}`, shared with the training process."""

    file_name = "job.json"
    keys = (
        "id",
        "created_at",
        "status",
        "metadata",
        "model",
        "method",
        "training_file",
        "validation_file",
        "seed",
        "error",
    )
    build_damaged = staticmethod(damaged_records.build_job)

    def not_found_error(self, value_id: str) -> ApiError:
        """The protocol's 404 error for a job."""
        message = f"Could not find fine tune: {value_id}"
        return ApiError(404, message, param="fine_tune_id", code="fine_tune_not_found")

    def set_estimated_finish(self, job_id: str, finish: int) -> None:
        """Set when a running job will probably finish (Unix time): in memory only, it changes with every step.

        Raises the protocol's 404 error for an unknown id.
        """
        self.get(job_id)["estimated_finish"] = finish

    def add_event(self, job_id: str, message: str, level: str = "info", data: Json | None = None) -> None:
        """Append an event; with the `data` of a step it is a metrics event. Raises the protocol's 404 error for an unknown id."""
        event = {
            "id": new_id("ftevent-"),
            "object": "fine_tuning.job.event",
            "created_at": now(),
            "level": level,
            "message": message,
            "type": "metrics" if data and "step" in data else "message",
        }
        append_line(self.folder(job_id) / "events.jsonl", {**event, "data": data} if data else event)

    def events(self, job_id: str) -> list[Json]:
        """The job's events, newest first. Raises the protocol's 404 error for an unknown id."""
        return list(read_lines(self.folder(job_id) / "events.jsonl"))[::-1]

    def add_metrics(self, job_id: str, metrics: Json) -> None:
        """Append the metrics of one step. Raises the protocol's 404 error for an unknown id."""
        append_line(self.folder(job_id) / "metrics.jsonl", metrics)

    def metrics(self, job_id: str) -> list[Json]:
        """The metrics of every step, in order. Raises the protocol's 404 error for an unknown id."""
        return list(read_lines(self.folder(job_id) / "metrics.jsonl"))


class ModelStore:
    """Fine-tuned models and checkpoints: `ROOT/<name>/{model.json, adapter_config.json, adapter_model.safetensors}`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        keys = ("id", "base", "created", "job", "step")
        records = load_records(root, "model.json", keys, damaged_records.build_model)
        self._folders: MutableMapping[str, Path]
        self._folders = {value["id"]: root / name for name, value in records.items()}
        self._owners = {model: read_owner(folder) for model, folder in self._folders.items()}
        self._shared = {model for model, folder in self._folders.items() if is_shared(folder)}
        self._viewer = OWNER
        self._damaged = {value["id"]: value for value in records.values() if "damage" in value}

    def seen_by(self, user: User) -> Self:
        """The same store with the models of one user and those shared with all, or all for an administrator."""
        view = copy.copy(self)
        view._viewer = user
        if not user.is_admin:
            view._folders = Visible(
                self._folders, lambda model: self._owners.get(model) == user.id or model in self._shared
            )
        return view

    def require_own(self, model: str) -> None:
        """Raise a 403 error for a model that one user sees because another has shared it."""
        if not self._viewer.is_admin and self._owners.get(model) != self._viewer.id:
            raise ApiError(403, "This model belongs to another person, who has shared it.", param="model")

    def owner(self, model: str) -> str:
        """The id of the model's user; empty for whoever has the engine's own token."""
        return self._owners.get(model, "")

    def is_shared(self, model: str) -> bool:
        """Whether all users may use the model."""
        return model in self._shared

    def share(self, model: str, shared: bool) -> None:
        """Let all users use a model, or its owner alone. Raises KeyError for an unknown model, and OSError."""
        set_shared(self._folders[model], shared)
        (self._shared.add if shared else self._shared.discard)(model)

    def add(self, folder: Path, record: Json, owner: str = "") -> None:
        """Store a finished adapter folder (moved, not copied) as the model `record['id']` of a user. Raises OSError."""
        write_record(folder / "model.json", {**record, "sha256": damaged_records.hash_adapter(folder)})
        write_owner(folder, owner)
        set_shared(folder, self.is_shared(record["id"]))  # a repeated checkpoint stays what it was
        target = self._root / new_id("m-")
        replace_folder(folder, target)
        old = self._folders.get(record["id"])
        self._folders[record["id"]], self._owners[record["id"]] = target, owner
        if old:
            shutil.rmtree(old, ignore_errors=True)

    def all(self) -> list[Json]:
        """Every model's record {id, base, created, job, step, metrics}, newest first. `step`: None unless a checkpoint.
        One that cannot be read has `damage`, a text."""
        values = {model: self._read(model, folder) for model, folder in self._folders.items()}
        return _newest({model: value for model, value in values.items() if value})

    def _read(self, model: str, folder: Path) -> Json | None:
        return self._damaged.get(model) or read_record(folder / "model.json")

    def get(self, model: str) -> tuple[Json, Path] | None:
        """The model's record and its folder, or None."""
        folder = self._folders.get(model)
        value = self._read(model, folder) if folder else None
        return (value, folder) if value and folder else None

    def checkpoints(self, job_id: str) -> list[Json]:
        """The records of a job's checkpoints, newest first."""
        found = [value for value in self.all() if value["job"] == job_id and value["step"] is not None]
        return sorted(found, key=lambda value: -int(value["step"]))

    def delete(self, model: str) -> None:
        """Delete a model and its weights. Raises KeyError for an unknown model."""
        shutil.rmtree(self._folders.pop(model), ignore_errors=True)
        self._shared.discard(model)


class DiskStore:
    """The engine's home folder."""

    def __init__(self, home: Path) -> None:
        self.files = FileStore(home / "files")
        self.jobs = JobStore(home / "jobs")
        self.batches = BatchStore(home / "batches")
        self.models = ModelStore(home / "models")

    def seen_by(self, user: User) -> Self:
        """The same home with what one user sees."""
        view = copy.copy(self)
        view.files, view.jobs = self.files.seen_by(user), self.jobs.seen_by(user)
        view.batches, view.models = self.batches.seen_by(user), self.models.seen_by(user)
        return view


def _newest(values: Mapping[str, Json]) -> list[Json]:
    # Ids are random: objects created in the same second keep the order of the dict.
    def creation_time(value: Json) -> int:
        return -int(value["created_at" if "created_at" in value else "created"])

    return sorted(reversed(list(values.values())), key=creation_time)
