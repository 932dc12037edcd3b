"""Read as many bytes as a header claims, and never allocate more than there are."""

from __future__ import annotations

from io import BufferedIOBase

__all__ = ["read"]

_CHUNK = 1 << 20


def read(file: BufferedIOBase, size: int) -> bytearray:
    """Up to `size` bytes, fewer where the file ends."""
    values = bytearray()
    while left := size - len(values):
        chunk = file.read(min(left, _CHUNK))
        if not chunk:
            break
        values += chunk
    return values
