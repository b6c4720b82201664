"""Namelists of PlaSim for a present-day Earth, and the entries of the coupling.

``EARTH`` holds what differs from PlaSim's own defaults, file by file; ``fortran/hosts/plasim/README.md`` says why. Entries of a
run go over them.
"""

from collections.abc import Mapping
from pathlib import Path

from pyemu.hosts.namelist import Groups, Value, namelist_text

COUPLING = "pyemu_namelist"
COUPLING_GROUPS: Groups = {
    "radiation_nml": ("scheme", "beside", "interval_hours", "rrtmg_directory", "cloud_water_scale"),
    "emulator_nml": (
        "longwave_file", "shortwave_file", "engine", "guard", "guard_limit", "longwave_record", "shortwave_record",
        "record_every", "record_columns",
    ),
    "moist_nml": (
        "moist", "moist_file", "moist_engine", "moist_guard", "moist_record", "moist_record_every", "moist_record_columns",
        "moist_output_file",
    ),
    "output_nml": ("output_file", "output_interval_days", "perturbation", "perturbation_seed"),
}  # fmt: skip

MINUTES_PER_STEP = {32: 45.0, 48: 30.0, 64: 20.0}  # by latitudes: T21, T31, T42

# File -> group -> entries. A calendar of 360 days, a slab ocean 50 m deep, sea ice, orbit and solar constant of today.
EARTH: dict[str, tuple[str, dict[str, Value]]] = {
    "plasim_namelist": ("plasim_nl", {
        "noutput": 0, "ngui": 0, "n_start_year": 1, "n_days_per_year": 360, "n_run_years": 0, "n_run_months": 0,
        "kick": 1, "nqspec": 1, "nveg": 0, "ndiag": 0, "nsync": 0, "neqsig": 0, "nlowio": 1, "nstpw": 160,
        "seed": 1,  # of the noise of a new start; PlaSim's 0 takes the clock
    }),
    "planet_namelist": ("planet_nl", {
        "eccen": 0.016715, "mvelp": 102.7, "obliq": 23.441, "gsol0": 1360.85, "nfixorb": 1,
        "sidereal_year": 360.0 * 86400.0,  # the sun's year is the calendar's; else seasons drift by five days a year
    }),
    "radmod_namelist": ("radmod_nl", {"co2": 360.0, "no3": 1}),
    "oceanmod_namelist": ("oceanmod_nl", {"nocean": 1, "nlsg": 0, "mldepth": 50.0}),
    "icemod_namelist": ("icemod_nl", {"nice": 1}),
    "rainmod_namelist": ("rainmod_nl", {}),
    "fluxmod_namelist": ("fluxmod_nl", {}),
    "miscmod_namelist": ("miscmod_nl", {}),
    "surfmod_namelist": ("surfmod_nl", {}),
    "landmod_namelist": ("landmod_nl", {}),
    "seamod_namelist": ("seamod_nl", {}),
    "glacier_namelist": ("glacier_nl", {"nglacier": 0}),
    "carbonmod_namelist": ("carbonmod_nl", {"ncarbon": 0}),
    "hurricane_namelist": ("hurricane_nl", {"nstormdiag": 0, "hc_capture": 0, "nktrigger": 0}),
    "vegmod_namelist": ("vegmod_nl", {}),
    "aero_namelist": ("aero_nl", {"l_aerorad": 0}),
}  # fmt: skip

MODEL_ENTRIES = {  # entries of a run that are PlaSim's own, and the file they belong to
    "n_run_days": "plasim_namelist", "kick": "plasim_namelist", "seed": "plasim_namelist",
    "mpstep": "plasim_namelist", "nfilter": "plasim_namelist",
    "co2": "radmod_namelist", "o3scale": "radmod_namelist", "gsol0": "planet_namelist", "obliq": "planet_namelist",
    "mldepth": "oceanmod_namelist", "nocean": "oceanmod_namelist", "nice": "icemod_namelist",
    "rcritmod": "rainmod_namelist", "nclouds": "rainmod_namelist",
}  # fmt: skip


def coupling_entries() -> tuple[str, ...]:
    """All entries of the coupling's namelist."""
    return tuple(entry for group in COUPLING_GROUPS.values() for entry in group)


def namelists(entries: Mapping[str, Value | Path], latitudes: int) -> dict[str, str]:
    """Text of every namelist file of a run.

    Raises:
        KeyError: an entry that neither PlaSim's part nor the coupling has.
    """
    known = {*MODEL_ENTRIES, *coupling_entries()}
    unknown = sorted(set(entries) - known)
    if unknown:
        raise KeyError(f"unknown entry {', '.join(unknown)} of PlaSim; known: {', '.join(sorted(known))}")
    step: dict[str, Value] = {"mpstep": MINUTES_PER_STEP[latitudes]}
    files = {}
    for name, (group, earth) in EARTH.items():
        own = {entry: entries[entry] for entry, file in MODEL_ENTRIES.items() if file == name and entry in entries}
        whole = (step if name == "plasim_namelist" else {}) | earth | own
        files[name] = namelist_text({group: tuple(whole)}, whole)
    coupling = {entry: entries[entry] for entry in coupling_entries() if entry in entries}
    return files | {COUPLING: namelist_text(COUPLING_GROUPS, coupling)}
