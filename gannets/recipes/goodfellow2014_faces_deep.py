"""Generative Adversarial Nets (Goodfellow et al. 2014), on faces: the second of two stages.

The settings are those of the authors' code (github.com/goodfeli/adversarial, `tfd_pretrain/
train.yaml`). The generator of the first stage, all of it, is put on top of two new layers, z
100-8000-100, ReLU, then sigmoid with biases that begin at -2, weights U(-.05, .05), whose 100
outputs it takes for its noise; all layers are trained. D begins anew, as in the first stage, and so
do learning rate and momentum; everything else is as in `goodfellow2014_faces`. 22 epochs.

It begins in a run of the first stage, which `warm_start` names:

    gannets train faces.zip --recipe goodfellow2014_faces --out runs/faces
    gannets train faces.zip --recipe goodfellow2014_faces_deep --set warm_start.run=runs/faces

To expect: the samples of a first stage at the start are those of noise that it has never seen, as
sigmoids are not Gaussian; the new layers have to find where in its space the faces are.
"""

from dataclasses import replace

from gannets.nets import MLP, Biased, Stacked, UniformInit
from gannets.recipes.goodfellow2014_faces import goodfellow2014_faces, stack
from gannets.training import Nets, WarmStart

goodfellow2014_faces_deep = replace(
    goodfellow2014_faces,
    name="goodfellow2014_faces_deep",
    nets=Nets(
        generator=Stacked(
            bottom=MLP(
                hidden=(8000,),
                output="sigmoid",
                init=(UniformInit(0.05), Biased(UniformInit(0.05), bias=-2.0)),
            ),
            top=stack,
            width=100,
        ),
        discriminator=goodfellow2014_faces.nets.discriminator,
    ),
    warm_start=WarmStart("runs/goodfellow2014_faces", generator="top"),
    steps=1_264,
)
