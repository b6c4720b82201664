"""Coupled runs of scheme and emulator from the same starts, judged by gates, told in one report."""

from pyemu.harness.couple import CoupledResult as CoupledResult
from pyemu.harness.couple import couple as couple
from pyemu.harness.gates import Gate as Gate
from pyemu.harness.settings import CoupleConfig as CoupleConfig
from pyemu.harness.settings import load_couple_config as load_couple_config
