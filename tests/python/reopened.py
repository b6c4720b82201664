"""Open, run and close an emulator file 25 times: ``reopened.py FILE``, in a process of its own.

Prints by how many bytes the resident memory grew after the fifth time, and whether torch was imported.
"""

import sys

from pyemu.runtime import Emulator


def resident() -> int:
    """Resident memory of this process [bytes]."""
    return int(open("/proc/self/statm").read().split()[1]) * 4096


def use(path: str) -> None:
    """Run the file once on its reference columns."""
    with Emulator.open(path, allow_code=True) as emulator:
        arrays = [emulator.reference(variable.name) for variable in emulator.variables]
        for variable, array in zip(emulator.variables, arrays, strict=True):
            emulator.bind(variable.name, array)
        emulator.run()


if __name__ == "__main__":
    for _ in range(5):
        use(sys.argv[1])
    before = resident()
    for _ in range(20):
        use(sys.argv[1])
    print(resident() - before, "torch" in sys.modules)
