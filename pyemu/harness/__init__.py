"""Coupled runs of scheme and emulator from the same starts, judged by gates, told in one report."""

from pyemu.harness.gates import Gate as Gate
from pyemu.harness.radiation import CoupleConfig as CoupleConfig
from pyemu.harness.radiation import couple as couple
from pyemu.harness.radiation import load_couple_config as load_couple_config
from pyemu.harness.result import CoupledResult as CoupledResult
