"""The route that estimates the time and memory of a job before anything is downloaded or started.

An extension of the protocol.
"""

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.engine.http.job_request import MethodRequest, check_method
from core.engine.http.parameters import parse, read_json
from core.engine.http.protocol import bad_request, model_not_found_error
from core.engine.http.services import Services, get_services
from core.engine.record_files import to_json_line
from core.engine.training.estimator import JobOutline
from core.engine.training.validate_rows import InvalidFileError, validate_file

MAX_ROWS = 2000  # of a sample


class EstimateRequest(MethodRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A valid request for an estimate. `rows`: those of the training file, or a sample of `num_rows`."""

    rows: Annotated[list[Any], Meta(min_length=1, max_length=MAX_ROWS)]
    num_rows: Annotated[int, Meta(ge=1, le=10**8)] | None = None
    num_validation_rows: Annotated[int, Meta(ge=0, le=10**8)] = 0


async def create(request: Request) -> Response:
    """Estimate a job: seconds, memory, and whether it fits. Nothing is started, downloaded or kept.

    Raises a 400 error for a wrong parameter or row, and the protocol's 404 error for an unknown model.
    """
    services, body = get_services(request), await read_json(request)
    check_method(body)
    wanted = parse(body, EstimateRequest)
    await asyncio.to_thread(_check_rows, wanted)
    return JSONResponse(await services.estimator.estimate(_outline(services, wanted)))


def _outline(services: Services, wanted: EstimateRequest) -> JobOutline:
    entry = services.catalog.entries.get(services.find_base(wanted.model))
    if not entry:
        raise model_not_found_error(wanted.model)
    folder = services.catalog.find_ready_folder(entry)
    return JobOutline(
        entry=entry,
        base=str(folder) if folder else None,
        method=wanted.method_name,
        hyperparameters=wanted.hyperparameter_values,
        rows=wanted.rows,
        num_rows=max(wanted.num_rows or 0, len(wanted.rows)),
        num_validation_rows=wanted.num_validation_rows,
    )


def _check_rows(wanted: EstimateRequest) -> None:
    """Raise a 400 error for a row that a job would refuse."""
    with tempfile.TemporaryDirectory(prefix="juku-estimate-") as folder:
        path = Path(folder) / "rows.jsonl"
        path.write_bytes(b"".join(to_json_line(row) for row in wanted.rows))
        try:
            validate_file(path, "validation", wanted.method_name)  # a sample may have fewer rows than a training file
        except InvalidFileError as error:
            raise bad_request(str(error), "rows", error.code) from error


routes = [Route("/v1/fine_tuning/estimate", create, methods=["POST"])]
