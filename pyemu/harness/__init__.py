"""Coupled runs of scheme and emulator from the same starts, judged by gates, told in one report."""

from pyemu.harness.couple import couple as couple
from pyemu.harness.couple import load_couple_config as load_couple_config
from pyemu.harness.experiment import ExperimentConfig as ExperimentConfig
from pyemu.harness.gates import Gate as Gate
from pyemu.harness.radiation import CoupleConfig as CoupleConfig
from pyemu.harness.result import CoupledResult as CoupledResult
