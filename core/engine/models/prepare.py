"""The child process that prepares one model of the catalog: `python -m core.engine.models.prepare ENTRY MODELS_FOLDER`."""

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from core.engine import child_lifetime
from core.engine.models import catalog, convert_gguf, package_files
from core.engine.models.unusable_model import UnusableModelError, hub_errors_in_words

PUBLIC_UMASK = 0o022  # base models are public, and several accounts may share their folder
# Weights in safetensors and what a tokenizer needs: nothing that could run as code.
DOWNLOAD_PATTERNS = ["*.safetensors", "*.json", "*.txt", "*.jinja", "tokenizer.model", "LICENSE*"]


def prepare(entry: catalog.CatalogEntry, models: Path, on_progress: Callable[[float], None]) -> None:
    """Convert a model from its installed package, or download it from the hub into the hub's cache.

    Nothing is done when its folder is complete. Raises UnusableModelError for a damaged file or what the hub refuses.
    """
    os.umask(PUBLIC_UMASK)
    models.mkdir(parents=True, exist_ok=True)
    with FileLock(models / f"{entry.id}.lock"):
        if catalog.find_folder(entry, models):
            return
        if entry.folder:
            raise UnusableModelError(catalog.describe_gone_folder(entry))
        if entry.package:
            _convert(entry, models / entry.id, on_progress)
        elif entry.hub:
            _download(entry.hub)


def _convert(entry: catalog.CatalogEntry, target: Path, on_progress: Callable[[float], None]) -> None:
    """Convert the model of a package, which is downloaded first where it is not installed: half of the progress then."""
    assert entry.package
    share = 0.0 if catalog.find_installed(entry.package) else 0.5
    kept = target.with_name(f"{entry.id}.parts")
    with package_files.open_model_file(entry, lambda progress: on_progress(share * progress), kept) as source:
        convert_gguf.convert(
            source, target, catalog.load_terms(entry), entry.chat_template,
            lambda progress: on_progress(share + (1 - share) * progress),
        )  # fmt: skip


def _download(hub: catalog.Hub) -> None:
    """Download a repository's revision. Raises UnusableModelError for a file that has another digest than the hub says."""
    from huggingface_hub import snapshot_download

    with hub_errors_in_words(hub.repo, hub.revision):
        folder = snapshot_download(hub.repo, revision=hub.revision, allow_patterns=DOWNLOAD_PATTERNS)
    for path in Path(folder).glob("*.safetensors"):
        _check_blob(path)


def _check_blob(path: Path) -> None:
    """Raise UnusableModelError, and delete the file, unless it has the SHA-256 that its name in the hub's cache says.

    The hub names large files by their SHA-256; a download is otherwise checked by its size only.
    """
    blob = path.resolve()
    if re.fullmatch("[0-9a-f]{64}", blob.name):
        try:
            package_files.check_sha256(blob, blob.name)
        except UnusableModelError:
            blob.unlink()
            path.unlink(missing_ok=True)
            raise


def main() -> int:
    """Exit status 0 when ready, else 1. Sends JSON lines {"progress": 0 to 1} and, on failure, {"error": text}."""
    send = child_lifetime.open_message_channel()
    child_lifetime.exit_with_parent()
    try:
        entry = catalog.build_entry(json.loads(sys.argv[1]))
        prepare(entry, Path(sys.argv[2]), lambda progress: send({"progress": progress}))
    except UnusableModelError as error:
        send({"error": str(error)})
        return 1
    except Exception as error:
        send(child_lifetime.build_unexpected(error))
        return 1
    return 0


if __name__ == "__main__":
    child_lifetime.exit_process(main())
