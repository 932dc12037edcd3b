"""Which weights: a hash that is the same wherever and however they are held."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from torch import Tensor

__all__ = ["weights_hash"]


def weights_hash(tensors: Mapping[str, Tensor]) -> str:
    """A SHA-256 over names, types, shapes and bytes, in the order of names."""
    sha = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        sha.update(f"/{name} {tensor.dtype} {tuple(tensor.shape)}/".encode())
        sha.update(tensor.flatten().numpy().tobytes())
    return sha.hexdigest()
