"""The people of a team's server and their keys: `HOME/users.json`.

A key has 256 random bits. Nobody finds such a key by trying, so its SHA-256 may be stored as it is: a slow hash like
scrypt protects passwords that people invent, and each request would have to pay for it.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from filelock import FileLock

from core.engine.http.protocol import new_id, now
from core.engine.private_files import write_whole
from core.engine.team.watched_file import WatchedFile

KEY_PREFIX = "sk-juku-"
MAX_NAME = 64  # characters


@dataclass(frozen=True)
class User:
    """A person with a key. `id`: never used again, so that a later person of the same name inherits nothing."""

    id: str
    name: str
    is_admin: bool = False
    key_hash: str = ""
    created_at: int = 0


# Whoever has the engine's own token: owns what nobody else owns, and sees everything.
OWNER = User("", "owner", is_admin=True)


class UserError(Exception):
    """What cannot be done with this name, in words."""


class UserStore:
    """The users of one home folder. The engine and the command line may both have one open."""

    def __init__(self, home: Path) -> None:
        self._path = home / "users.json"
        self._file = WatchedFile(self._path, _parse)

    def all(self) -> list[User]:
        """Every user, oldest first."""
        return self._file.value

    def find_by_key(self, key: str) -> User | None:
        """The user with this key. Only hashes are compared: how long it takes says nothing about a key."""
        key_hash = _hash(key)
        return next((user for user in self.all() if user.key_hash == key_hash), None)

    def get(self, user_id: str) -> User:
        """The user with this id; for one that was removed, a user with a name that says so."""
        if not user_id:
            return OWNER
        return next((user for user in self.all() if user.id == user_id), User(user_id, f"removed ({user_id})"))

    def add(self, name: str, is_admin: bool = False) -> str:
        """Add a user; returns the key, which is stored nowhere. Raises UserError for a name that is taken or unusable."""
        if not name.strip() or name != name.strip() or len(name) > MAX_NAME or not name.isprintable():
            raise UserError(f"A name has 1 to {MAX_NAME} printable characters, and no space at its ends.")
        key = _new_key()
        with self._lock():
            users = self.all()
            if name == OWNER.name or any(user.name == name for user in users):
                raise UserError(f"There is already a user '{name}'.")
            self._write([*users, User(new_id("user-"), name, is_admin, _hash(key), now())])
        return key

    def remove(self, name: str) -> User:
        """Remove a user, whose key ends at once. Raises UserError for an unknown name."""
        with self._lock():
            user = self._find(name)
            self._write(one for one in self.all() if one.id != user.id)
        return user

    def renew(self, name: str) -> str:
        """Give a user another key, which is returned; the old one ends at once. Raises UserError for an unknown name."""
        key = _new_key()
        with self._lock():
            user = self._find(name)
            self._write(replace(one, key_hash=_hash(key)) if one.id == user.id else one for one in self.all())
        return key

    def _find(self, name: str) -> User:
        user = next((one for one in self.all() if one.name == name), None)
        if not user:
            raise UserError(f"There is no user '{name}'.")
        return user

    def _lock(self) -> FileLock:
        return FileLock(self._path.with_suffix(".lock"))

    def _write(self, users: Iterable[User]) -> None:
        write_whole(self._path, json.dumps([asdict(user) for user in users], ensure_ascii=False, indent=1).encode())


def _parse(data: bytes | None) -> list[User]:
    users = [User(**value) for value in json.loads(data)] if data is not None else []
    if not all(user.id and user.key_hash for user in users):
        raise ValueError("a user has no id or no key")
    return users


def _new_key() -> str:
    return KEY_PREFIX + secrets.token_urlsafe(32)


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", errors="replace")).hexdigest()
