"""The emulator file: one ONNX graph in physical units, its card and its reference columns."""

from pyemu.emulator.card import SCHEMA as SCHEMA
from pyemu.emulator.card import Budget as Budget
from pyemu.emulator.card import Card as Card
from pyemu.emulator.card import Carried as Carried
from pyemu.emulator.card import LinearBudget as LinearBudget
from pyemu.emulator.card import Noise as Noise
from pyemu.emulator.card import Novelty as Novelty
from pyemu.emulator.card import Provenance as Provenance
from pyemu.emulator.card import Term as Term
from pyemu.emulator.card import Tolerance as Tolerance
from pyemu.emulator.card import TrainingRange as TrainingRange
from pyemu.emulator.card import Variable as Variable
from pyemu.emulator.errors import EmulatorFileError as EmulatorFileError
from pyemu.emulator.errors import ExportError as ExportError
from pyemu.emulator.file import EmulatorFile as EmulatorFile
