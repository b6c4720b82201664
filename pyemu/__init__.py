"""pyemu: train climate emulators in Python, run them inside Fortran models, prove that the coupled run is right.

What is imported here needs no torch. The rest of the public interface lies in the subpackages ``pyemu.train`` (fit,
evaluate), ``pyemu.emulator`` (the file), ``pyemu.zoo`` (systems) and ``pyemu.harness`` (coupled tests).
"""

from pyemu.runtime import Emulator as Emulator
from pyemu.runtime import EmulatorError as EmulatorError
from pyemu.runtime import fill_noise as fill_noise
from pyemu.runtime import get_cmake_dir as get_cmake_dir
from pyemu.runtime import get_include as get_include
