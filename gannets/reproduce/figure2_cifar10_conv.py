"""Figure 2d: CIFAR-10 by convolutional nets, beside the training images nearest to some.

Goodfellow et al. 2014, figure 2d: a maxout convolutional D and a "deconvolutional" G; the settings
are the authors', see `recipes/goodfellow2014_cifar10_conv.py`. They state no number of updates.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gannets.recipes.goodfellow2014_cifar10_conv import goodfellow2014_cifar10_conv
from gannets.reproduce.common.cifar10 import Cifar10
from gannets.reproduce.common.nearest_sheet import Panel

SECTION = "5"
TAKES = ("23 h", "1 min")

_nets: Any = goodfellow2014_cifar10_conv.nets
figure2_cifar10_conv = Cifar10(
    recipe=goodfellow2014_cifar10_conv,
    narrow=replace(
        goodfellow2014_cifar10_conv,
        nets=replace(
            _nets,
            generator=replace(_nets.generator, hidden=(300,), channels=20),
            discriminator=replace(
                _nets.discriminator,
                stages=tuple(replace(each, channels=8) for each in _nets.discriminator.stages),
                units=(50,),
            ),
        ),
        batch=50,
    ),
    panel=Panel("convolutional nets on CIFAR-10"),
    quick_steps=100,
)
