"""The commands of main.py about base models on this computer: models list, fetch."""

import asyncio
from dataclasses import asdict

from core import providers
from core.cli.console import (
    CLEAN,
    INCOMPLETE,
    PROBLEMS,
    AddCommand,
    Arguments,
    connected,
    print_result,
    print_table,
    progress_reporter,
)
from core.cli.streams import print_message
from core.errors import JukuError
from core.language import tr
from core.providers import ModelOffer
from core.providers.local_engine import LocalProvider
from core.providers.retry_policy import PollTimer

WATCH_SECONDS = 1.0


def add(add_command: AddCommand) -> None:
    """Add these commands to the parser."""
    words = tr(
        "you have read the model's licence and accept it; without this option it is shown and nothing is fetched"
    )
    listing = add_command("list", _models, tr("list the local engine's base models, or fetch one"), False)
    listing.add_argument("--fetch", default="", metavar="MODEL", help=tr("the model to download or to convert"))
    fetch = add_command("fetch", _models, tr("download or convert a base model"), False)
    fetch.add_argument("fetch", metavar="MODEL")
    for parser in (listing, fetch):
        parser.add_argument("--accept-licence", action="store_true", help=words)


def _models(arguments: Arguments) -> int:
    async def work() -> int:
        async with connected(providers.LOCAL) as provider:
            assert isinstance(provider, LocalProvider)
            return await (_fetch(arguments, provider) if arguments.fetch else _list(arguments, provider))

    return asyncio.run(work())


async def _list(arguments: Arguments, provider: LocalProvider) -> int:
    offers = [offer for offer in await provider.offers() if not offer.tuned]
    rows = [(one.id, one.state, f"{one.bytes / 1e9:.1f} GB", one.licence, one.languages) for one in offers]
    heads = (tr("Model"), tr("State"), tr("Size"), tr("Licence"), tr("Languages"))
    print_table(arguments, {"models": [asdict(offer) for offer in offers]}, heads, rows)
    return CLEAN


async def _fetch(arguments: Arguments, provider: LocalProvider) -> int:
    """Fetch a model whose licence is accepted; else show the licence and what to do."""
    offer = await _find(provider, arguments.fetch)
    if offer.state != "ready" and not arguments.accept_licence:
        terms = await provider.terms(offer.id)
        head = tr("{title}, {size} GB, licence: {licence}", title=offer.title, size=f"{offer.bytes / 1e9:.1f}", licence=offer.licence)  # fmt: skip
        advice = tr("Nothing was fetched. To accept the licence and fetch the model, add “--accept-licence”.")
        print_message("\n".join(filter(None, (terms, head, offer.licence_url, advice))))
        return INCOMPLETE
    if offer.state != "ready":
        await provider.prepare(offer.id)
        offer = await _wait(provider, offer)
    print_result(arguments, asdict(offer), offer.message if offer.state == "failed" else f"{offer.id}  {offer.state}")
    return PROBLEMS if offer.state == "failed" else CLEAN


async def _wait(provider: LocalProvider, offer: ModelOffer) -> ModelOffer:
    """The model when it is ready, or has failed."""
    progress = progress_reporter(offer.title)
    timer = PollTimer()
    while (offer := await _find(provider, offer.id)).state == "fetching":
        progress.update(round(100 * (offer.progress or 0)), 100)
        timer.schedule(WATCH_SECONDS)
        await timer.wait()
    return offer


async def _find(provider: LocalProvider, model: str) -> ModelOffer:
    found = next((offer for offer in await provider.offers() if offer.id == model and not offer.tuned), None)
    if found is None:
        raise JukuError(
            tr("There is no such base model"), tr("“main.py models” lists those that the local engine knows.")
        )
    return found
