"""A small reader of the units that cards use: products of SI symbols with integer powers, as UDUNITS writes them."""

import re

_PREFIX = "(?:da|[YZEPTGMkhdcmunpf])?"
_PREFIXED = "(?:mol|rad|kat|cd|Pa|Hz|sr|m|g|s|A|K|N|J|W|V|C|F|S|T|H)"
_PLAIN = "(?:degree_north|degree_east|degrees_north|degrees_east|degree|day|hour|min|h|d|percent|%|kg)"
_FACTOR = re.compile(rf"(?:{_PLAIN}|{_PREFIX}{_PREFIXED})(?:\^?[+-]?\d+)?")


def check_units(units: str) -> str:
    """Return ``units`` unchanged if they parse.

    ``1`` means dimensionless. Factors are separated by one blank, powers follow the symbol: ``kg m-2 s-1``.

    Raises:
        ValueError: the first factor that is not understood is named.
    """
    if units == "1":
        return units
    factors = units.split(" ")
    for factor in factors:
        if not _FACTOR.fullmatch(factor):
            raise ValueError(
                f"units '{units}' do not parse at '{factor}': expected SI symbols with integer powers separated by one "
                "blank, such as 'W m-2' or 'kg kg-1', or '1' for a pure number"
            )
    return units
