"""Routes for exports of models: an extension of the protocol. Long work is an object whose progress is asked for."""

import asyncio
import json
from typing import Annotated, Any

from msgspec import Meta, Struct, to_builtins
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from core.engine import failures
from core.engine.export.gguf_layout import ExportError
from core.engine.export.plan import ADAPTER_FORMATS, FORMATS, ExportPlan, file_name
from core.engine.http.parameters import Text, check_metadata, find_duplicate, parse, read_json
from core.engine.http.protocol import ApiError, Json, bad_request, paginate
from core.engine.http.services import Services, get_services
from core.engine.inference import llama_cpp

Words = Annotated[str, Meta(max_length=500)]
Count = Annotated[float, Meta(ge=0, le=1e9)]


class ExamRow(Struct, frozen=True, forbid_unknown_fields=True):
    """How one model did in an exam. `right` counts answers, `low` and `high` are shares; the rest is against the first row.

    `gained` and `lost` count facts, `same` is the share of answers that are the same to the letter.
    """

    subject: Words
    right: Count
    asked: Annotated[int, Meta(ge=0, le=10**9)]
    low: Annotated[float, Meta(ge=0, le=1)]
    high: Annotated[float, Meta(ge=0, le=1)]
    gained: Annotated[int, Meta(ge=0)] | None = None
    lost: Annotated[int, Meta(ge=0)] | None = None
    same: Annotated[float, Meta(ge=0, le=1)] | None = None


class Card(Struct, frozen=True, forbid_unknown_fields=True):
    """What only the client knows of a model: its data, its spec, its exam."""

    data: Words | None = None
    data_digest: Words | None = None
    spec_revision: Words | None = None
    system_prompt: Annotated[str, Meta(max_length=100_000)] | None = None
    exam: Annotated[list[ExamRow], Meta(max_length=50)] | None = None
    exam_note: Words | None = None


class ExportRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A valid request for an export."""

    model: Text
    formats: Annotated[list[Text], Meta(min_length=1, max_length=len(FORMATS))]
    card: Card | None = None
    metadata: Any = {}


async def create(request: Request) -> Response:
    """Create and start an export, or return the one created before with the same idempotency key.

    Raises a 400 error for a wrong parameter, and the protocol's 404 error for an unknown model.
    """
    services, wanted = get_services(request), parse(await read_json(request), ExportRequest)
    check_metadata(wanted.metadata)
    if duplicate := find_duplicate(services.exports.store.all(), wanted.metadata):
        return JSONResponse(_describe(duplicate))
    services.check_bytes()
    plan = await _build_plan(services, wanted)
    return JSONResponse(_describe(services.exports.create(plan, wanted.metadata, services.user.id)))


def _describe(export: Json) -> Json:
    """The object that is sent: without llama.cpp no exported file can answer."""
    return export if llama_cpp.is_installed() else {**export, "models": {}}


async def _build_plan(services: Services, wanted: ExportRequest) -> ExportPlan:
    for name in wanted.formats:
        if name not in FORMATS:
            raise bad_request(
                f"Invalid 'formats': '{name}' is none of {', '.join(FORMATS)}.", "formats", "invalid_value"
            )
    source = await services.resolve_model(wanted.model)
    if wrong := [name for name in wanted.formats if name in ADAPTER_FORMATS and not source.adapter]:
        raise bad_request(f"Invalid 'formats': a base model has no '{wrong[0]}'.", "formats", "invalid_value")
    entry = source.entry
    base = {
        "id": entry.id,
        "title": entry.title,
        "source": entry.hub.repo if entry.hub else None,
        "licence": entry.licence,
        "licence_url": entry.licence_url,
        "languages": entry.languages,
    }
    return ExportPlan(
        base=str(source.base),
        adapter=str(source.adapter) if source.adapter else None,
        model=wanted.model,
        name=file_name(wanted.model),
        formats=[name for name in FORMATS if name in wanted.formats],
        base_model=base,
        context_length=entry.context_length,
        supports_tools=entry.supports_tools,
        chat_template_kwargs=entry.chat_template_kwargs,
        training=_describe_training(services, wanted.model, source.adapter),
        card=_card_values(wanted.card),
    )


def _card_values(card: Card | None) -> Json:
    values: Json = to_builtins(card) if card else {}
    return {key: value for key, value in values.items() if value is not None}


def _describe_training(services: Services, model: str, adapter: Any) -> Json:
    """The hyperparameters of the job that made the model, by their names in words; none for a base model."""
    found = services.store.models.get(model)
    if not found or not adapter:
        return {}
    record, folder = found
    config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    values: Json = {"LoRA rank": config.get("r"), "LoRA alpha": config.get("lora_alpha"), "Step": record["step"]}
    job = next((one for one in services.store.jobs.all() if one["id"] == record["job"]), None)
    if job:
        hyperparameters = job["hyperparameters"] or {}
        names = {
            "n_epochs": "Epochs",
            "batch_size": "Batch size",
            "learning_rate_multiplier": "Learning rate multiplier",
        }
        values |= {"Method": job["method"]["type"]}
        values |= {title: hyperparameters.get(name) for name, title in names.items()}
        values |= {"Seed": job["seed"], "Tokens trained": job["trained_tokens"]}
    return values


async def index(request: Request) -> Response:
    """The exports, newest first; `model=` for those of one model. Raises a 400 error for a wrong parameter."""
    query = request.query_params
    model = query.get("model")
    exports = [_describe(one) for one in get_services(request).exports.store.all() if model in (None, one["model"])]
    return JSONResponse(paginate(exports, query, 20))


async def retrieve(request: Request) -> Response:
    """One export. Raises the 404 error for an unknown id."""
    return JSONResponse(_describe(get_services(request).exports.store.get(request.path_params["id"])))


async def cancel(request: Request) -> Response:
    """Cancel an export. Raises the 404 error for an unknown id, and a 400 error for one that has ended."""
    return JSONResponse(await get_services(request).exports.cancel(request.path_params["id"]))


async def delete(request: Request) -> Response:
    """Delete an export with its files. Raises the 404 error for an unknown id."""
    export_id = request.path_params["id"]
    await get_services(request).exports.delete(export_id)
    return JSONResponse({"id": export_id, "object": "model.export", "deleted": True})


async def card(request: Request) -> Response:
    """Write the model cards of a finished export again with what the client tells now, as after an exam.

    Raises the 404 error for an unknown id, and a 400 error for a wrong parameter or an export that is not complete.
    """
    from core.engine.export import run

    exports, export_id = get_services(request).exports, request.path_params["id"]
    values = _card_values(parse(await read_json(request), Card))
    if exports.store.get(export_id)["status"] != "succeeded":
        raise bad_request(f"The export is not complete: {export_id}", code="invalid_request_error")
    folder = exports.store.folder(export_id)
    try:
        files = await asyncio.to_thread(run.rewrite_cards, folder, values)
    except ExportError as error:
        raise ApiError(500, str(error), code=failures.DAMAGED_FILE) from error
    return JSONResponse(_describe(exports.set_card(export_id, files)))


async def content(request: Request) -> Response:
    """The bytes of one file of an export, also a part of them (`Range`). Raises the 404 error for what is not listed."""
    names = request.path_params
    path = await asyncio.to_thread(get_services(request).exports.find_file, names["id"], names["path"])
    return FileResponse(path, media_type="application/octet-stream")


EXPORTS = "/v1/exports"
routes = [
    Route(EXPORTS, create, methods=["POST"]),
    Route(EXPORTS, index, methods=["GET"]),
    Route(EXPORTS + "/{id}", retrieve, methods=["GET"]),
    Route(EXPORTS + "/{id}", delete, methods=["DELETE"]),
    Route(EXPORTS + "/{id}/cancel", cancel, methods=["POST"]),
    Route(EXPORTS + "/{id}/card", card, methods=["POST"]),
    Route(EXPORTS + "/{id}/files/{path:path}", content, methods=["GET"]),
]
