"""Encryption of values at rest, with AES-256 in Galois/counter mode; see `open_seal`.

A key file is text, nobody else's to read, with the newest key first:

    quarterdeck-memory-key 1
    accept-plain
    5f0c27aa <base64 of 32 bytes>        new values are sealed with this one
    19b3d8e4 <base64 of 32 bytes>        older values are opened with the one that they name

A sealed value is one byte (its version; no JSON begins with it), four of the key's id, twelve of nonce,
the ciphertext and its tag. The name of the entry is authenticated with it: a value that was copied to another
name does not open. Names themselves are not encrypted, nor are times to live.

``accept-plain`` keeps a store readable that was plain before it got a key. It also lets anybody who can write
to the store put plain values there, so take the line out once every value has been written anew. Without it
such a value is refused. Nonces are drawn by lot: rotate the key before it has sealed 2**32 values.
"""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, NamedTuple, Protocol

from quarterdeck import files
from quarterdeck.errors import ConfigError, MissingExtra, StoreCorrupt

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_HEADER = "quarterdeck-memory-key 1"
_ACCEPT_PLAIN = "accept-plain"
_VERSION = b"\x01"
_ID_BYTES = 4
_NONCE_BYTES = 12
_TAG_BYTES = 16
_KEY_BYTES = 32
_HEAD_BYTES = len(_VERSION) + _ID_BYTES
_LEAST_BYTES = _HEAD_BYTES + _NONCE_BYTES + _TAG_BYTES
_MOST_KEY_FILE_BYTES = 65_536
_PATIENCE_S = 5.0


class Seal(Protocol):
    """Turns JSON into what is stored, and back; bound to its name, so that it fits under no other."""

    def close(self, data: bytes, name: str) -> bytes:
        """What is stored."""

    def open(self, data: bytes, name: str) -> bytes:
        """The JSON that was sealed.

        Raises:
            StoreCorrupt: it was sealed with another key or under another name, or has been changed.
        """


class _Plain:
    """No encryption: anybody who may read the store reads JSON."""

    def close(self, data: bytes, name: str) -> bytes:
        return data

    def open(self, data: bytes, name: str) -> bytes:
        return data


class _KeyFile(NamedTuple):
    """What a key file says; not to be shown.

    Attributes:
        keys: by id, newest first.
        accept_plain: whether values may be plain.
    """

    keys: dict[bytes, bytes]
    accept_plain: bool

    def __repr__(self) -> str:
        return f"_KeyFile({len(self.keys)} keys)"


class _Sealed:
    """Values sealed with the keys of one file; may be shared by threads and processes."""

    def __init__(self, path: str) -> None:
        from cryptography.exceptions import InvalidTag

        self._path = path
        self._invalid_tag = InvalidTag
        self._load()

    def __repr__(self) -> str:
        return f"<seal of {self._path}, newest key {next(iter(self._ciphers))[1:].hex()}>"

    def close(self, data: bytes, name: str) -> bytes:
        head, cipher = next(iter(self._ciphers.items()))
        nonce = os.urandom(_NONCE_BYTES)
        return head + nonce + cipher.encrypt(nonce, data, head + name.encode())

    def open(self, data: bytes, name: str) -> bytes:
        if not data.startswith(_VERSION):
            return self._plain(data, name)
        if len(data) < _LEAST_BYTES:
            raise _changed(name)
        head, nonce = data[:_HEAD_BYTES], data[_HEAD_BYTES : _HEAD_BYTES + _NONCE_BYTES]
        try:
            return self._cipher(head, name).decrypt(
                nonce, data[_HEAD_BYTES + _NONCE_BYTES :], head + name.encode()
            )
        except self._invalid_tag:
            raise _changed(name) from None

    def _plain(self, data: bytes, name: str) -> bytes:
        if self._accept_plain:
            return data
        raise StoreCorrupt(
            f"the entry {name!r} is not sealed, and the key file does not accept plain values",
            hint=f"delete it; or, if the store was plain before, add a line {_ACCEPT_PLAIN} to {self._path}",
        )

    def _cipher(self, head: bytes, name: str) -> AESGCM:
        cipher = self._ciphers.get(head)
        if cipher is None:
            self._load()  # somebody may have rotated it
            cipher = self._ciphers.get(head)
        if cipher is None:
            raise StoreCorrupt(
                f"the entry {name!r} is sealed with key {head[1:].hex()}, which {self._path} does not hold",
                hint="put the line of that key back into the key file, or delete the entry",
            )
        return cipher

    def _load(self) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        keys, self._accept_plain = _read(self._path)
        self._ciphers = {_VERSION + key_id: AESGCM(key) for key_id, key in keys.items()}


def open_seal(key_file: str) -> Seal:
    """The seal of the keys in that file, read at once; an empty name: no encryption.

    Raises:
        ConfigError: the file is missing, is no key file, or others than its owner may read it.
        MissingExtra: ``cryptography`` is not installed.
    """
    if not key_file:
        return _Plain()
    try:
        import cryptography.hazmat.primitives.ciphers.aead  # noqa: F401 - asked for, not used
    except ImportError as error:
        raise MissingExtra(
            "encryption needs the package cryptography", hint="pip install 'quarterdeck[encryption]'"
        ) from error
    return _Sealed(os.path.expanduser(key_file))


def new_key(path: str) -> str:
    """Create the key file *path* with one key, for its owner only; returns the key's id.

    It accepts plain values, so that a store that has some stays readable.

    Raises:
        ConfigError: something stands there already, or it cannot be written.
    """
    key_id, key = os.urandom(_ID_BYTES), os.urandom(_KEY_BYTES)
    whole = f"{path}.{key_id.hex()}.new"  # linked when it is complete: half a key would look like a lost one
    try:
        files.private_folder(os.path.dirname(path))
        files.write_atomically(whole, _written(_KeyFile({key_id: key}, accept_plain=True)))
        try:
            os.link(whole, path)
        finally:
            os.unlink(whole)
    except FileExistsError:
        raise ConfigError(
            f"{path} is there already, and values may be sealed with its keys",
            hint="choose another name, or put a new key into it with rotate_key",
        ) from None
    except OSError as error:
        raise _unusable(path, error) from error
    return key_id.hex()


def rotate_key(path: str) -> str:
    """Put a new key first; the older ones stay, to open what they sealed. Returns the new key's id.

    Stores that are open notice when they meet a value with the new key; what they write themselves is sealed
    with the older one until then.

    Raises:
        ConfigError: it is not a key file, or cannot be written; it is as it was.
        StoreBusy: somebody else is rotating it.
    """
    try:
        with files.Lease.wait(f"{path}.lock", _PATIENCE_S):  # two at once, and one key would be lost
            keys, accept_plain = _read(path)
            key_id = os.urandom(_ID_BYTES)
            while key_id in keys:
                key_id = os.urandom(_ID_BYTES)
            keys = {key_id: os.urandom(_KEY_BYTES), **keys}
            files.write_atomically(path, _written(_KeyFile(keys, accept_plain)))
    except OSError as error:
        raise _unusable(path, error) from error
    return key_id.hex()


def _written(content: _KeyFile) -> bytes:
    lines = [_HEADER, _ACCEPT_PLAIN] if content.accept_plain else [_HEADER]
    lines += (f"{key_id.hex()} {base64.b64encode(key).decode()}" for key_id, key in content.keys.items())
    return "".join(f"{line}\n" for line in lines).encode()


def _read(path: str) -> _KeyFile:
    """The keys of *path*, none of which is in any error."""
    try:
        descriptor = files.open_plain(path)
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            text = file.read(_MOST_KEY_FILE_BYTES + 1)
    except OSError as error:
        raise _unusable(path, error) from error
    if status.st_uid != os.geteuid():
        raise ConfigError(
            f"the key file {path} belongs to somebody else", hint="make a copy that is yours, with mode 600"
        )
    if status.st_mode & 0o177:
        raise ConfigError(
            f"others than its owner may use the key file {path} (mode {status.st_mode & 0o777:04o})",
            hint=f"run: chmod 600 {path}; and rotate the key if others have been able to read it",
        )
    return _parsed(text, path)


def _parsed(text: bytes, path: str) -> _KeyFile:
    try:
        return _content(text)
    except ValueError:  # also of what is no ASCII, no hexadecimal, no base64
        raise ConfigError(
            f"{path} is not a key file of version 1, or one of its lines is damaged",
            hint=f"it begins with {_HEADER!r}; each key is a line with an id and its base64",
        ) from None


def _content(text: bytes) -> _KeyFile:
    lines = [line.strip() for line in text.decode("ascii").splitlines()]
    if lines[:1] != [_HEADER] or len(text) > _MOST_KEY_FILE_BYTES:
        raise ValueError("not a key file")
    pairs = [line.split() for line in lines[1:] if line not in {"", _ACCEPT_PLAIN} and line[0] != "#"]
    keys = {bytes.fromhex(key_id): base64.b64decode(key, validate=True) for key_id, key in pairs}
    whole = all(len(key_id) == _ID_BYTES and len(key) == _KEY_BYTES for key_id, key in keys.items())
    if not keys or not whole or len(keys) != len(pairs):
        raise ValueError("no keys, half a key, or one id twice")
    return _KeyFile(keys, accept_plain=_ACCEPT_PLAIN in lines)


def _changed(name: str) -> StoreCorrupt:
    return StoreCorrupt(
        f"the sealed entry {name!r} has been changed, cut off, or copied from another name",
        hint="delete it, or restore it from a backup; find out who can write to the store",
    )


def _unusable(path: str, error: OSError) -> ConfigError:
    return ConfigError(
        f"the key file {path} cannot be used: {error.strerror}",
        hint="create it with new_key, or check the setting key_file of section memory",
    )
