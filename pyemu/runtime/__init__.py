"""Run an emulator file from Python through libpyemu, the library that Fortran hosts link."""

from pyemu.runtime.arrays import Noise as Noise
from pyemu.runtime.arrays import Variable as Variable
from pyemu.runtime.build import get_cmake_dir as get_cmake_dir
from pyemu.runtime.build import get_include as get_include
from pyemu.runtime.emulator import Emulator as Emulator
from pyemu.runtime.emulator import Report as Report
from pyemu.runtime.library import EmulatorError as EmulatorError
from pyemu.runtime.library import library_directory as library_directory
from pyemu.runtime.library import program as program
from pyemu.runtime.library import version as version
from pyemu.runtime.noise import fill_noise as fill_noise
from pyemu.runtime.record import Recorded as Recorded
