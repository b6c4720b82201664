"""The coupled test of radiation: RRTMG and its emulators in the column host, climate by climate."""

from pyemu.harness.radiation.couple import couple as couple
from pyemu.harness.radiation.settings import CoupleConfig as CoupleConfig
from pyemu.harness.radiation.settings import load_couple_config as load_couple_config
