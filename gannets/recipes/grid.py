"""Twenty-five Gaussians on a 5x5 grid: the test of mode coverage of VEEGAN and PacGAN.

Data: centres {-4, -2, 0, 2, 4}^2, sigma .05 (Srivastava et al. 2017; Lin et al. 2018). Nets and
game as in `ring`, wider, since there are more modes to tell apart.

To expect: all 25 modes.
"""

from gannets.game import Game, Gaussian, both
from gannets.metrics import Modes, SlicedWasserstein
from gannets.nets import MLP
from gannets.objectives import RpGAN
from gannets.terms import R1, R2
from gannets.theory import Grid
from gannets.training import Evaluation, Nets, Recipe
from gannets.updates import Adam, Alternating, Average

grid = Recipe(
    name="grid",
    data=Grid(side=5, spacing=2.0, sigma=0.05),
    prior=Gaussian(2),
    nets=Nets(
        generator=MLP(hidden=(128, 128, 128), activation="relu"),
        discriminator=MLP(hidden=(128, 128, 128), activation="leaky_relu"),
    ),
    game=Game(RpGAN(), discriminator_terms=(R1(gamma=0.1), R2(gamma=0.1))),
    update=Alternating(k=1),
    optimizers=both(Adam(lr=1e-3, betas=(0.0, 0.99))),
    averaging=Average(half_life=64_000),
    batch=256,
    steps=10_000,
    # Mean and covariance say nothing of modes; transport along all directions sees them.
    evaluation=Evaluation(metrics=(SlicedWasserstein(), Modes())),
)
