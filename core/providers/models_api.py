"""Models at a server: list, limits, deletion; moderation and embeddings."""

from __future__ import annotations

import datetime
import re
from functools import partial
from typing import Any

from core.errors import ProviderError
from core.providers.error_messages import unreadable_answer_error
from core.providers.http_client import MISSING_ROUTE_STATUSES, Connection, T, list_items
from core.providers.protocol_types import ModelInfo, ModelOffer
from core.providers.retry_policy import ONCE_ONLY, QUESTIONING, OnPause, ignore_pause

UNUSABLE_STATES = ("missing", "failed")
MODERATION_MODEL = "omni-moderation-latest"


class ModelsApi(Connection):
    async def models(self) -> list[ModelInfo]:
        """The models that can answer, the newest first where the server reports their dates. Raises `ProviderError`.

        Those that the person knows beside the listed ones come last.
        """
        try:
            found = await self._list_models()
        except ProviderError as error:
            if error.status not in MISSING_ROUTE_STATUSES or not self.unlisted_models:
                raise
            found = []
        listed = {model.id for model in found}
        return [*found, *(ModelInfo(name) for name in self.unlisted_models if name not in listed)]

    async def _list_models(self) -> list[ModelInfo]:
        """The models in the server's list, the newest first. Raises `ProviderError`."""
        client = await self.client()
        from openai.pagination import AsyncPage

        page = await self._request(client.models.list, AsyncPage)
        # The local engine lists those that must be fetched first, too.
        items = [
            item
            for item in self.read_answer(list_items, page)
            if isinstance(getattr(item, "id", None), str) and getattr(item, "state", None) not in UNUSABLE_STATES
        ]
        return sorted((self.read_answer(_model, item) for item in items), key=lambda model: -model.created_at)

    async def offers(self) -> list[ModelOffer]:
        """The models to choose from. Raises `ProviderError`."""
        return [
            ModelOffer(model.id, model.id, tuned=is_tuned(model.id), shutdown_date=model.shutdown_date)
            for model in await self.models()
        ]

    async def delete_model(self, id: str) -> None:
        """Delete a fine-tuned model, for good; sent once. Raises `ProviderError`."""
        client = await self.client()
        from openai.types import ModelDeleted

        await self._await_and_note(
            "model_delete", self._request(lambda: client.models.delete(id), ModelDeleted, ONCE_ONLY)
        )

    async def model_limits(self) -> dict[str, dict[str, int]]:
        """How many jobs the account may run, by model; empty where the server reports it in another form. Raises `ProviderError`."""
        client = await self.client()
        found = await self.request_json(lambda: client.get("/fine_tuning/model_limits", cast_to=object))
        return {
            name: {key: number for key, number in limits.items() if isinstance(number, int)}
            for name, limits in found.items()
            if isinstance(limits, dict)
        }

    async def moderate(self, texts: list[str], on_pause: OnPause = ignore_pause) -> list[list[str]]:
        """The categories in which each text was flagged. Raises `ProviderError`, also when the server answers to some of the texts only."""
        client = await self.client()
        from openai.types import ModerationCreateResponse

        create = partial(client.moderations.create, input=texts, model=MODERATION_MODEL)
        answer = self._request(create, ModerationCreateResponse, QUESTIONING, on_pause)
        found = await self._await_and_note("moderation", answer)
        return [_read_flagged_categories(result) for result in self._require_one_each(found.results, texts)]

    async def embed(self, model: str, texts: list[str], on_pause: OnPause = ignore_pause) -> list[list[float]]:
        """The vectors of `texts`, in their order. Raises `ProviderError`, also when the server answers to some of the texts only."""
        client = await self.client()
        from openai.types import CreateEmbeddingResponse

        create = partial(client.embeddings.create, input=texts, model=model)
        answer = self._request(create, CreateEmbeddingResponse, QUESTIONING, on_pause)
        found = await self._await_and_note("embeddings", answer)
        return [
            list(item.embedding)
            for item in sorted(self._require_one_each(found.data, texts), key=lambda item: item.index)
        ]

    def _require_one_each(self, found: list[T] | None, texts: list[str]) -> list[T]:
        """`found`, one for each text. Raises `ProviderError` for another number: some servers answer to the first text only."""
        if len(found or []) != len(texts):
            raise unreadable_answer_error(self.title, f"{len(found or [])} ≠ {len(texts)}")
        return found or []


# Fine-tuned models of services whose names say so: Alibaba's, Tinker's, Together's with Juku's mark, Fireworks' own.
_TUNED = re.compile(
    r"ft:|.*\.ft-|.*-ft-\d{8}|tinker://|.*;tinker://|[^/]+/.+-j[0-9a-f]{16}(?:-|$)|accounts/(?!fireworks/)[^/]+/models/"
)


def is_tuned(model: str) -> bool:
    """Whether an id is one of a fine-tuned model, as far as its form shows it: OpenAI's, Azure's, and those of other services."""
    return _TUNED.match(model) is not None


def _read_flagged_categories(result: Any) -> list[str]:
    categories = result.categories.to_dict() if result.flagged else {}
    return sorted(name for name, flagged in categories.items() if flagged)


def _model(item: Any) -> ModelInfo:
    reported = getattr(item, "shutdown_date", None)
    return ModelInfo(item.id, float(item.created or 0), str(item.owned_by or ""), _day(reported))


def _day(text: object) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text[:10]) if isinstance(text, str) else None
    except ValueError:
        return None
