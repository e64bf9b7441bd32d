"""Routes for uploaded files."""

import asyncio
import shutil
from pathlib import Path

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from core.engine.http import batch_input, services
from core.engine.http.parameters import choice, known
from core.engine.http.protocol import ApiError, Json, bad_request, page

MOST_BYTES = 512 * 1024 * 1024
PURPOSES = {"fine-tune": ("Fine-Tuning", MOST_BYTES), "batch": ("Batch", batch_input.MOST_BYTES)}


async def create(request: Request) -> Response:
    """Take in one file; it goes to disk as it comes."""
    async with request.form(max_files=1, max_fields=10) as form:
        fields = known(dict(form), ("file", "purpose"))
        upload = fields.get("file")
        if not isinstance(upload, UploadFile):
            raise bad_request("'file' is a required property", "file", "missing_required_parameter")
        purpose = choice(fields, "purpose", PURPOSES)
        return JSONResponse(await _keep(services.of(request), purpose, upload))


async def _keep(parts: services.Engine, purpose: str, upload: UploadFile) -> Json:
    """The name stays as given: it is shown, never used as a path."""
    name, (api, most) = upload.filename or "", PURPOSES[purpose]
    if not name.lower().endswith(".jsonl"):
        raise bad_request(f"Invalid file format for {api} API. Must be .jsonl", "file", "invalid_file_format")
    if (upload.size or 0) > most:
        raise ApiError(413, f"The file is larger than {most} bytes.", param="file", code="request_too_large")

    def write(path: Path) -> None:
        with path.open("wb") as target:
            shutil.copyfileobj(upload.file, target, 1 << 20)

    return await asyncio.to_thread(parts.store.files.add, name, purpose, write)


async def index(request: Request) -> Response:
    """The files, newest first unless `order` says `asc`."""
    query = request.query_params
    files = services.of(request).store.files.all()
    if "purpose" in query:
        files = [file for file in files if file["purpose"] == query["purpose"]]
    if query.get("order", "desc") not in ("asc", "desc"):
        raise bad_request("Invalid 'order': expected 'asc' or 'desc'.", "order", "invalid_value")
    ordered = files[::-1] if query.get("order") == "asc" else files
    return JSONResponse(page(ordered, query, 10_000, 10_000, ends=True))


async def retrieve(request: Request) -> Response:
    """One file object."""
    return JSONResponse(services.of(request).store.files.get(request.path_params["id"]))


async def content(request: Request) -> Response:
    """The bytes as they were uploaded."""
    path = services.of(request).store.files.path(request.path_params["id"])
    return FileResponse(path, media_type="application/octet-stream")


async def delete(request: Request) -> Response:
    """Forget a file."""
    file_id = request.path_params["id"]
    services.of(request).store.files.delete(file_id)
    return JSONResponse({"id": file_id, "object": "file", "deleted": True})


routes = [
    Route("/v1/files", create, methods=["POST"]),
    Route("/v1/files", index, methods=["GET"]),
    Route("/v1/files/{id}", retrieve, methods=["GET"]),
    Route("/v1/files/{id}", delete, methods=["DELETE"]),
    Route("/v1/files/{id}/content", content, methods=["GET"]),
]
