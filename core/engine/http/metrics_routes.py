"""The route of the metrics for Prometheus. Needs the package prometheus-client, an extra."""

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.engine.http.protocol import ApiError
from core.engine.http.services import Services
from core.engine.team.counters import SECONDS

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

JOB_STATUSES = ("validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled")


class _Metrics:
    """Builds the metrics from the engine's own numbers, when they are asked for."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator["Metric"]:
        """Every metric, as prometheus-client asks for them."""
        yield from self._requests()
        yield from self._objects()
        yield from self._memory()

    def _requests(self) -> Iterator["Metric"]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        counters, users = self._services.team.counters, self._services.team.users
        requests = CounterMetricFamily(
            "juku_requests", "Requests that have ended.", labels=["method", "route", "status"]
        )
        for (method, route, status), count in counters.requests.items():
            requests.add_metric([method, route, str(status)], count)
        yield requests
        durations = HistogramMetricFamily(
            "juku_request_seconds", "Time from a request to the end of its response.", labels=["route"]
        )
        for route, duration in counters.durations.items():
            bounds, total = [*map(str, SECONDS), "+Inf"], 0
            buckets = [(bound, total := total + count) for bound, count in zip(bounds, duration.buckets, strict=True)]
            durations.add_metric([route], buckets, duration.total_seconds)
        yield durations
        yield GaugeMetricFamily("juku_requests_in_progress", "Requests that are being answered.", counters.in_progress)
        tokens = CounterMetricFamily("juku_tokens", "Tokens read and written by models.", labels=["user", "kind"])
        for (user_id, kind), count in counters.tokens.items():
            tokens.add_metric([users.get(user_id).name, kind], count)
        yield tokens

    def _objects(self) -> Iterator["Metric"]:
        from prometheus_client.core import GaugeMetricFamily

        store = self._services.store
        jobs = GaugeMetricFamily("juku_jobs", "Fine-tuning jobs.", labels=["status"])
        statuses = [job["status"] for job in store.jobs.all()]
        for status in JOB_STATUSES:
            jobs.add_metric([status], statuses.count(status))
        yield jobs
        unfinished = sum(one["status"] in ("validating", "in_progress", "finalizing") for one in store.batches.all())
        yield GaugeMetricFamily("juku_batches_unfinished", "Batches that have not ended.", unfinished)
        yield GaugeMetricFamily("juku_models", "Fine-tuned models and checkpoints.", len(store.models.all()))
        num_bytes = sum(file["bytes"] for file in store.files.all())
        yield GaugeMetricFamily("juku_file_bytes", "Bytes of uploaded and result files.", num_bytes)
        yield GaugeMetricFamily("juku_users", "Users with a key.", len(self._services.team.users.all()))

    def _memory(self) -> Iterator["Metric"]:
        import psutil
        from prometheus_client.core import GaugeMetricFamily

        resident = GaugeMetricFamily("juku_resident_bytes", "Memory of the engine's processes.", labels=["kind"])
        answering = [self._services.process.pid] if self._services.process.pid else []
        kinds = {"engine": [os.getpid()], "answering": answering, "training": self._services.jobs.training_pids()}
        for kind, pids in kinds.items():
            total = 0
            for pid in pids:
                with contextlib.suppress(psutil.Error):  # it has just ended
                    total += psutil.Process(pid).memory_info().rss
            resident.add_metric([kind], total)
        yield resident


async def show(request: Request) -> Response:
    """The metrics in Prometheus's text format. Raises a 404 error without prometheus-client."""
    try:
        from prometheus_client import CollectorRegistry
        from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
    except ImportError as error:
        message = (
            "There are no metrics: the package prometheus-client is not installed (pip install prometheus-client)."
        )
        raise ApiError(404, message, code="not_installed") from error
    registry = CollectorRegistry()
    services: Services = request.app.state.services  # of all users
    registry.register(_Metrics(services))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


routes = [Route("/metrics", show, methods=["GET"])]
