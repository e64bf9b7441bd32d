"""The queue of exports: each is written by a child process, one at a time; its GGUF files can then answer."""

import asyncio
import copy
import json
import shutil
from asyncio.subprocess import Process
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Self

from core.engine import child_lifetime, damaged_records, failures
from core.engine.disk_store import RecordStore
from core.engine.export.plan import GGUF_TYPES, PLAN, ExportPlan, gguf_path, served_name
from core.engine.http.protocol import ApiError, Json, bad_request, new_id, now
from core.engine.private_files import hash_file
from core.engine.record_files import write_record
from core.engine.team.users import User

UNFINISHED = ("queued", "running")
LOG = "export.log"  # in the export's folder
FAILED = "export_failed"


class ExportStore(RecordStore):
    """Exports: `ROOT/<id>/{export.json, plan.json, files/…}`."""

    file_name = "export.json"
    keys = ("id", "created_at", "status", "metadata", "model", "files", "models")
    build_damaged = staticmethod(damaged_records.build_export)

    def not_found_error(self, value_id: str) -> ApiError:
        """The 404 error for an export."""
        return ApiError(404, f"No such export: {value_id}", param="id")

    def set_progress(self, export_id: str, progress: float) -> None:
        """Set the progress (0 to 1): in memory only. Raises the 404 error for an unknown id."""
        self.get(export_id)["progress"] = progress

    def delete(self, export_id: str) -> None:
        """Delete an export and its files. Raises the 404 error for an unknown id."""
        folder = self.folder(export_id)
        del self._values[export_id]
        shutil.rmtree(folder, ignore_errors=True)


class ExportRunner:
    """Runs exports. Everything here is called on the event loop; the files are written in a child process."""

    def __init__(self, root: Path) -> None:
        self.store = ExportStore(root)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._lock = asyncio.Lock()

    def resume_unfinished(self) -> None:
        """Begin again what an earlier engine left unfinished: nothing of it was kept."""
        for export in reversed(self.store.all()):
            if export["status"] in UNFINISHED:
                self.store.update_or_remember(export["id"], status="queued", progress=0.0)
                self._start(export["id"])

    def seen_by(self, user: User) -> Self:
        """The same queue with the exports of one user alone, or all for an administrator."""
        view = copy.copy(self)
        view.store = self.store.seen_by(user)
        return view

    def create(self, plan: ExportPlan, metadata: Json, owner: str = "") -> Json:
        """Create and start an export of a user; returns its object."""
        export: Json = {
            "object": "model.export",
            "id": new_id("export-"),
            "created_at": now(),
            "finished_at": None,
            "model": plan.model,
            "base": plan.base_model["id"],
            "name": plan.name,
            "formats": plan.formats,
            "status": "queued",
            "progress": 0.0,
            "files": [],
            "models": {},
            "commands": {},
            "ollama": {},
            "error": None,
            "metadata": metadata,
        }
        self.store.add(export, owner)
        write_record(self.store.folder(export["id"]) / PLAN, asdict(plan))
        self._start(export["id"])
        return export

    async def cancel(self, export_id: str) -> Json:
        """Cancel an export; nothing of it is kept. Raises the 404 error for an unknown id, and 400 when it has ended."""
        if self.store.get(export_id)["status"] not in UNFINISHED:
            raise bad_request(f"The export has ended already: {export_id}", code="invalid_request_error")
        export = self.store.update(export_id, status="cancelled", finished_at=now())
        await self._stop_task(export_id)
        return export

    async def delete(self, export_id: str) -> None:
        """Delete an export, which is cancelled first where it runs. Raises the 404 error for an unknown id."""
        self.store.get(export_id)
        await self._stop_task(export_id)
        self.store.delete(export_id)

    def set_card(self, export_id: str, files: list[Json]) -> Json:
        """Replace the entries of the rewritten cards in the list of files; returns the object."""
        new = {one["path"]: one for one in files}
        listed = [new.get(one["path"], one) for one in self.store.get(export_id)["files"]]
        return self.store.update(export_id, files=listed)

    def find_file(self, export_id: str, path: str) -> Path:
        """A file of a finished export, which is compared with its digest; only what the export lists can be read.

        Raises the 404 error for anything else, and a 500 error `damaged_file` for other bytes than were written.
        """
        listed = next((one for one in self.store.get(export_id)["files"] if one["path"] == path), None)
        if listed is None:
            raise ApiError(404, f"The export has no file '{path}'.", param="path")
        found = self.store.folder(export_id) / "files" / path
        try:
            is_whole = hash_file(found) == listed["sha256"]
        except OSError:
            is_whole = False
        if not is_whole:
            message = f"{found} is gone or damaged. Export the model again."
            raise ApiError(500, message, param="path", code=failures.DAMAGED_FILE)
        return found

    def served_models(self) -> Iterator[tuple[str, Json, Path]]:
        """Every exported GGUF file of a whole model that can answer: its model name, the export, the file. Newest first."""
        known = set()
        for export in self.store.all():
            for format, name in export["models"].items():
                path = self.store.folder(export["id"]) / "files" / gguf_path(export["name"], GGUF_TYPES[format])
                if name not in known and path.is_file():
                    known.add(name)
                    yield name, export, path

    def find_model(self, model: str) -> tuple[Json, Path] | None:
        """The export and the GGUF file that answer under this name, or None."""
        return next(((export, path) for name, export, path in self.served_models() if name == model), None)

    def delete_model(self, model: str) -> None:
        """Delete the exported files that answer under this name; the rest of their exports stays.

        Raises a 409 error for a file that the system does not let go.
        """
        while found := self.find_model(model):
            export, path = found
            try:
                path.unlink()
            except OSError as error:
                message = "The file is in use, or may not be deleted. Try again when nobody asks it."
                raise ApiError(409, message, param="model") from error
            models = {format: name for format, name in export["models"].items() if name != model}
            files = [one for one in export["files"] if not path.as_posix().endswith(f"/{one['path']}")]
            self.store.update(export["id"], models=models, files=files)

    async def stop(self) -> None:
        """Stop all work; the next engine begins unfinished exports again."""
        for export_id in list(self._tasks):
            await self._stop_task(export_id)

    async def _stop_task(self, export_id: str) -> None:
        if task := self._tasks.get(export_id):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _start(self, export_id: str) -> None:
        task = self._tasks[export_id] = asyncio.create_task(self._run(export_id), name=export_id)
        task.add_done_callback(lambda _: self._tasks.pop(export_id, None))

    async def _run(self, export_id: str) -> None:
        """Write one export; an error fails this export only."""
        folder = self.store.folder(export_id)
        try:
            async with self._lock:
                self.store.update(export_id, status="running")
                with (folder / LOG).open("ab") as file:
                    child = await child_lifetime.start_child("core.engine.export.run", str(folder), log=file)
                try:
                    last = await self._read_messages(export_id, child)
                finally:
                    await child_lifetime.kill_child(child)
                    shutil.rmtree(folder / "files.part", ignore_errors=True)
            self._finish(export_id, last)
        except Exception as error:
            failure = failures.report("The export failed.", error, folder / LOG)
            self._fail(export_id, failure.words, failure.code)

    async def _read_messages(self, export_id: str, child: Process) -> Json:
        """Pass the progress on until the process ends; returns its last message, or an error in its place."""
        assert child.stdout
        last: Json = {}
        async for line in child.stdout:
            last = json.loads(line)
            if last["event"] == "progress":
                self.store.set_progress(export_id, last["progress"])
        code = await child.wait()
        if last.get("event") in ("done", "error"):
            return last
        log_name = failures.name_log(self.store.folder(export_id) / LOG)
        return {"event": "error", "message": f"The export failed. {failures.describe_exit(code)} {log_name}"}

    def _finish(self, export_id: str, last: Json) -> None:
        if last["event"] == "error":
            return self._fail(export_id, last["message"], last.get("code", FAILED))
        export = self.store.get(export_id)
        models = {format: served_name(export["model"], format) for format in export["formats"] if format in GGUF_TYPES}
        done = {"status": "succeeded", "progress": 1.0, "finished_at": now(), "models": models}
        self.store.update(export_id, **done, files=last["files"], commands=last["commands"], ollama=last["ollama"])
        self._delete_replaced(self.store.get(export_id))
        return None

    def _delete_replaced(self, new: Json) -> None:
        """Delete earlier exports of the same model that have nothing beside what the new one has: each takes a disk's room.

        Of the same user: two may export one shared model.
        """
        for old in self.store.all():
            is_same = old["model"] == new["model"] and old["status"] == "succeeded" and old["id"] != new["id"]
            is_own = self.store.owner(old["id"]) == self.store.owner(new["id"])
            if is_same and is_own and set(old["formats"]) <= set(new["formats"]):
                self.store.delete(old["id"])

    def _fail(self, export_id: str, message: str, code: str) -> None:
        error = {"code": code, "message": message, "param": None}
        # They are whole, but their process ended before it could say so.
        shutil.rmtree(self.store.folder(export_id) / "files", ignore_errors=True)
        self.store.update_or_remember(export_id, status="failed", error=error, finished_at=now())
