"""The commands of main.py that talk to models: chat, route."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict

from core import providers
from core.chat import router
from core.cli.console import (
    CLEAN,
    PROBLEMS,
    AddCommand,
    Arguments,
    connected,
    print_result,
    with_project,
    with_provider,
)
from core.cli.streams import print_message, print_text
from core.errors import JukuError
from core.language import tr
from core.providers import Message, Provider, Sampling
from core.spec import spec
from core.storage.project import Project

QUIT, ANEW = "/quit", "/new"


def add(add_command: AddCommand) -> None:
    """Add these commands to the parser."""
    chat = add_command("chat", _chat, tr("talk to a model in the terminal; each line is a message"))
    chat.add_argument("--model", required=True)
    chat.add_argument("--temperature", type=float, default=0.0)
    route = add_command("route", _route, tr("choose the model of the domain that a question belongs to"))
    route.add_argument("question")
    words = tr("a chat model that chooses by function calling; without it, the words decide")
    route.add_argument("--model", default="", help=words)
    route.add_argument("--answer", action="store_true", help=tr("also let the chosen model answer"))
    for parser in (chat, route):
        parser.add_argument("--provider", default=providers.LOCAL)


def _chat(arguments: Arguments) -> int:
    async def work(document: Project, provider: Provider) -> int:
        await _talk(arguments, provider, (await document.read(spec.load)).system_prompt)
        return CLEAN

    return with_provider(arguments, work)


async def _talk(arguments: Arguments, provider: Provider, system_prompt: str) -> None:
    """Ask with all messages of the conversation, until the input ends."""
    begin: list[Message] = [{"role": "system", "content": system_prompt}] if system_prompt else []
    messages = [*begin]
    for line in _read_lines():
        if line == ANEW:
            messages = [*begin]
            continue
        messages.append({"role": "user", "content": line})
        show = _printer(arguments)
        reply = await provider.chat(arguments.model, messages, Sampling(arguments.temperature), show)
        messages.append({"role": "assistant", "content": reply.texts[0]})
        print_result(arguments, {"model": reply.model, "answer": reply.texts[0]}, "")


def _read_lines() -> Iterator[str]:
    """The person's messages: of a terminal with a prompt, or what is piped in."""
    is_terminal = sys.stdin.isatty()
    if is_terminal:
        print_message(tr("“{anew}” begins a new conversation, “{quit}” ends.", anew=ANEW, quit=QUIT))
    while True:
        print_message("> " if is_terminal else "", end="")
        line = sys.stdin.readline()
        if not line or line.strip() == QUIT:
            return
        if line.strip():
            yield line.strip()


def _printer(arguments: Arguments) -> Callable[[int, str], None]:
    def show(_index: int, piece: str) -> None:
        if not arguments.json:
            print_text(piece, end="", flush=True)

    return show


def _route(arguments: Arguments) -> int:
    async def work(document: Project) -> int:
        known = await document.read(router.load_domains)
        if not known:
            raise JukuError(tr("The project has no domains"), tr("Add them in the chat tab of the window: “Domains…”."))
        choice = await _choose(arguments, known)
        domain = next((one for one in known if one.name == choice.domain), None)
        answer = await _answer(domain, arguments.question) if domain and arguments.answer else ""
        data = {**asdict(choice), "model": domain.model if domain else "", "answer": answer}
        lines = [choice.domain or tr("No domain"), choice.reason, domain.model if domain else "", answer]
        print_result(arguments, data, "\n".join(filter(None, lines)))
        return CLEAN if domain else PROBLEMS

    return with_project(arguments, work)


async def _choose(arguments: Arguments, known: list[router.Domain]) -> router.RouterChoice:
    if not arguments.model:
        return await router.OfflineRouter(known).choose(arguments.question)
    async with connected(arguments.provider) as provider:
        return await router.choose_by_function_call(provider, arguments.model, known, arguments.question)


async def _answer(domain: router.Domain, question: str) -> str:
    messages = providers.chat_messages(domain.system_prompt, question)
    async with connected(domain.provider) as provider:
        return (await provider.chat(domain.model, messages, Sampling(0.0))).texts[0]
