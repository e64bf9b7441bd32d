"""The commands of main.py about the servers in the settings: servers list, presets, add, remove, test, key."""

import asyncio
import getpass
import sys

from core import providers, settings
from core.cli.console import CLEAN, PROBLEMS, AddCommand, Arguments, connected, print_result, print_table
from core.cli.streams import print_message
from core.errors import JukuError, KeyStoreError
from core.keys import Keys, environment_variable
from core.language import tr
from core.providers import connection_test, server_presets
from core.providers.openai_api import OpenAIProvider
from core.settings import ProviderSettings, Settings


def add(add_command: AddCommand) -> None:
    """Add these commands to the parser."""
    add_command("list", _list, tr("list the servers in the settings"), False)
    add_command("presets", _list_presets, tr("list the kinds of servers that Juku knows"), False)
    new = add_command("add", _add, tr("add a server to the settings"), False)
    new.add_argument("title", metavar="NAME")
    new.add_argument("--preset", choices=[one.id for one in server_presets.presets()], default=server_presets.CUSTOM)
    new.add_argument("--url", default="", help=tr("by default that of the preset"))
    more = tr("a model that the server has and does not list; can be given several times")
    new.add_argument("--model", action="append", default=[], dest="models", help=more)
    for name, function, text in (
        ("remove", _remove, tr("remove a server, and its key from the keyring")),
        ("test", _test, tr("test the connection, and what the server can do; costs nothing")),
        ("key", _change_key, tr("store a server's API key in the keyring; it is read from standard input")),
    ):
        parser = add_command(name, function, text, False)
        parser.add_argument("server", metavar="SERVER")
        if name == "test":
            corrected = tr("enter the corrected address in the settings where the test finds one")
            parser.add_argument("--correct", action="store_true", help=corrected)
        if name == "key":
            parser.add_argument("--unset", action="store_true", help=tr("delete it from the keyring"))


def _find(chosen: Settings, id: str) -> ProviderSettings:
    entry = next((one for one in chosen.providers if one.id == id), None)
    if entry is None:
        raise JukuError(tr("There is no provider “{id}”", id=id), tr("“servers list” shows those in the settings."))
    return entry


def _list(arguments: Arguments) -> int:
    keys = Keys()
    found = [
        {"id": one.id, "name": one.title, "url": one.base_url, "preset": one.preset, "key": _find_key(keys, one.id)}
        for one in settings.load().providers
    ]
    here = {"id": providers.LOCAL, "name": tr("This computer"), "url": "", "preset": "", "key": ""}
    heads = (tr("Id"), tr("Name"), tr("Base URL"), tr("Kind"), tr("Key"))
    print_table(arguments, {"servers": [here, *found]}, heads, [tuple(one.values()) for one in (here, *found)])
    return CLEAN


def _find_key(keys: Keys, id: str) -> str:
    """Where the key is, never the key itself."""
    try:
        return keys.location(id) or tr("none")
    except KeyStoreError:
        return tr("unknown: the keyring does not answer")


def _list_presets(arguments: Arguments) -> int:
    found = server_presets.presets()
    rows = [(one.id, one.title, one.base_url, ", ".join(one.methods)) for one in found]
    data = {"presets": [dict(zip(("id", "name", "url", "methods"), row, strict=True)) for row in rows]}
    print_table(arguments, data, (tr("Id"), tr("Name"), tr("Base URL"), tr("Training")), rows)
    return CLEAN


def _add(arguments: Arguments) -> int:
    chosen = settings.load()
    url = arguments.url or server_presets.preset(arguments.preset).base_url
    if problem := settings.url_error(url):
        raise JukuError(tr("The server was not added"), f"{problem} (--url)")
    if warning := settings.url_warning(url):
        print_message(warning)
    entry = ProviderSettings(
        settings.new_id(chosen, arguments.title), arguments.title, url, arguments.preset, models=arguments.models
    )
    chosen.providers.append(entry)
    settings.save(chosen)
    advice = tr("Next: “servers key {id}” stores its API key, “servers test {id}” tests it.", id=entry.id)
    print_result(arguments, {"id": entry.id, "url": url}, f"{entry.id}\n{advice}")
    return CLEAN


def _remove(arguments: Arguments) -> int:
    chosen = settings.load()
    entry = _find(chosen, arguments.server)
    try:
        Keys().delete(entry.id)
    except KeyStoreError as error:  # a server without a key must not need a keyring to go
        print_message(str(error))
    chosen.remove_server(entry.id)
    settings.save(chosen)
    print_result(arguments, {"id": entry.id}, tr("Removed: {name}", name=entry.title))
    return CLEAN


def _test(arguments: Arguments) -> int:
    async def work() -> connection_test.ConnectionStatus:
        async with connected(arguments.server) as provider:
            assert isinstance(provider, OpenAIProvider)
            return await connection_test.check_connection(provider)

    chosen = settings.load()
    entry = None if arguments.server == providers.LOCAL else _find(chosen, arguments.server)
    status = asyncio.run(work())
    if entry and status.capabilities:
        connection_test.store_capabilities(entry, status.capabilities)
        settings.save(chosen)
    if entry and status.base_url and arguments.correct:
        entry.set_url(status.base_url)
        settings.save(chosen)
    data = {
        "ok": status.ok,
        "title": status.title,
        "advice": status.advice,
        "models": status.models,
        "url": status.base_url,
    }
    print_result(arguments, data, f"{status.title}\n{status.advice}")
    return CLEAN if status.ok else PROBLEMS


def _change_key(arguments: Arguments) -> int:
    chosen, keys = settings.load(), Keys()
    entry = _find(chosen, arguments.server)
    if arguments.unset:
        keys.delete(entry.id)
        print_result(arguments, {"key": ""}, tr("The key of “{server}” was deleted.", server=entry.title))
        return CLEAN
    key = (getpass.getpass(tr("API key: ")) if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not key:
        raise JukuError(
            tr("There is no key"), tr("Type it, or pipe it in: it is no argument, since others can see those.")
        )
    keys.save(entry.id, key)
    entry.key_origin = ""
    settings.save(chosen)
    where = {"key": keys.backend(), "variable": environment_variable(entry.id)}
    print_result(arguments, where, tr("The key of “{server}” is in the keyring ({name}).", server=entry.title, name=where["key"]))  # fmt: skip
    return CLEAN
