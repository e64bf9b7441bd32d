"""What only POSIX systems have is listed in docs/packaging.md with what happens elsewhere: no use of it is new and unnoticed."""

import ast
import os
import re
import signal

import pytest

from core.paths import ROOT

PAGE = ROOT / "docs" / "packaging.md"
MODULES = {"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "posix", "crypt"}
# Of os, signal and socket: what Python's documentation says is missing on Windows, or does another thing there.
NAMES = {
    "os": {
        "fork", "forkpty", "getuid", "geteuid", "getgid", "getegid", "getgroups", "setsid", "setuid", "setgid", "killpg", "kill",
        "getpgid", "nice", "statvfs", "fstatvfs", "chown", "lchown", "mkfifo", "mknod", "uname", "getloadavg", "sysconf", "pread",
        "pwrite", "sendfile", "posix_fadvise", "posix_fallocate", "sched_getaffinity", "sched_setaffinity", "copy_file_range",
        "fchmod", "fchown", "fdatasync", "sync", "wait", "wait3", "wait4", "WIFEXITED", "WEXITSTATUS", "memfd_create",
        "O_NOFOLLOW", "O_NONBLOCK", "O_DIRECTORY", "O_CLOEXEC", "getxattr", "setxattr", "set_blocking",
    },
    "signal": {"SIGKILL", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT", "SIGCHLD", "SIGALRM", "SIGPIPE", "alarm", "setitimer", "pthread_kill", "pthread_sigmask"},
    "socket": {"AF_UNIX", "socketpair", "SO_REUSEPORT"},
}  # fmt: skip
TEXTS = re.compile(r"^/(proc|dev|etc|bin|sys|var|tmp)\b")
FILES = sorted(path for folder in ("core", "ui") for path in (ROOT / folder).rglob("*.py"))


def find_uses(tree):
    """What of a module is for POSIX: names of modules, `os.name`, absolute paths, a folder that is synced."""
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (one.name for one in names if one.name in MODULES)
            case ast.ImportFrom(module=module) if module in MODULES:
                yield module
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if name in NAMES.get(owner, ()):
                yield f"{owner}.{name}"
            case ast.Call(
                func=ast.Name(id="getattr" | "hasattr"), args=[ast.Name(id=owner), ast.Constant(value=name), *_]
            ):
                if name in NAMES.get(owner, ()):
                    yield f"{owner}.{name}"
            case ast.keyword(arg="start_new_session" | "preexec_fn" | "umask" | "pass_fds"):
                yield node.arg
            case ast.FunctionDef(name="sync_folder"):
                yield "os.fsync of a folder"
            case ast.Constant(value=str(text)) if TEXTS.match(text) and id(node) not in docs:
                yield text


def listed():
    """The lines of the page's table: `file` and `use`, and what happens elsewhere."""
    rows = re.findall(
        r"^\| `((?:core|ui)/[^`]+)` \| ([^|]+) \| ([^|]+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    return {(file, use): other.strip() for file, uses, other in rows for use in re.findall(r"`([^`]+)`", uses)}


def test_each_use_is_listed_with_what_happens_elsewhere():
    found = {
        (path.relative_to(ROOT).as_posix(), use)
        for path in FILES
        for use in find_uses(ast.parse(path.read_text(encoding="utf-8")))
    }
    table = listed()
    assert found - table.keys() == set(), "say in docs/packaging.md what happens on Windows"
    assert table.keys() - found == set(), "no longer in the source"
    assert all(len(other) > 10 for other in table.values())


@pytest.mark.parametrize(
    ("code", "uses"),
    [
        ("import fcntl", ["fcntl"]),
        ("x = hasattr(os, 'getuid') and os.getuid()", ["os.getuid", "os.getuid"]),
        ("Popen(x, start_new_session=True)", ["start_new_session"]),
        ("Path('/proc/self')", ["/proc/self"]),
        ('"""In /proc."""', []),
        ("os.path.join('a', '/b')", []),
    ],
)
def test_what_is_found(code, uses):
    assert sorted(find_uses(ast.parse(code))) == uses


def test_the_names_are_names():
    assert all(hasattr(os, name) for name in ("getuid", "nice", "statvfs")) and hasattr(signal, "SIGKILL")
