"""What is shown of an object whose record on disk cannot be read: an object that has failed, and says where it lies.

It would be missing from every list otherwise, as if it had never been there.
"""

import json
from pathlib import Path

from core.engine.http.protocol import Json
from core.engine.private_files import hash_file

CODE = "damaged_record"
UNKNOWN = "unknown"
DAMAGED_MODEL = "damaged:"  # before the name of its folder: the model's own id cannot be read


ADAPTER_FILES = ("adapter_model.safetensors", "adapter_config.json")


class DamagedAdapterError(ValueError):
    """A model's files are not those that were trained; the text names the file and says what to do."""


def hash_adapter(folder: Path) -> dict[str, str]:
    """The SHA-256 (hex) of an adapter's files, by name. Raises OSError."""
    digests = {}
    for name in ADAPTER_FILES:
        if (folder / name).exists():
            digests[name] = hash_file(folder / name)
    return digests


def check_adapter(folder: Path) -> None:
    """Raise DamagedAdapterError unless a model's files have the digests that its record has.

    A flipped bit would load and answer wrongly. An older engine's record has no digests: nothing is compared then.
    """
    try:
        expected = json.loads((folder / "model.json").read_text("utf-8")).get("sha256", {})
        found = hash_adapter(folder)
    except (OSError, ValueError) as error:
        raise DamagedAdapterError(f"The model's files in {folder} cannot be read.") from error
    for name, digest in expected.items():
        if found.get(name) != digest:
            what = "was changed or damaged" if name in found else "is gone"
            raise DamagedAdapterError(
                f"{folder / name} {what} since the training. Put it back from a backup, or delete the model and train it again."
            )


def describe(path: Path) -> str:
    """What happened and what to do, for the file `path` of an object."""
    return (
        f"Its record cannot be read: {path}. Put back the file from a backup and start the engine again, "
        f"or delete the folder {path.parent}."
    )


def build_file(path: Path) -> Json:
    """The file object for a damaged record."""
    content = path.with_name("content")
    return {
        "id": path.parent.name,
        "object": "file",
        "bytes": content.stat().st_size if content.is_file() else 0,
        "created_at": _created(path),
        "filename": UNKNOWN,
        "purpose": "assistants",
        "status": "error",
        "status_details": describe(path),
    }


def build_job(path: Path) -> Json:
    """The job object for a damaged record."""
    return {
        "object": "fine_tuning.job",
        "id": path.parent.name,
        "model": UNKNOWN,
        "created_at": _created(path),
        "finished_at": _created(path),
        "estimated_finish": None,
        "fine_tuned_model": None,
        "organization_id": "org-local",
        "result_files": [],
        "status": "failed",
        "training_file": UNKNOWN,
        "validation_file": None,
        "hyperparameters": {},
        "method": {"type": "supervised", "supervised": {"hyperparameters": {}}},
        "seed": 0,
        "trained_tokens": None,
        "integrations": [],
        "metadata": {},
        "user_provided_suffix": None,
        "error": {"code": CODE, "message": describe(path), "param": None},
    }


def build_batch(path: Path) -> Json:
    """The batch object for a damaged record."""
    error = {"code": CODE, "message": describe(path), "param": None, "line": None}
    return {
        "id": path.parent.name,
        "object": "batch",
        "endpoint": "/v1/chat/completions",
        "errors": {"object": "list", "data": [error]},
        "input_file_id": UNKNOWN,
        "completion_window": "24h",
        "status": "failed",
        "created_at": _created(path),
        "failed_at": _created(path),
        "request_counts": {"total": 0, "completed": 0, "failed": 0},
        "metadata": {},
    }


def build_export(path: Path) -> Json:
    """The export object for a damaged record."""
    return {
        "object": "model.export",
        "id": path.parent.name,
        "created_at": _created(path),
        "finished_at": _created(path),
        "model": UNKNOWN,
        "name": UNKNOWN,
        "formats": [],
        "status": "failed",
        "progress": 0.0,
        "files": [],
        "models": {},
        "commands": {},
        "ollama": {},
        "error": {"code": CODE, "message": describe(path), "param": None},
        "metadata": {},
    }


def build_model(path: Path) -> Json:
    """The record for a damaged one of a model. `damage` is what whoever asks the model is told."""
    name = DAMAGED_MODEL + path.parent.name
    return {
        "id": name,
        "base": UNKNOWN,
        "created": _created(path),
        "job": "",
        "step": None,
        "metrics": {},
        "damage": describe(path),
    }


def _created(path: Path) -> int:
    return int(path.parent.stat().st_mtime)
