"""Training and offline evaluation of systems of the zoo."""

from pyemu.train.evaluate import evaluate as evaluate
from pyemu.train.fit import fit as fit
