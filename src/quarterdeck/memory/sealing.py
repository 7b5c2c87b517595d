"""Encryption of values at rest; see `open_seal`."""

from __future__ import annotations

from typing import Protocol


class Seal(Protocol):
    """Turns JSON into what is stored, and back; *name* is bound to it, so no value fits under another name."""

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


def open_seal(key_file: str) -> Seal:
    """The seal of that key; an empty name: none."""
    return _Plain()
