"""What the window knows of its servers: their names, their kinds, how long their models answer, what training costs."""

import datetime

from core.language import tr
from core.providers import LOCAL, known, prices, server_presets, shutdown_dates
from core.providers.server_presets import Preset
from core.training.job_progress import Standing
from ui.workspace import Workspace


def titles(workspace: Workspace) -> dict[str, str]:
    """All servers by id, this computer first."""
    return {LOCAL: tr("This computer"), **{entry.id: entry.title for entry in workspace.settings.providers}}


def title(workspace: Workspace, provider: str) -> str:
    """A server's name; of one that was taken out of the settings its id is left."""
    return titles(workspace).get(provider, provider)


def preset_of(workspace: Workspace, provider: str) -> Preset:
    """What kind of server it is."""
    if provider == LOCAL:
        return server_presets.preset(LOCAL)
    kinds = {entry.id: entry.preset for entry in workspace.settings.providers}
    return server_presets.preset(kinds.get(provider, server_presets.CUSTOM))


def has(workspace: Workspace, provider: str, capability: str) -> bool:
    """Whether a server can do something: as a look at it has found, else as its kind usually can."""
    entry = next((one for one in workspace.settings.providers if one.id == provider), None)
    found = getattr(known(entry), capability) if entry else None
    return capability in preset_of(workspace, provider).capabilities if found is None else bool(found)


def days_left(workspace: Workspace, provider: str, model: str, told: datetime.date | None = None) -> int | None:
    """How many days a model will still answer; None where no end is known. `told` is what the server says."""
    if told is None and provider == workspace.settings.provider:
        told = next((offer.shutdown_date for offer in workspace.offers if offer.id == model), None)
    today = datetime.datetime.now().astimezone().date()
    closing = shutdown_dates.shutdown(model, told, preset_of(workspace, provider).id)
    return None if closing is None else shutdown_dates.days_left(closing, today)


def cost(standing: Standing) -> float | None:
    """What a job has cost until now, in US dollars, by the table of prices; None where nobody knows."""
    job = standing.job
    if job.provider == LOCAL or not standing.tokens:
        return None
    return prices.trained_price(standing.tokens, job.model)
