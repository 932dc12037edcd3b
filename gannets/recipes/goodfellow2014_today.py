"""The nets of Goodfellow et al. (2014) on MNIST, trained with what has been learnt since.

The two nets, prior and batch are those of `goodfellow2014`; D's dropout is left out, since
penalties hold its slope. New are relativistic pairing with R1 and R2 (Huang et al. 2024, section
2), Adam with beta1 = 0 for both players, which move in turn, each on a batch of its own, and an
average of G's weights (Yazici et al. 2019) over as many updates as G does not wander too far in.

To expect: the Parzen log-likelihood of `gannets reproduce table1-mnist`.
"""

from dataclasses import replace

from gannets.game import Game, both
from gannets.nets import MaxoutMLP
from gannets.objectives import RpGAN
from gannets.recipes.goodfellow2014 import goodfellow2014
from gannets.terms import R1, R2
from gannets.training import Nets
from gannets.updates import Adam, Alternating, Average

goodfellow2014_today = replace(
    goodfellow2014,
    name="goodfellow2014_today",
    nets=Nets(goodfellow2014.nets.generator, MaxoutMLP(keep=(1.0, 1.0))),
    game=Game(RpGAN(), discriminator_terms=(R1(gamma=2.0), R2(gamma=2.0))),
    update=Alternating(k=1),
    optimizers=both(Adam(lr=5e-4, betas=(0.0, 0.99))),
    averaging=Average(half_life=250_000, ramp=0.3),
    steps=10_000,
)
