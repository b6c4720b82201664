"""Closures of Lorenz '96 that are trained on a proper score of ensembles, through runs of the one-scale model.

The same generator as that of Gagne et al. 2020, with as many parameters; no discriminator. Its noise is red, and how red is
learned with the weights, for the memory of U is what forecasts of X depend on.
"""

from functools import partial

from pyemu.nn.gagne_gan import Affine, Generator
from pyemu.nn.subgrid_closure import SubgridClosure
from pyemu.zoo.lorenz96 import SubgridSystem
from pyemu.zoo.system import ModelCard

NOISE_SD = 0.1  # of what is added to inputs and hidden layers, as in the GAN's 'med'


def _build(n_inputs: int) -> SubgridClosure:
    return SubgridClosure(Generator(n_inputs, NOISE_SD, Affine()), n_inputs)


CRPS = SubgridSystem(
    name="lorenz96_crps",
    summary="Stochastic closures of Lorenz '96 trained on an almost fair CRPS through the one-scale model",
    model_card=ModelCard(
        papers=(
            "Lang et al. 2024, AIFS-CRPS: ensemble forecasting using a model trained with a loss function based on the "
            "continuous ranked probability score, arXiv:2412.15832 (the almost fair score)",
            "Gagne et al. 2020, doi:10.1029/2019MS001896 (the generator)",
        ),
        data="as lorenz96_gan: the first tenth of 2e7 steps of the two-scale model",
        recipe="almost fair CRPS (alpha 0.95, two members) of U in one step, then of X and U along runs of the one-scale "
        "model from true states; Adam with a cosine; the autocorrelation of the noise is learned in the runs",
        quirks=(
            "The lag-1 autocorrelation of the noise is one number more that is learned; the red GANs have it, too, fitted "
            "to the residual.",
            "Trained with the U of the model's own midpoint steps: that of the forward difference, as published, differs by "
            "half of what the resolved tendency changes in a step (standard deviation 1.2), which no closure can know.",
            "Trained with the U of the last step held during a step: run it with previous_tendency = 'step'.",
        ),
    ),
    networks={"x": partial(_build, 1), "xu": partial(_build, 2)},
    parameters={"x": 339, "xu": 355},
    files=dict.fromkeys(("x", "xu"), ("red",)),
    default_network="xu",
)
