"""The experiments of this folder, as configurations of the harness."""

from pathlib import Path
from typing import Any

YEAR = 360.0  # days
OLR, ASR = "toa_outgoing_longwave_flux", "toa_net_downward_shortwave_flux"
BALANCE, SURFACE = "toa_net_downward_radiative_flux", "surface_temperature"
RESIDUAL = "radiation_column_residual"
MAPS = ("air_temperature", "eastward_wind", OLR, ASR, SURFACE, "precipitation_flux", "cloud_area_fraction")
CARBON_DIOXIDE = {"control": 360.0, "double": 720.0, "quadruple": 1440.0}  # ppm

Config = dict[str, Any]


def evaluation(
    files: dict[str, Path], restart: Path, *, years: float, members: int, processes: int, spin_up_years: float
) -> Config:
    """PlaSim with an emulator of RRTMG against an ensemble with RRTMG itself, in three climates.

    ``files`` are ``longwave_file`` and ``shortwave_file``; ``restart`` is a state of PlaSim with RRTMG, from which all runs
    start, each with another disturbance. The case ``member`` is one more run with RRTMG: what the emulator is compared with.
    """
    emulator = {"scheme": "emulator"} | {name: str(path.resolve()) for name, path in files.items()}
    later = {"one_seed": True, "spinup": 0.5 * years * YEAR}  # a slab ocean warms for years
    return {
        "title": "PlaSim with emulated radiation",
        "summary": f"{years:g} years with RRTMG every three hours ({members} members) and with its emulator.",
        "host": "plasim",
        "output_dir": "report",
        "processes": processes,
        "entries": {"interval_hours": 3.0, "n_run_days": round(years * YEAR), "output_interval_days": 10.0,
                    "restart_in": str(restart.resolve()), "perturbation": 0.1},
        "kinds": {
            name: {"entries": {"co2": co2}} | ({"spinup": spin_up_years * YEAR} if name == "control" else later)
            for name, co2 in CARBON_DIOXIDE.items()
        },
        "reference": "rrtmg",
        "cases": [
            {"name": "rrtmg", "title": "RRTMG", "entries": {"scheme": "rrtmg"}, "seeds": list(range(1, members + 1))},
            {"name": "member", "title": "RRTMG, another member", "entries": {"scheme": "rrtmg"}, "seeds": [members + 1]},
            {"name": "emulator", "title": "Emulator", "entries": emulator | {"guard": "count"}},
            {"name": "guarded", "title": "Emulator, RRTMG where it is novel", "entries": emulator | {"guard": "fallback"}},
        ],
        "metrics": [*_control_metrics(), *(one for kind in ("double", "quadruple") for one in _response_metrics(kind))],
        "gates": [
            *({"number": f"absolute_mean_difference_of_{name}", "cases": ["emulator", "guarded"], "at_most": 1.0}
              for name in (OLR, ASR)),
            {"number": "mean_map_rmse_of_air_temperature", "cases": ["emulator", "guarded"], "at_most": 1.0},
            {"number": f"largest_magnitude_of_{RESIDUAL}", "cases": ["emulator", "guarded"], "at_most": 1e-6},
            {"number": "mean_of_fallback_fraction", "cases": ["guarded"], "at_most": 0.01},
            {"number": "share_of_runs_alive_at_the_end", "cases": ["emulator", "guarded"], "at_least": 1.0},
        ],
    }  # fmt: skip


def _control_metrics() -> list[Config]:
    """Of the present climate."""
    return [
        *({"metric": "drift", "variable": name} for name in (OLR, ASR, SURFACE, BALANCE)),
        *({"metric": "means", "variable": name, "window": YEAR} for name in (OLR, ASR, SURFACE, BALANCE)),
        {"metric": "means", "variable": "fallback_fraction"},
        *({"metric": "climate", "variable": name, "block": YEAR} for name in MAPS),
        *({"metric": "annual_cycle", "variable": name, "period": YEAR} for name in (OLR, ASR, SURFACE)),
        {"metric": "trace", "variable": RESIDUAL, "limit": 1e-6},
        {"metric": "survival", "criteria": [{"variable": SURFACE, "low": 260.0, "high": 310.0}]},
        {"metric": "cost"},
    ]


def _response_metrics(kind: str) -> list[Config]:
    """Of a warmer one."""
    responses = [{"metric": "response", "variable": name, "kind": kind, "control": "control"}
                 for name in (SURFACE, OLR, ASR, "air_temperature")]  # fmt: skip
    return [
        *responses,
        {"metric": "drift", "variable": SURFACE, "kind": kind},
        {"metric": "means", "variable": "fallback_fraction", "kind": kind},
        {"metric": "survival", "kind": kind, "criteria": [{"variable": SURFACE, "low": 260.0, "high": 320.0}]},
    ]


def smoke(files: dict[str, Path], *, days: int) -> Config:
    """Ten days in each mode: the coupling works. The climate of stand-ins is not judged."""
    emulator = {name: str(path.resolve()) for name, path in files.items()}
    same = [*MAPS, BALANCE, RESIDUAL, "specific_humidity", "surface_air_pressure"]
    return {
        "title": "PlaSim in its four modes",
        "summary": "PlaSim's own radiation, RRTMG, an emulator, and RRTMG with an emulator beside.",
        "host": "plasim",
        "output_dir": "report",
        "entries": {"n_run_days": days, "output_interval_days": 1.0},
        "reference": "rrtmg",
        "cases": [
            {"name": "rrtmg", "title": "RRTMG", "entries": {"scheme": "rrtmg", "interval_hours": 3.0}},
            {"name": "own", "title": "PlaSim's own", "entries": {"scheme": "own"}},
            {"name": "emulator", "title": "Emulator", "entries": emulator | {"scheme": "emulator", "interval_hours": 3.0}},
            {"name": "beside", "title": "RRTMG, emulator beside",
             "entries": emulator | {"scheme": "rrtmg", "beside": "emulator", "interval_hours": 3.0}},
        ],
        "metrics": [
            *({"metric": "drift", "variable": name} for name in (OLR, ASR, SURFACE, BALANCE)),
            {"metric": "trace", "variable": RESIDUAL, "limit": 1e-6},
            *({"metric": "means", "variable": f"beside_{band}_rmse"} for band in ("longwave", "shortwave")),
            {"metric": "identical", "case": "beside", "other": "rrtmg", "variables": same},
            {"metric": "climate", "variable": "air_temperature"},
            {"metric": "climate", "variable": OLR},
            {"metric": "survival"},
            {"metric": "cost"},
        ],
        "gates": [
            {"number": f"largest_magnitude_of_{RESIDUAL}", "cases": ["rrtmg", "own", "emulator", "beside"], "at_most": 1e-6},
            {"number": "values_that_differ_from_rrtmg", "cases": ["beside"], "at_most": 0.0},
            {"number": "share_of_runs_alive_at_the_end", "cases": ["own", "emulator", "beside"], "at_least": 1.0},
        ],
    }  # fmt: skip
