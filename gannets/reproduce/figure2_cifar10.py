"""Figure 2c: CIFAR-10 by fully connected nets, beside the training images nearest to some.

Goodfellow et al. 2014, figure 2c; the settings are the authors', see
`recipes/goodfellow2014_cifar10.py`. They state no number of updates, and neither does the figure.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gannets.recipes.goodfellow2014_cifar10 import goodfellow2014_cifar10
from gannets.reproduce.common.cifar10 import Cifar10
from gannets.reproduce.common.nearest_sheet import Panel

SECTION = "5"
TAKES = ("10 h", "30 s")

_nets: Any = goodfellow2014_cifar10.nets
figure2_cifar10 = Cifar10(
    recipe=goodfellow2014_cifar10,
    narrow=replace(
        goodfellow2014_cifar10,
        nets=replace(
            _nets,
            generator=replace(_nets.generator, hidden=(300, 300)),
            discriminator=replace(_nets.discriminator, units=(60, 60)),
        ),
    ),
    panel=Panel("fully connected nets on CIFAR-10"),
)
