"""Scores on held-out columns as gates: the limits that an emulator of radiation must keep before it is coupled."""

from collections.abc import Iterable, Mapping
from typing import Any

HEATING = "heating_rate_rmse_below_10hPa"
UPPER_HEATING = "heating_rate_rmse_above_10hPa"
BIAS = 0.2  # W m-2, of net fluxes at top and surface

# Limits of root mean square errors: heating in K day-1, fluxes in W m-2.
LIMITS = {
    "longwave": {HEATING: 0.17, "net_flux_top_rmse": 0.8, "net_flux_surface_rmse": 1.2},
    "shortwave": {HEATING: 0.15, "net_flux_top_rmse": 2.5, "net_flux_surface_rmse": 2.5},
}
TITLES = {
    HEATING: "heating rate below 10 hPa, rms error",
    UPPER_HEATING: "heating rate above 10 hPa, rms error",
    "heating_rate_bias_below_10hPa": "heating rate below 10 hPa, bias",
    "net_flux_top_rmse": "net flux at the top, rms error",
    "net_flux_top_bias": "net flux at the top, bias",
    "net_flux_surface_rmse": "net flux at the surface, rms error",
    "net_flux_surface_bias": "net flux at the surface, bias",
    "downwelling_flux_surface_rmse": "downwelling flux at the surface, rms error",
    "flux_rmse": "fluxes at all interfaces, rms error",
}
PAIRS = {
    "emulator_minus_rrtmgp": "RFMIP, emulator against RTE+RRTMGP",
    "rrtmg_minus_rrtmgp": "RFMIP, RRTMG against RTE+RRTMGP",
    "emulator_minus_rrtmg": "RFMIP, emulator against RRTMG",
}


def offline_scores(evaluations: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Results of ``pyemu.train.evaluate`` as name -> value, limit, pass, unit, title; RFMIP is never gated."""
    scores: dict[str, dict[str, Any]] = {}
    for evaluation in evaluations:
        band = str(evaluation["system"]).removeprefix("rrtmg_")
        limits = _limits(band, evaluation)
        for name, value in _numbers(evaluation["held_out"]):
            scores[f"offline_{band}_{name}"] = _score(f"{band} {TITLES[name]}", name, value, limits.get(name))
        for pair, numbers in evaluation.get("rfmip", {}).items():
            for name, value in _numbers(numbers):
                scores[f"rfmip_{band}_{pair}_{name}"] = _score(
                    f"{PAIRS[pair]}: {band} {TITLES[name]}", name, value, None
                )
    return scores


def rfmip_rows(scores: Mapping[str, float]) -> list[dict[str, Any]]:
    """RFMIP scores by name as rows of a table: one per band and quantity, with a value per pair of ``PAIRS``."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for name, value in scores.items():
        for pair in PAIRS:
            band, found, quantity = name.removeprefix("rfmip_").partition(f"_{pair}_")
            if found and name.startswith("rfmip_"):
                unit = _unit(quantity)
                row = rows.setdefault((band, quantity), {"title": f"{band} {TITLES[quantity]}", "unit": unit})
                row[pair] = value
    return [{pair: None for pair in PAIRS} | row for row in rows.values()]


def _limits(band: str, evaluation: Mapping[str, Any]) -> dict[str, float]:
    """Above 10 hPa the yardstick is how far two reference schemes differ, known only where RFMIP is installed."""
    limits = LIMITS.get(band, {}) | {"net_flux_top_bias": BIAS, "net_flux_surface_bias": BIAS}
    rfmip = evaluation.get("rfmip")
    return limits | ({UPPER_HEATING: float(rfmip["rrtmg_minus_rrtmgp"][UPPER_HEATING])} if rfmip else {})


def _unit(quantity: str) -> str:
    return "K day-1" if quantity.startswith("heating_rate") else "W m-2"


def _numbers(scores: Mapping[str, float]) -> list[tuple[str, float]]:
    return [(name, float(value)) for name, value in scores.items() if name in TITLES]


def _score(title: str, name: str, value: float, limit: float | None) -> dict[str, Any]:
    """A bias is judged by its size; a number that is not one fails."""
    passed = None if limit is None else bool(abs(value) <= limit)
    return {"value": value, "limit": limit, "pass": passed, "unit": _unit(name), "title": title}
