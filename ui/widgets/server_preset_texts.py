"""What there is to say of a kind of server: what it can do, and what to know before one is added."""

import datetime
from urllib.parse import urlsplit

from core.language import tr
from core.providers import server_presets, shutdown_dates
from core.providers.server_presets import CUSTOM, Preset
from core.settings import ProviderSettings, is_this_computer


def ability(preset: Preset) -> str:
    """What servers of this kind do, as a heading."""
    if preset.trains:
        return tr("Trains and answers")
    if preset.shown:
        return tr("Supports only reinforcement training")
    return tr("Answers only")


def known_ability(entry: ProviderSettings) -> str:
    """The same of one server, by what was found there."""
    preset = server_presets.preset(entry.preset)
    if "jobs" not in entry.capabilities:
        return tr("Not checked yet") if preset.id == CUSTOM else ability(preset)
    return ability(preset) if entry.capabilities["jobs"] else tr("Answers only")


def remark(preset: Preset) -> str:
    """What to know of this kind, in a sentence; '' where there is nothing."""
    today = datetime.datetime.now().astimezone().date()
    for door in shutdown_dates.doors(preset.id, today, within=400):
        if door.what == "training":
            return door.words(today)
    if preset.id == "azure":
        return tr("A fine-tuned model answers only after it has been deployed there.")
    if preset.shown and not preset.trains:
        return tr("You can look at its jobs; Juku does not start any.")
    if preset.id == CUSTOM:
        return tr("Any other OpenAI-compatible server.")
    return tr("Runs on this computer; needs no API key.") if is_near(preset) else ""


def is_near(preset: Preset) -> bool:
    """Whether such a server is usually a program on this computer."""
    return is_this_computer(urlsplit(preset.base_url).hostname or "")


def placeholder(preset: Preset) -> str:
    """An example of an address."""
    return preset.base_url or "https://llm.example.com/v1"
