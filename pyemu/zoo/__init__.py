"""Published systems, one per file, by name."""

from pyemu.zoo.checkpoint import Checkpoint as Checkpoint
from pyemu.zoo.checkpoint import load_checkpoint as load_checkpoint
from pyemu.zoo.registry import SYSTEMS as SYSTEMS
from pyemu.zoo.registry import system as system
from pyemu.zoo.system import ModelCard as ModelCard
from pyemu.zoo.system import System as System
