"""How the harness starts a model and reads what it wrote: one adapter per model."""

from pyemu.harness.hosts.adapter import HostAdapter as HostAdapter
from pyemu.harness.hosts.adapter import Launch as Launch
from pyemu.harness.hosts.find import find_host as find_host
from pyemu.harness.hosts.in_process import InProcessHost as InProcessHost
from pyemu.harness.hosts.namelist import NamelistHost as NamelistHost
