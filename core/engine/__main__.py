"""Starts the engine: `python -m core.engine [--host H] [--port P] [--home DIR] [--child] [--allow-remote]`."""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from core.engine import child_lifetime
from core.engine.http import server, services
from core.engine.http.allowed_hosts import AllowedHosts, is_loopback
from core.engine.http.connection import EngineConnection
from core.engine.http.engine_server import EngineServer, create_server
from core.engine.inference import inference_process
from core.engine.private_files import make_private, write_whole
from core.engine.team import users_command
from core.engine.training import launch

# The process's own environment: set before any library reads it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
EXIT_ALREADY_RUNNING = 75
SHUTDOWN_SECONDS = 10.0
MIN_REMOTE_TOKEN = 20  # characters


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m core.engine", description="Juku's local engine")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on; others need --allow-remote")
    parser.add_argument(
        "--allow-remote", action="store_true", help="let other computers in; JUKU_ENGINE_TOKEN must hold the token"
    )
    parser.add_argument(
        "--allowed-host", action="append", default=[], metavar="NAME", help="a name that other computers call this one"
    )
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument(
        "--home", type=Path, default=_default_home(), help="where files, jobs and tuned models are kept"
    )
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16"), default="auto")
    parser.add_argument(
        "--accelerate-config",
        type=Path,
        help="train each job on several processes, as this file of `accelerate config` says",
    )
    parser.add_argument(
        "--answerer",
        choices=("auto", "torch", "llama.cpp"),
        default="auto",
        help="who answers; auto: llama.cpp, where xllamacpp is installed, what is streamed; torch what comes whole, where the "
        "processor computes in bf16, and what llama.cpp cannot do",
    )
    parser.add_argument("--vllm-url", default="", help="of a vLLM server, http://HOST:PORT/v1; it is asked first")
    parser.add_argument(
        "--idle-seconds",
        type=float,
        default=inference_process.IDLE_SECONDS,
        help="the models leave the memory so long after the last answer",
    )
    parser.add_argument("--child", action="store_true", help="token on standard input, ends when that ends")
    parser.add_argument("--json", action="store_true", help="print url, token and pid as JSON on standard output")
    arguments = parser.parse_args()
    if not is_loopback(arguments.host):
        _check_remote(parser, arguments)
    return arguments


def _check_remote(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Exit with status 2 unless a person wants other computers to come in, and has chosen a token."""
    if not arguments.allow_remote:
        parser.error(
            f"Other computers can reach {arguments.host}: whoever has the token can read all files and train models. "
            "If you want that, add --allow-remote. Else leave --host out."
        )
    if not arguments.child and len(os.environ.get("JUKU_ENGINE_TOKEN", "")) < MIN_REMOTE_TOKEN:
        parser.error(
            f"--allow-remote needs a token of at least {MIN_REMOTE_TOKEN} characters in the environment variable "
            "JUKU_ENGINE_TOKEN."
        )
    print(
        f"Warning: other computers can reach this server at {arguments.host}. HTTP is not encrypted: on a network that "
        "you do not trust, put a reverse proxy with TLS before it.",
        file=sys.stderr,
    )


def _default_home() -> Path:
    path = os.environ.get("JUKU_ENGINE_HOME")
    return Path(path) if path else platformdirs.user_data_path("juku", appauthor=False) / "engine"


def models_folder() -> Path:
    """The folder of converted base models, shared by all homes."""
    given = os.environ.get("JUKU_MODELS")
    path = Path(given) if given else platformdirs.user_cache_path("juku", appauthor=False) / "models"
    return path.resolve()


def _read_token(child: bool) -> str:
    """The parent's first line, or from the environment, or a new token. Never empty."""
    given = sys.stdin.buffer.readline().decode().strip() if child else os.environ.pop("JUKU_ENGINE_TOKEN", "")
    if child and not given:
        sys.exit("The first line of standard input must be the token.")
    return given or secrets.token_urlsafe(32)


def _open_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    if os.name != "nt":  # there it would let two servers share a port
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host, port))
    listening.listen(128)
    return listening


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"


@contextlib.contextmanager
def _address_file(home: Path, url: str, token: str) -> Iterator[None]:
    """`engine.json` with address and token, readable by this user only, while the engine runs."""
    path = home / "engine.json"
    try:
        write_whole(path, json.dumps({"url": url, "token": token, "pid": os.getpid()}).encode())
    except OSError:  # on a full disk a person must be able to delete something
        logging.getLogger(__name__).exception("%s is not written: another window cannot join this engine", path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _serve(arguments: argparse.Namespace) -> None:
    is_chosen = bool(os.environ.get("JUKU_ENGINE_TOKEN"))
    token = _read_token(arguments.child)
    listening = _open_socket(arguments.host, arguments.port)
    port: int = listening.getsockname()[1]
    url = _url(arguments.host, port)
    ready = {"port": port, "pid": os.getpid()}

    def on_start() -> None:
        if arguments.child:
            print(json.dumps(ready), flush=True)
        elif arguments.json:
            print(json.dumps({"url": url, "token": token, "pid": os.getpid()}), flush=True)
        else:
            # A token that a person chose is not for the journal of the system.
            shown = "that in JUKU_ENGINE_TOKEN" if is_chosen else token
            print(f"Engine: {url}\nToken: {shown}", file=sys.stderr, flush=True)

    engine = _build_services(arguments)
    app = server.create_app(engine, token, AllowedHosts(arguments.host, arguments.allowed_host), on_start)
    with _address_file(arguments.home, url, token):
        _run(create_server(app, EngineConnection), listening, arguments.child)


def _build_services(arguments: argparse.Namespace) -> services.Services:
    """The services; a file of settings that cannot be read ends the program with words."""
    try:
        return services.build_services(
            services.EngineOptions(
                arguments.home,
                models_folder(),
                arguments.dtype,
                arguments.answerer,
                arguments.vllm_url,
                arguments.idle_seconds,
                is_loopback(arguments.host),
                arguments.accelerate_config,
            )
        )
    except ValueError as error:
        sys.exit(str(error))


def _run(http: EngineServer, listening: socket.socket, child: bool) -> None:
    """Serve until a signal comes, or until the parent has exited."""
    # uvicorn sends itself the signal again after its shutdown: ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    if child:
        child_lifetime.watch_stdin(lambda: _shut_down(http))
    asyncio.run(http.serve(sockets=[listening]))


def _shut_down(http: EngineServer) -> None:
    """Request a clean shutdown; exit when it takes too long."""
    http.should_exit = True
    time.sleep(SHUTDOWN_SECONDS)
    os._exit(1)


def main() -> int:
    """Exit status 0 after a clean stop, 75 when another engine has this home. `users …` is the command line for users."""
    if sys.argv[1:2] == ["users"]:
        return users_command.run(sys.argv[2:], _default_home())
    arguments = _parse_arguments()
    if arguments.accelerate_config:
        try:
            launch.read_config(arguments.accelerate_config)
        except ValueError as error:
            sys.exit(str(error))
        arguments.accelerate_config = arguments.accelerate_config.resolve()
    arguments.home = arguments.home.resolve()
    arguments.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with FileLock(arguments.home / "lock", blocking=False):
            make_private(arguments.home)
            _serve(arguments)
    except Timeout:
        print(f"Another engine runs on {arguments.home}.", file=sys.stderr)
        return EXIT_ALREADY_RUNNING
    return 0


if __name__ == "__main__":
    child_lifetime.exit_process(main())  # everything is on disk and every child has exited
