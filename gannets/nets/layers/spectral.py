"""Spectral normalisation: W_SN = W / sigma(W), sigma the largest singular value.

Miyato et al. (2018), "Spectral normalization for GANs", eq. 8. sigma is tracked by one step of the
power iteration at every forward pass in training (their algorithm 1).
"""

from __future__ import annotations

from typing import TypeVar

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

__all__ = ["spectral"]

Layer = TypeVar("Layer", bound=nn.Module)


def spectral(layer: Layer) -> Layer:
    """Normalise the layer's weight from here on; initialise the layer before.

    A convolution's weight is read as a matrix of (output channels) x (everything else). The first
    singular vectors are drawn at random and sharpened by 15 iterations as the layer is built; they
    are buffers of the layer, so that a saved net continues where it stopped.
    """
    spectral_norm(layer, n_power_iterations=1)
    return layer
