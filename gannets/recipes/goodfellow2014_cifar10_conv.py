"""Generative Adversarial Nets (Goodfellow et al. 2014), on CIFAR-10, with convolutional nets.

The settings are those of the authors' code (github.com/goodfeli/adversarial,
`cifar10_convolutional.yaml`): each image with mean 0 and norm 55; z Gaussian; G 100-8000-8000,
ReLU, then sigmoid, read as 80 channels of 10 x 10, then a deconvolution, 5 x 5 in steps of 3, to 3
channels of 32 x 32 with a bias for every pixel, linear, weights U(-.05, .05); D three maxout
convolutions with 2 pieces (32 channels, 8 x 8, padding 4, pools of 4 in steps of 2; 32, 8 x 8,
padding 3, likewise; 192, 5 x 5, padding 3, pools of 2 in steps of 2), a maxout layer of 500 units
with 5 pieces, weights U(-.005, .005), dropout keeping .8 of the input and .5 of what is hidden;
batches of 128; momentum from .5 to .7 over 250 epochs, learning rate .004 divided by 1.000004 at
every update; both gradients from one draw at the same parameters. The authors' D descends half of
the objective here, the mean of its two halves, hence D's learning rate of .002. They state no
number of epochs: here 250, until the momentum is steady.

The data are those of `goodfellow2014_cifar10`: `gannets train cifar10.npz --recipe
goodfellow2014_cifar10_conv`.

To expect: 65 million weights in G and 12 million in D, hence seconds an update on a processor.
Objects with edges but hardly recognisable, as in figure 2d of the paper, which gives no likelihood
for them.
"""

from gannets.game import Game, Gaussian, Players
from gannets.nets import DeconvMLP, MaxoutCNN, MaxoutStage, UniformInit
from gannets.objectives import NonSaturating
from gannets.recipes.goodfellow2014_cifar10 import goodfellow2014_cifar10
from gannets.training import Nets, Recipe
from gannets.updates import SGD, Decay, Ramp, Simultaneous

goodfellow2014_cifar10_conv = Recipe(
    name="goodfellow2014_cifar10_conv",
    data=goodfellow2014_cifar10.data,
    prior=Gaussian(100),
    nets=Nets(
        generator=DeconvMLP(
            hidden=(8000,),
            channels=80,
            kernel=5,
            stride=3,
            activation=("relu", "sigmoid"),
            output="linear",
            init=UniformInit(0.05),
        ),
        discriminator=MaxoutCNN(
            stages=(
                MaxoutStage(32, kernel=8, padding=4, pool=4, stride=2),
                MaxoutStage(32, kernel=8, padding=3, pool=4, stride=2),
                MaxoutStage(192, kernel=5, padding=3, pool=2, stride=2),
            ),
            conv_pieces=2,
            units=(500,),
            pieces=5,
            keep=(0.8, 0.5),
            init=UniformInit(0.005),
        ),
    ),
    game=Game(NonSaturating()),
    update=Simultaneous(),
    optimizers=Players(
        generator=SGD(
            lr=Decay(0.004, 1.000004, floor=1e-6), momentum=Ramp(0.5, 0.7, steps=77_688, every=312)
        ),
        discriminator=SGD(
            lr=Decay(0.002, 1.000004, floor=5e-7), momentum=Ramp(0.5, 0.7, steps=77_688, every=312)
        ),
    ),
    batch=128,
    steps=78_125,
)
