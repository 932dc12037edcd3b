"""Fetch one file whose size and sha256 are known, or leave no trace."""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import suppress
from io import BufferedIOBase
from pathlib import Path

__all__ = ["TIMEOUT", "download"]

TIMEOUT = 30.0
"""Seconds without a byte after which a server is given up."""
_CHUNK = 1 << 16


def download(url: str, target: Path, *, size: int, sha256: str) -> str | None:
    """Fetch `url` to `target`; return why that failed, or None.

    The disk is not touched before the content is whole and has the checksum, and the file gets its
    name last: after a failure neither a part of it is left nor a folder that was made for it.
    """
    content, why = _fetch(url, size)
    if why:
        return why
    if len(content) != size:
        return f"{url} ends after {len(content):,} of {size:,} bytes"
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        return f"{url} gives a file of another sha256, {found}"
    try:
        _write(target, content)
    except OSError as error:
        return f"{target.parent} cannot be written ({error.strerror})"
    return None


def _fetch(url: str, size: int) -> tuple[bytearray, str]:
    """The first `size` bytes at `url`, or why there are none."""
    # Not when gannets is imported: most runs find their data here.
    import http.client
    import urllib.error
    import urllib.request

    content = bytearray()
    if not url.startswith(("http://", "https://")):
        return content, f"{url} is no http or https address"
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            for chunk in _shown(answer, url, size):
                content += chunk
                if len(content) > size:
                    return content, f"{url} gives more than the {size:,} bytes expected"
    except urllib.error.HTTPError as error:
        error.close()
        return content, f"{url} answers {error.code} {error.reason}"
    except (OSError, http.client.HTTPException, ValueError) as error:
        return content, f"{url} cannot be had ({getattr(error, 'reason', error) or 'no answer'})"
    return content, ""


def _shown(answer: BufferedIOBase, url: str, size: int) -> Iterator[bytes]:
    """The chunks of an answer, with a progress bar where a person is watching."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    columns = (TextColumn(url.rsplit("/", 1)[-1]), BarColumn(), DownloadColumn())
    console, hidden = Console(stderr=True), not sys.stderr.isatty()
    with Progress(*columns, console=console, disable=hidden, transient=True) as progress:
        task = progress.add_task("", total=size)
        while chunk := answer.read(_CHUNK):
            yield chunk
            progress.advance(task, len(chunk))


def _write(target: Path, content: bytearray) -> None:
    """Write under a temporary name, then rename; on failure remove what was made."""
    folder = target.parent
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    path = folder / f".{target.name}.{secrets.token_hex(4)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.replace(target)
    except BaseException:  # an interrupt too
        with suppress(OSError):
            path.unlink()
        for each in made:
            with suppress(OSError):
                os.rmdir(each)
        raise
