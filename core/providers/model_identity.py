"""Checks that an answer comes from the model that was asked, for example not from a fine-tuned one instead of its base."""

from core.errors import JukuError
from core.language import tr
from core.providers import LOCAL, Provider, Reply
from core.providers.models_api import is_tuned

ADAPTER_SEPARATOR = "+"  # parts the base from the adapter in a fingerprint of the local engine
ANSWERER_SEPARATOR = "@"  # parts both from what has answered: torch, llama.cpp


class ModelIdentityError(JukuError):
    """Another model has answered than the one that was asked."""


def check_identity(provider: Provider, model: str, reply: Reply) -> None:
    """Check that the model that was asked has answered. Raises `ModelIdentityError` where the server reports another one.

    A server may report the full name of a short one (`gpt-4o` answers as `gpt-4o-2024-08-06`), or nothing at all. The
    local engine's fingerprint is the base's id, for a fine-tuned model the hash of its adapter, and what has answered.
    """
    if provider.preset.deploys:  # there a model answers under whatever name its deployment was given
        return
    reported = reply.model
    if reported and (is_tuned(reported) != is_tuned(model) or (is_tuned(model) and reported != model)):
        raise _wrong_model(model, reported)
    if provider.id == LOCAL and reply.fingerprint:
        base, adapter = _split_fingerprint(reply.fingerprint)
        if bool(adapter) != is_tuned(model) or (not adapter and base != model):
            raise _wrong_model(model, reply.fingerprint)


def adapter_hash(fingerprint: str) -> str:
    """The adapter's hash in a fingerprint of the local engine; '' for a base, or another server's."""
    return _split_fingerprint(fingerprint)[1]


def _split_fingerprint(fingerprint: str) -> tuple[str, str]:
    """The base's id and the adapter's hash in a fingerprint of the local engine."""
    base, _, adapter = fingerprint.partition(ANSWERER_SEPARATOR)[0].partition(ADAPTER_SEPARATOR)
    return base, adapter


def _wrong_model(model: str, answered: str) -> ModelIdentityError:
    return ModelIdentityError(
        tr("Another model has answered"),
        tr(
            "{asked} was requested, but {answered} answered. The answer is not used.",
            asked=model,
            answered=answered,
        ),
    )
