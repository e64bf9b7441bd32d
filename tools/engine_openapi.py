"""Writes docs/engine-openapi.json, the OpenAPI document of the local engine: `python tools/engine_openapi.py [--check]`.

Paths come from the engine's routes, bodies from the structs that parse them. `tools/fuzz_engine.py` draws requests from it.
"""

import inspect
import json
import sys
from pathlib import Path
from typing import Any

import msgspec
from starlette.routing import Route

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.engine.http import (  # noqa: E402
    batch_routes,
    catalog_routes,
    chat_request,
    completion_routes,
    embedding_routes,
    estimate_routes,
    export_routes,
    job_request,
    model_routes,
    response_request,
    server,
)

DOCUMENT = ROOT / "docs" / "engine-openapi.json"
BODIES: dict[str, Any] = {
    "/v1/chat/completions": chat_request.ChatRequest,
    "/v1/completions": completion_routes.CompletionRequest,
    "/v1/responses": response_request.ResponseRequest,
    "/v1/embeddings": embedding_routes.EmbeddingRequest,
    "/v1/batches": batch_routes.BatchRequest,
    "/v1/fine_tuning/jobs": job_request.JobRequest,
    "/v1/fine_tuning/estimate": estimate_routes.EstimateRequest,
    export_routes.EXPORTS: export_routes.ExportRequest,
    export_routes.EXPORTS + "/{id}/card": export_routes.Card,
    "/v1/models/{id}/share": model_routes.ShareRequest,
    "/v1/catalog": catalog_routes.AddRequest,
    "/v1/catalog/{id}/prepare": catalog_routes.PrepareRequest,
}
PAGED = ("/v1/files", "/v1/batches", "/v1/fine_tuning/jobs", "/events", "/checkpoints")
UPLOAD = {
    "type": "object",
    "properties": {
        "file": {"type": "string", "format": "binary"},
        "purpose": {"type": "string", "enum": ["fine-tune", "batch", "evals", "user_data"]},
        "expires_after[anchor]": {"type": "string", "enum": ["created_at"]},
        "expires_after[seconds]": {"type": "integer", "minimum": 3600, "maximum": 2592000},
    },
    "required": ["file", "purpose"],
    "additionalProperties": False,
}
ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "message": {"type": "string", "minLength": 1},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
            "required": ["message", "type", "param", "code"],
            "additionalProperties": False,
        }
    },
    "required": ["error"],
    "additionalProperties": False,
}


def build_document() -> dict[str, Any]:
    """The OpenAPI document."""
    structs = list(BODIES.values())
    schemas, components = msgspec.json.schema_components(structs, ref_template="#/components/schemas/{name}")
    bodies = {path: {"application/json": {"schema": schema}} for path, schema in zip(BODIES, schemas, strict=True)}
    bodies["/v1/files"] = {"multipart/form-data": {"schema": UPLOAD}}
    paths: dict[str, Any] = {}
    for route in server.ROUTES:
        assert isinstance(route, Route)
        path = route.path.replace(":path}", "}")
        for method in sorted((route.methods or set()) - {"HEAD"}):
            paths.setdefault(path, {})[method.lower()] = build_operation(method, path, bodies)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Juku's local engine", "version": "1"},
        "servers": [{"url": "http://127.0.0.1"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": {**components, "Error": ERROR},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def build_operation(method: str, path: str, bodies: dict[str, Any]) -> dict[str, Any]:
    """One operation: its parameters, its body, its answers."""
    names = [part.strip("{}") for part in path.split("/") if part.startswith("{")]
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}} for name in names
    ]
    if method == "GET" and path.endswith(PAGED):
        parameters.append({"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 100}})
        parameters.append({"name": "after", "in": "query", "schema": {"type": "string"}})
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    good: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
    if path.endswith(("/content", "/files/{path}")):
        good = {"application/octet-stream": {}, "text/markdown; charset=utf-8": {}}
    if path == "/metrics":
        good = {"text/plain": {}}
    if path in ("/v1/chat/completions", "/v1/completions", "/v1/responses"):
        good["text/event-stream"] = {}
    operation: dict[str, Any] = {
        "operationId": f"{method.lower()}{path.replace('/v1', '').replace('/', '_').replace('{', '').replace('}', '')}",
        "parameters": parameters,
        "responses": {
            "200": {"description": "The object.", "content": good},
            "4XX": {"description": "What is wrong with the request.", "content": error},
            "503": {"description": "A model could not be made ready.", "content": error},
            "507": {"description": "The disk is full.", "content": error},
        },
    }
    if method == "POST" and path in bodies:
        operation["requestBody"] = {"required": True, "content": bodies[path]}
    return operation


def clean_descriptions(value: Any) -> Any:
    """The document with its descriptions without indentation: only newer versions of msgspec take it away."""
    if isinstance(value, list):
        return [clean_descriptions(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: inspect.cleandoc(one) if key == "description" and isinstance(one, str) else clean_descriptions(one)
        for key, one in value.items()
    }


def main() -> int:
    """Write the document; with `--check`, exit status 1 when it is not up to date."""
    text = json.dumps(clean_descriptions(build_document()), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    if "--check" in sys.argv:
        if not DOCUMENT.exists() or DOCUMENT.read_text("utf-8") != text:
            print(f"{DOCUMENT.relative_to(ROOT)} is not up to date: run tools/engine_openapi.py", file=sys.stderr)
            return 1
        return 0
    DOCUMENT.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
