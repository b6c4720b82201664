"""The generative adversarial networks of Gagne et al. 2020 as closures of Lorenz '96, all 13 named configurations.

Names say what the network sees (``xu``: X and the last U; ``x``: X alone), how large its noise is (``lrg`` 1, ``med`` 0.1,
``sml`` 0.01, ``tny`` 0.001), and ``w_old`` for the older variant, whose only noise at run time is one number beside the
inputs. Each network but the old ones becomes two files: with noise that is white in time, or red.
"""

from dataclasses import dataclass

from torch import nn

from pyemu.nn.gagne_gan import N_HIDDEN, Discriminator, Generator, InputNoiseGenerator
from pyemu.nn.subgrid_closure import SubgridClosure
from pyemu.zoo.lorenz96 import Inputs, SubgridSystem
from pyemu.zoo.system import ModelCard

NOISE_SD = {"lrg": 1.0, "med": 0.1, "sml": 0.01, "tny": 0.001}


@dataclass(frozen=True)
class Configuration:
    """One of the published networks, with its index in the public configuration files."""

    index: int
    inputs: Inputs
    noise_sd: float
    is_old: bool = False
    is_normalised: bool = True
    n_discriminator: int = N_HIDDEN  # hidden units in each of its two layers
    discriminator_l2: float = 1e-3

    @property
    def n_inputs(self) -> int:
        """Numbers that the network sees, without noise."""
        return len(self.inputs.names)

    def build(self) -> SubgridClosure:
        """The generator with fresh weights."""
        if self.is_old:
            return SubgridClosure(InputNoiseGenerator(self.n_inputs, self.noise_sd), self.n_inputs)
        output = None if self.is_normalised else nn.Identity()
        return SubgridClosure(Generator(self.n_inputs, self.noise_sd, output), self.n_inputs)

    def discriminator(self) -> Discriminator:
        """The judge of the training, with fresh weights."""
        return Discriminator(self.n_inputs, self.noise_sd, self.n_discriminator)


_X, _XU = Inputs("x"), Inputs("xu")
CONFIGURATIONS: dict[str, Configuration] = {
    **{
        f"xu_{size}_w_old": Configuration(100 + n, _XU, sd, is_old=True)
        for n, (size, sd) in enumerate(NOISE_SD.items())
    },
    "x_sml_w_old": Configuration(202, _X, NOISE_SD["sml"], is_old=True),
    "x_tny_w_old": Configuration(203, _X, NOISE_SD["tny"], is_old=True),
    "xu_lrg": Configuration(700, _XU, NOISE_SD["lrg"], n_discriminator=32, discriminator_l2=2e-3),
    "xu_med": Configuration(701, _XU, NOISE_SD["med"]),
    "xu_sml": Configuration(702, _XU, NOISE_SD["sml"]),
    "xu_tny": Configuration(703, _XU, NOISE_SD["tny"]),
    "x_med": Configuration(801, _X, NOISE_SD["med"]),
    "x_sml": Configuration(802, _X, NOISE_SD["sml"]),
    "x_tny": Configuration(803, _X, NOISE_SD["tny"], is_normalised=False),
}

# Of merged_offline_hellinger_scores.csv and the notebooks of github.com/djgagne/lorenz_gan.
_OFFLINE = {
    "xu_lrg_w_old": 0.0949,
    "xu_med_w_old": 0.0121,
    "xu_sml_w_old": 0.0251,
    "xu_tny_w_old": 0.0128,
    "x_sml_w_old": 0.0871,
    "x_tny_w_old": 0.1545,
    "xu_lrg": 0.0916,
    "xu_med": 0.0021,
    "xu_sml": 0.0269,
    "xu_tny": 0.0047,
    "x_med": 0.0588,
    "x_sml": 0.0433,
    "x_tny": 0.1036,
}
_MODEL_CARD = ModelCard(
    papers=(
        "Gagne, Christensen, Subramanian and Monahan 2020, Machine learning for stochastic parameterization: generative "
        "adversarial networks in the Lorenz '96 model, JAMES 12, doi:10.1029/2019MS001896",
    ),
    data="two-scale Lorenz '96 (K 8, J 32, h 1, b 10, c 10, F 20), 2e7 steps of 0.001, U from the slow equation's forward "
    "difference over 0.005; the first tenth trains, every fifth record of it",
    recipe="30 epochs, batch 1024 (discriminator: half true, half generated; generator: the next 1024 rows), binary "
    "cross-entropy, L2 1e-3 on kernels, Adam 1e-4 with betas 0.5 and 0.9",
    published={"offline squared Hellinger distance of U": _OFFLINE},
    quirks=(
        "The U of the forward difference over 0.005 is not what the forecast model's midpoint step needs: the two differ by half "
        "of what the resolved tendency changes in a step, standard deviation 1.2. Ours is trained on it as published.",
        "'Hellinger' in the paper's code is the squared distance, half the integral of (sqrt p - sqrt q)^2.",
        "The public script that merged the published offline scores reads the first column of each table, which is that of "
        "predictions without noise. We score both, with noise and without.",
        "The public forecast code runs the generator in Keras's training phase, so that its normalisation has the statistics "
        "of the 8 columns at hand. Ours has the moving averages of the training.",
        "In the public forecast code the U of the last step is that of the last call, in the second stage of a step that of "
        "the first. The host does the same (previous_tendency = 'stage') or holds it (previous_tendency = 'step').",
        "700 has a discriminator of 32 units with L2 2e-3, 803 no normalisation: as their public configuration.",
        "The old variant's public code has by now one hidden layer and dropout; ours has the two hidden layers of the paper "
        "with Gaussian noise before each in training.",
        "Rows of training are counted from the third record; what is left beyond whole batches is not used, as in theirs.",
    ),
)


_PARAMETERS = {
    **dict.fromkeys(("xu_lrg_w_old", "xu_med_w_old", "xu_sml_w_old", "xu_tny_w_old"), 355),
    **dict.fromkeys(("x_sml_w_old", "x_tny_w_old"), 339),
    **dict.fromkeys(("xu_lrg", "xu_med", "xu_sml", "xu_tny"), 355),
    **dict.fromkeys(("x_med", "x_sml"), 339),
    "x_tny": 337,
}
GAN = SubgridSystem(
    name="lorenz96_gan",
    summary="Generative adversarial networks as stochastic closures of Lorenz '96 (Gagne et al. 2020)",
    model_card=_MODEL_CARD,
    networks={name: configuration.build for name, configuration in CONFIGURATIONS.items()},
    parameters=_PARAMETERS,
    files={name: ("white",) if chosen.is_old else ("white", "red") for name, chosen in CONFIGURATIONS.items()},
    default_network="x_med",
)
