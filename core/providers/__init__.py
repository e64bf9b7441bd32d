"""Servers that train and answer. One module per kind; `connect` makes the one a person has chosen."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from core.errors import KeyStoreError, ProviderError
from core.keys import Keys
from core.language import tr
from core.providers import server_presets
from core.providers.chat_api import chat_body, chat_messages
from core.providers.dashscope import DashScopeProvider
from core.providers.error_messages import missing_key_error
from core.providers.fireworks import FireworksProvider
from core.providers.local_engine import LocalProvider
from core.providers.openai_api import OpenAIProvider as Provider
from core.providers.protocol_types import (
    BATCH_TERMINAL,
    KEY,
    TERMINAL,
    BatchAnswer,
    BatchState,
    Capabilities,
    ExportedFile,
    ExportState,
    FileInfo,
    JobCheckpoint,
    JobEvent,
    JobRequest,
    JobState,
    JobStatus,
    Message,
    ModelInfo,
    ModelOffer,
    OnBytes,
    OnText,
    Reply,
    Sampling,
)
from core.providers.retry_policy import OnPause
from core.providers.server_codes import explain_failure
from core.providers.together import TogetherProvider
from core.settings import ProviderSettings, Settings, is_this_computer, origin

__all__ = [
    "BATCH_TERMINAL",
    "KEY",
    "TERMINAL",
    "BatchAnswer",
    "BatchState",
    "Capabilities",
    "ExportState",
    "ExportedFile",
    "FileInfo",
    "JobCheckpoint",
    "JobEvent",
    "JobRequest",
    "JobState",
    "JobStatus",
    "LocalProvider",
    "Message",
    "ModelInfo",
    "ModelOffer",
    "OnBytes",
    "OnPause",
    "OnText",
    "Provider",
    "Reply",
    "Sampling",
    "chat_body",
    "chat_messages",
    "connect",
    "explain_failure",
    "read_capabilities",
]

LOCAL = "local"
# Services with training routes of their own, by preset; any other server speaks OpenAI's protocol.
ADAPTERS: dict[str, type[Provider]] = {
    "together": TogetherProvider,
    "fireworks": FireworksProvider,
    "dashscope": DashScopeProvider,
}
KEY_OF_ANOTHER_ADDRESS = "key_of_another_address"  # the code of the error that says so


def connect(id: str, settings: Settings, keys: Keys) -> Provider:
    """The provider `id` of the settings, with its key. Blocks while the keyring answers.

    Raises `ProviderError` for an unknown id, a missing key, or a key that was entered for another address, and
    `KeyStoreError`.
    """
    if id == LOCAL:
        return LocalProvider()
    for entry in settings.providers:
        if entry.id == id:
            key = _load_key(entry, keys)
            if key is None and _needs_key(entry):
                raise missing_key_error(entry.title)
            kind = ADAPTERS.get(entry.preset, Provider)
            provider = kind(entry.id, entry.title, entry.base_url, key, server_presets.preset(entry.preset))
            provider.capabilities = read_capabilities(entry)
            provider.unlisted_models = tuple(entry.models)
            return provider
    raise ProviderError(
        tr("There is no provider “{id}”", id=id),
        tr("Choose one in the settings, or use “local”, which needs no account."),
    )


def read_capabilities(entry: ProviderSettings) -> Capabilities:
    """The capabilities that an earlier connection test has stored in the settings."""
    names = set(Capabilities.__slots__) & set(entry.capabilities)
    found: Any = {name: entry.capabilities[name] for name in names}
    return replace(Capabilities(checked_at=entry.checked_at), **found)


def _needs_key(entry: ProviderSettings) -> bool:
    """Whether it is a service with accounts: without a key it would refuse everything."""
    return bool(server_presets.preset(entry.preset).key_url) and not _is_on_this_computer(entry)


def _is_on_this_computer(entry: ProviderSettings) -> bool:
    return is_this_computer(urlsplit(entry.base_url).hostname or "")


def _load_key(entry: ProviderSettings, keys: Keys) -> str | None:
    """The provider's key. A server on this computer often wants none: there a missing keyring is no obstacle."""
    try:
        key = keys.load(entry.id)
    except KeyStoreError:
        if _is_on_this_computer(entry):
            return None
        raise
    if key and entry.key_origin:
        raise ProviderError(
            tr("The key of “{server}” was entered for another address", server=entry.title),
            tr("It belongs to {old} and was not sent to {new}. Confirm it or enter another in the settings.",
               old=entry.key_origin, new=origin(entry.base_url)),
            code=KEY_OF_ANOTHER_ADDRESS,
        )  # fmt: skip
    return key
