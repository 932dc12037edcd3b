"""Telling a net the class.

- Fully connected nets, both players: `ClassConcat`, (x, e(y)). Mirza and Osindero (2014),
  section 3.2.
- Convolutional G: `ConditionalBatchNorm2d`, a gain and a bias for each class. Dumoulin et al.
  (2017), eq. 5; de Vries et al. (2017), section 3.
- Convolutional D: `Projection`, + <e(y), h>. Miyato and Koyama (2018), eq. 3.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

__all__ = ["ClassConcat", "ConditionalBatchNorm2d", "Projection"]


class ClassConcat(nn.Module):
    """(x, e(y)): a learned vector for each class, behind x.

    The vectors start as N(0, I): each coordinate speaks as loudly as one of z.
    """

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(classes, width)

    def forward(
        self, x: Float[Tensor, "m features"], y: Int[Tensor, " m"]
    ) -> Float[Tensor, "m both"]:
        """The rows of x, each with its class behind it."""
        return torch.cat((x, self.embedding(y).to(x.dtype)), 1)


class ConditionalBatchNorm2d(nn.Module):
    """gain_y (x - mu) / sigma + bias_y: statistics of the batch, an affine map for each class.

    Gains start at N(1, 0.02^2), biases at 0, as those of DCGAN's batch normalisation do.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.normalise = nn.BatchNorm2d(channels, affine=False)
        self.gain = nn.Embedding(classes, channels)
        self.bias = nn.Embedding(classes, channels)
        nn.init.normal_(self.gain.weight, 1.0, 0.02)
        nn.init.zeros_(self.bias.weight)

    def forward(
        self, x: Float[Tensor, "m channels height width"], y: Int[Tensor, " m"]
    ) -> Float[Tensor, "m channels height width"]:
        """Normalise x and scale it as its class says."""
        gain, bias = (table(y)[:, :, None, None] for table in (self.gain, self.bias))
        scaled: Tensor = gain * self.normalise(x) + bias
        return scaled


class Projection(nn.Module):
    """<e(y), h>: what the class adds to the logit of features h.

    The logarithm of a ratio of two class-conditional densities of the exponential family is of this
    form. The vectors start as U(-b, b), b = 1 / sqrt(features), so that the term starts no larger
    than the linear one.
    """

    def __init__(self, classes: int, features: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(classes, features)
        nn.init.uniform_(self.embedding.weight, -(features**-0.5), features**-0.5)

    def forward(self, h: Float[Tensor, "m features"], y: Int[Tensor, " m"]) -> Float[Tensor, " m"]:
        """One number a row."""
        vectors: Tensor = self.embedding(y)
        return (vectors * h).sum(1)
