"""Routes for uploaded files."""

import asyncio
import shutil
from pathlib import Path
from typing import Literal

from msgspec import Struct
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from core.engine.http import batch_input
from core.engine.http.parameters import ExpiresAfter, parse
from core.engine.http.protocol import ApiError, Json, bad_request, paginate
from core.engine.http.services import Services, get_services

MAX_FILE_BYTES = 512 * 1024 * 1024
# The API's name in error messages, the size of a file at most, and how its name must end.
PURPOSES = {
    "fine-tune": ("Fine-Tuning", MAX_FILE_BYTES, ".jsonl"),
    "batch": ("Batch", batch_input.MAX_FILE_BYTES, ".jsonl"),
    "evals": ("Evals", MAX_FILE_BYTES, ".jsonl"),
    "user_data": ("Files", MAX_FILE_BYTES, ""),
}
_EXPIRY_FIELDS = {"expires_after[anchor]": "anchor", "expires_after[seconds]": "seconds"}


class UploadForm(Struct, frozen=True, forbid_unknown_fields=True):
    """A valid form of an upload."""

    file: UploadFile
    purpose: Literal["fine-tune", "batch", "evals", "user_data"]
    expires_after: ExpiresAfter | None = None


async def create(request: Request) -> Response:
    """Store one uploaded file. Raises a 400 error for a wrong parameter, and 413 for a file that is too large."""
    async with request.form(max_files=1, max_fields=10) as form:
        return JSONResponse(await _store(get_services(request), parse(_read_form(form), UploadForm)))


def _read_form(form: FormData) -> Json:
    """The fields; the parts of `expires_after`, which is no JSON in a form, put together."""
    values: Json = {name: value for name, value in form.items() if name not in _EXPIRY_FIELDS}
    expiry: Json = {key: form[name] for name, key in _EXPIRY_FIELDS.items() if name in form}
    if str(expiry.get("seconds", "")).isascii() and str(expiry.get("seconds", "")).isdigit():
        expiry["seconds"] = int(str(expiry["seconds"])[:20])
    return {**values, "expires_after": expiry} if expiry else values


async def _store(services: Services, form: UploadForm) -> Json:
    """The file object. The name stays as given: it is displayed, never used as a path."""
    upload, (api, max_bytes, ending) = form.file, PURPOSES[form.purpose]
    name = upload.filename or ""
    if not name.lower().endswith(ending):
        raise bad_request(f"Invalid file format for {api} API. Must be .jsonl", "file", "invalid_file_format")
    if (upload.size or 0) > max_bytes:
        raise ApiError(413, f"The file is larger than {max_bytes} bytes.", param="file", code="request_too_large")

    services.check_bytes(upload.size or 0)

    def write(path: Path) -> None:
        with path.open("wb") as target:
            shutil.copyfileobj(upload.file, target, 1 << 20)

    seconds = form.expires_after.seconds if form.expires_after else None
    return await asyncio.to_thread(services.store.files.add, name, form.purpose, write, expires_after=seconds)


async def index(request: Request) -> Response:
    """The files, newest first unless `order` is `asc`. Raises a 400 error for a wrong parameter."""
    query = request.query_params
    files = get_services(request).store.files.all()
    if "purpose" in query:
        files = [file for file in files if file["purpose"] == query["purpose"]]
    if query.get("order", "desc") not in ("asc", "desc"):
        raise bad_request("Invalid 'order': expected 'asc' or 'desc'.", "order", "invalid_value")
    ordered = files[::-1] if query.get("order") == "asc" else files
    return JSONResponse(paginate(ordered, query, 10_000, 10_000, with_ids=True))


async def retrieve(request: Request) -> Response:
    """One file object. Raises the protocol's 404 error for an unknown id."""
    return JSONResponse(get_services(request).store.files.get(request.path_params["id"]))


async def content(request: Request) -> Response:
    """The bytes as they were uploaded.

    Raises the protocol's 404 error for an unknown id, and a 500 error `damaged_file` for bytes that have changed since.
    """
    path = await asyncio.to_thread(get_services(request).store.files.read_whole, request.path_params["id"])
    return FileResponse(path, media_type="application/octet-stream")


async def delete(request: Request) -> Response:
    """Delete a file. Raises the protocol's 404 error for an unknown id."""
    file_id = request.path_params["id"]
    get_services(request).store.files.delete(file_id)
    return JSONResponse({"id": file_id, "object": "file", "deleted": True})


routes = [
    Route("/v1/files", create, methods=["POST"]),
    Route("/v1/files", index, methods=["GET"]),
    Route("/v1/files/{id}", retrieve, methods=["GET"]),
    Route("/v1/files/{id}", delete, methods=["DELETE"]),
    Route("/v1/files/{id}/content", content, methods=["GET"]),
]
