"""Generative Adversarial Nets (Goodfellow et al. 2014), on faces: the first of two stages.

The settings are those of the authors' code (github.com/goodfeli/adversarial, `tfd_pretrain/
pretrain.yaml`): z Gaussian; G 100-8000-8000-2304, ReLU, then sigmoid with biases that begin at -2,
weights U(-.05, .05); a sigmoid output whose bias starts at the data's marginals and whose units
have 100 weights N(0, 1) each, the others 0; D two maxout layers of 1200 units with 5 pieces,
weights U(-.005, .005), dropout keeping .8 of the input and .5 of what is hidden; no column of
weights of either player longer than 1.9365 after an update; batches of 100; momentum from .5 to .7
over 250 epochs, learning rate .05 divided by 1.000004 at every update; both gradients from one draw
at the same parameters; 50 epochs. The authors' D descends half of the objective here, the mean of
its two halves, hence D's learning rate of .025. `goodfellow2014_faces_deep` is the second stage.

Other data: the authors' are the about 100,000 unlabelled images of the Toronto Face Database, which
is not public. Here they are grey faces of the same size, 48 x 48, in a folder or a .zip of yours:
`gannets train faces.zip --recipe goodfellow2014_faces`, or `--set data.path=...`. The steps are 50
epochs of 5,744 images, about 57 updates each, a twentieth of the authors' updates; `--steps 51000`
makes as many as theirs.

To expect: 83 million weights in G and 21 million in D, hence seconds an update on a processor. The
paper reports a Parzen window log-likelihood of 2057 +- 26 on the Toronto Face Database after both
stages.
"""

from gannets.data import Folder
from gannets.game import Game, Gaussian, Players, both
from gannets.nets import MLP, Biased, MaxoutMLP, SparseInit, UniformInit
from gannets.objectives import NonSaturating
from gannets.terms import MaxNorm
from gannets.training import Nets, Recipe
from gannets.updates import SGD, Decay, Ramp, Simultaneous

stack = MLP(
    hidden=(8000, 8000),
    activation=("relu", "sigmoid"),
    output="sigmoid",
    init=(UniformInit(0.05), Biased(UniformInit(0.05), bias=-2.0), SparseInit(100)),
    bias_from_data=True,
)

goodfellow2014_faces = Recipe(
    name="goodfellow2014_faces",
    data=Folder("faces48.zip", size=48, channels=1, bounds=(0.0, 1.0)),
    prior=Gaussian(100),
    nets=Nets(
        generator=stack,
        discriminator=MaxoutMLP(
            units=(1200, 1200), pieces=5, keep=(0.8, 0.5), init=UniformInit(0.005)
        ),
    ),
    game=Game(NonSaturating()),
    update=Simultaneous(),
    optimizers=Players(
        generator=SGD(
            lr=Decay(0.05, 1.000004, floor=1e-6), momentum=Ramp(0.5, 0.7, steps=14_193, every=57)
        ),
        discriminator=SGD(
            lr=Decay(0.025, 1.000004, floor=5e-7), momentum=Ramp(0.5, 0.7, steps=14_193, every=57)
        ),
    ),
    constraint=both(MaxNorm(1.9365)),
    batch=100,
    steps=2_872,
)
