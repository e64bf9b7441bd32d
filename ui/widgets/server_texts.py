"""Texts about servers: their names and kinds, what each kind can do, how long models are served, what training costs."""

import datetime
from urllib.parse import urlsplit

from core import clock
from core.language import tr
from core.providers import LOCAL, prices, read_capabilities, server_presets, shutdown_dates
from core.providers.server_presets import CUSTOM, ServerPreset
from core.settings import ProviderSettings, is_this_computer
from core.training.job_progress import JobProgress
from ui.workspace import Workspace


def server_titles(workspace: Workspace) -> dict[str, str]:
    """The titles of all servers by id, this computer first."""
    return {LOCAL: tr("This computer"), **{entry.id: entry.title for entry in workspace.settings.providers}}


def server_title(workspace: Workspace, provider: str) -> str:
    """A server's title; its id when it was removed from the settings."""
    return server_titles(workspace).get(provider, provider)


def preset_of(workspace: Workspace, provider: str) -> ServerPreset:
    """The preset (kind) of a server."""
    if provider == LOCAL:
        return server_presets.preset(LOCAL)
    kinds = {entry.id: entry.preset for entry in workspace.settings.providers}
    return server_presets.preset(kinds.get(provider, server_presets.CUSTOM))


def has_capability(workspace: Workspace, provider: str, capability: str) -> bool:
    """Whether a server has a capability: as its check found, else as its preset usually does."""
    entry = next((one for one in workspace.settings.providers if one.id == provider), None)
    found = getattr(read_capabilities(entry), capability) if entry else None
    return capability in preset_of(workspace, provider).capabilities if found is None else bool(found)


def may_have_capability(workspace: Workspace, provider: str, capability: str) -> bool:
    """Whether a server has a capability, or may have it: what a custom server can do is not known before it is tried."""
    entry = next((one for one in workspace.settings.providers if one.id == provider), None)
    found = getattr(read_capabilities(entry), capability) if entry else None
    preset = preset_of(workspace, provider)
    return preset.id == CUSTOM or capability in preset.capabilities if found is None else bool(found)


def count_days_left(
    workspace: Workspace, provider: str, model: str, shutdown_date: datetime.date | None = None
) -> int | None:
    """How many days a model will still be served; None when no end is known.

    `shutdown_date` is the one that the server has reported.
    """
    if shutdown_date is None and provider == workspace.settings.provider:
        shutdown_date = next((offer.shutdown_date for offer in workspace.offers if offer.id == model), None)
    today = clock.today()
    closing = shutdown_dates.find_shutdown(model, shutdown_date, preset_of(workspace, provider).id)
    return None if closing is None else shutdown_dates.days_left(closing, today)


def job_cost(progress: JobProgress) -> float | None:
    """The cost of a job so far in US dollars, by the price table; None when unknown."""
    job = progress.job
    if job.provider == LOCAL or not progress.tokens:
        return None
    return prices.price_of_trained_tokens(progress.tokens, job.model)


def preset_ability(preset: ServerPreset) -> str:
    """What servers of this preset do, as a heading."""
    if preset.trains:
        return tr("Trains and answers")
    if preset.shown:
        return tr("Supports only reinforcement training")
    return tr("Answers only")


def server_ability(entry: ProviderSettings) -> str:
    """What one server does, as its check found."""
    preset = server_presets.preset(entry.preset)
    if "jobs" not in entry.capabilities:
        return tr("Not checked yet") if preset.id == CUSTOM else preset_ability(preset)
    return preset_ability(preset) if entry.capabilities["jobs"] else tr("Answers only")


def preset_remark(preset: ServerPreset) -> str:
    """One sentence about a preset, for example that training ends there; '' when there is none."""
    today = clock.today()
    for shutdown in shutdown_dates.list_shutdowns(preset.id, today, within=400):
        if shutdown.what == "training":
            return shutdown.describe(today)
    if preset.deploys:
        return tr("A fine-tuned model answers only after it has been deployed there.")
    if preset.shown and not preset.trains:
        return tr("You can look at its jobs; Juku does not start any.")
    if preset.id == CUSTOM:
        return tr("Any other OpenAI-compatible server.")
    return tr("Runs on this computer; needs no API key.") if is_local_preset(preset) else ""


def is_local_preset(preset: ServerPreset) -> bool:
    """Whether such a server is usually a program on this computer."""
    return is_this_computer(urlsplit(preset.base_url).hostname or "")


def address_placeholder(preset: ServerPreset) -> str:
    """An example of an address."""
    return preset.base_url or "https://llm.example.com/v1"
