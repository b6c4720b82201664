"""Closures of Lorenz '96 that carry noise to a tendency along a flow, learned by flow matching.

The sampling steps are unrolled in the graph, so the file is one graph with one number of noise. As the flow can be gone
backwards, the noise that leads to the true U is known, and with it how long it lasts.
"""

from functools import partial

from pyemu.nn.subgrid_closure import SubgridClosure
from pyemu.nn.subgrid_flow import FlowSampler
from pyemu.zoo.lorenz96 import SubgridSystem
from pyemu.zoo.system import ModelCard


def _build(n_inputs: int) -> SubgridClosure:
    return SubgridClosure(FlowSampler(n_inputs), n_inputs)


FLOW = SubgridSystem(
    name="lorenz96_flow",
    summary="Stochastic closures of Lorenz '96 by flow matching, four sampling steps in the graph",
    model_card=ModelCard(
        papers=(
            "Lipman et al. 2023, Flow matching for generative modeling, arXiv:2210.02747",
            "Liu, Gong and Liu 2023, Flow straight and fast, arXiv:2209.03003",
        ),
        data="as lorenz96_gan: the first tenth of 2e7 steps of the two-scale model",
        recipe="a velocity network regressed on straight lines from noise to what U leaves of a linear regression; Adam with "
        "a cosine; sampled by four steps of the midpoint rule",
        quirks=(
            "14 parameters more than the generators of Gagne et al. 2020 with the same inputs and hidden layers: the network "
            "sees the share of the way. The coefficients of the regression, two or three, are statistics besides.",
            "Red noise has the memory that fits the noise which leads to the true U over 0.1 MTU: U is smooth in time, so the "
            "autocorrelation over one record alone, as published, makes noise that lasts three times too long.",
            "Trained with the U of the model's own midpoint steps, not with that of the forward difference, and run with "
            "previous_tendency = 'step'.",
        ),
    ),
    networks={"x": partial(_build, 1), "xu": partial(_build, 2)},
    parameters={"x": 353, "xu": 369},
    files=dict.fromkeys(("x", "xu"), ("red", "white")),
    default_network="x",
)
