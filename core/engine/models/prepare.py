"""The child process that makes one catalog model ready: `python -m core.engine.models.prepare ID MODELS_FOLDER`."""

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from core.engine import child_lifetime
from core.engine.models import catalog, convert_gguf

READABLE = 0o022  # the umask of base models: they are public, and several accounts may share their folder
# Weights in safetensors and what a tokenizer needs: nothing that could run as code.
PATTERNS = ["*.safetensors", "*.json", "*.txt", "*.jinja", "tokenizer.model", "LICENSE*"]


def prepare(entry: catalog.Entry, models: Path, on_share: Callable[[float], None]) -> None:
    """Convert from the installed package, or fetch from the hub into its own cache; done already: nothing."""
    os.umask(READABLE)
    models.mkdir(parents=True, exist_ok=True)
    with FileLock(models / f"{entry.id}.lock"):
        if catalog.folder(entry, models):
            return
        source = catalog.packaged(entry)
        if source and entry.package:
            convert_gguf.check_sha256(source, entry.package.sha256)
            convert_gguf.convert(source, models / entry.id, on_share)
        elif entry.hub:
            _fetch(entry.hub)


def _fetch(hub: catalog.Hub) -> None:
    from huggingface_hub import snapshot_download

    snapshot_download(hub.repo, revision=hub.revision, allow_patterns=PATTERNS)


def main() -> int:
    """Exit status 0 when ready; else 1. JSON lines tell how far it is {"share": 0 to 1}, and why it failed {"error": words}."""
    send = child_lifetime.message_line()
    child_lifetime.die_with_parent()
    try:
        prepare(catalog.entries()[sys.argv[1]], Path(sys.argv[2]), lambda share: send({"share": share}))
    except Exception as error:
        traceback.print_exc()
        send({"error": f"{type(error).__name__}: {error}"})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
