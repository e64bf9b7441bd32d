"""Says in words how it stands with a server, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import ProviderError
from core.language import tr, trn
from core.providers.connection_test import probe
from core.providers.openai_api import OpenAIProvider
from core.providers.protocol_types import Capabilities


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`advice` says what to do next; without trouble what the server can do. `capabilities` is None where it is not known."""

    ok: bool
    title: str
    advice: str
    models: int = 0
    capabilities: Capabilities | None = None


async def diagnose(provider: OpenAIProvider) -> Diagnosis:
    """Ask the server for its models and look at what it can do; costs nothing."""
    try:
        models = await provider.models()
    except ProviderError as error:
        return Diagnosis(False, error.title, _advice(provider, error))
    found = await probe(provider)
    provider.capabilities = found
    title = trn("Connected: {n} model", "Connected: {n} models", len(models))
    return Diagnosis(True, title, _can(provider, found), len(models), found)


def _advice(provider: OpenAIProvider, error: ProviderError) -> str:
    path = provider.base_url.rstrip("/")
    lost = error.status == 404 or error.code == "not_the_protocol"
    if lost and not path.endswith(("/v1", "/v4")):
        return tr("There is no OpenAI-compatible API at this address. Most servers need a base URL that ends in "
                  "/v1: try {url}.",
                  url=f"{path}/v1")  # fmt: skip
    if lost and path.endswith("/v1"):
        return tr(
            "There is no OpenAI-compatible API at this address. Compare the base URL with the server's documentation."
        )
    return error.message


def _can(provider: OpenAIProvider, found: Capabilities) -> str:
    if not found.jobs:
        return tr("It answers questions; it does not support training.")
    if provider.preset.methods:
        return tr("It trains models and answers questions.")
    return tr("It answers questions. It supports only reinforcement training, which Juku shows but does not start.")
