"""Compute the coefficients of functions.inc and write them there: ``coefficients.py [--check]``.

Every table is a polynomial whose largest weighted error on an interval is as small as can be (Remez's exchange on a dense
grid). Coefficients are rounded one after the other, the lowest first; those behind are fitted again to what is left. Prints
the largest error of each table. ``--check`` writes nothing: the exit status is 1 if the tables in the file are others.
"""

import re
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mpmath import asin, atan, cos, erf, erfc, exp, log, lu_solve, matrix, mp, mpf, pi, sin, sinh, sqrt, tanh

FILE = Path(__file__).with_name("functions.inc")
BEGIN, END = "/* --- Coefficients, made by coefficients.py --- */\n", "/* --- End of coefficients --- */\n"
GRID = 600
mp.prec = 200
Function = Callable[[mpf], mpf]


@dataclass
class Table:
    """A polynomial of ``count`` coefficients for ``function`` on an interval, and the weight of its error."""

    name: str
    count: int
    low: mpf
    high: mpf
    function: Function
    weight: Function


def even(function: Function, terms: tuple[int, ...] | tuple[mpf, ...] = (1,)) -> Function:
    """(f(x) / x - t0 - t1 z - ...) / z^n as a function of z = x^2, for an odd f and its n first terms."""

    def rest(z: mpf) -> mpf:
        x = sqrt(z)
        return (function(x) / x - sum(t * z**i for i, t in enumerate(terms))) / z ** len(terms)

    return rest


def power(n: int) -> Function:
    """A weight: the error of a polynomial that is multiplied with x^n."""
    return lambda x: x**n


def one(_: mpf) -> mpf:
    """No weight."""
    return mpf(1)


def log_ratio(s: mpf) -> mpf:
    """log(m) for s = (m - 1) / (m + 1)."""
    return log((1 + s) / (1 - s))


def erf_ratio(z: mpf) -> mpf:
    """erf(x) = x + x P(z)."""
    return erf(sqrt(z)) / sqrt(z) - 1


TINY = mpf(2) ** -40
HALF_LN2 = log(2) / 2 * mpf("1.002")
LOG_SQUARE = ((sqrt(2) - 1) / (sqrt(2) + 1)) ** 2 * mpf("1.001")
OCTANT = (pi / 4) ** 2 * mpf("1.01")


def exp_table(name: str, count: int) -> Table:
    """exp(r) = 1 + r + r^2 q(r)."""
    return Table(name, count, -HALF_LN2, HALF_LN2, lambda r: (exp(r) - 1 - r) / r**2, power(2))


def log_table(name: str, count: int) -> Table:
    """log(m) = 2 s + s z P(z)."""
    return Table(name, count, TINY, LOG_SQUARE, even(log_ratio, (2,)), power(1))


def sin_table(name: str, count: int) -> Table:
    """sin(x) = x + x z P(z)."""
    return Table(name, count, TINY, OCTANT, even(sin), power(1))


def cos_table(name: str, count: int) -> Table:
    """cos(x) = 1 - z / 2 + z^2 P(z)."""
    return Table(name, count, TINY, OCTANT, lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2, power(2))


def tanh_table(name: str, count: int) -> Table:
    """tanh(x) = x + x z P(z)."""
    return Table(name, count, TINY, mpf("0.625") ** 2, even(tanh), power(1))


DOUBLE = (
    exp_table("exp_series", 10),
    log_table("log_series", 7),
    Table("log_rest", 7, TINY, LOG_SQUARE, even(log_ratio, (mpf(2), mpf(2) / 3, mpf(2) / 5)), power(3)),
    tanh_table("tanh_series", 12),
    sin_table("sin_series", 6),
    cos_table("cos_series", 6),
    Table("sinh_series", 7, TINY, mpf(1), even(sinh), power(1)),
    Table("asin_series", 13, TINY, mpf(1) / 4, even(asin), power(1)),
    Table("atan_series", 11, TINY, (sqrt(2) - 1) ** 2 * mpf("1.001"), even(atan), power(1)),
    Table("erf_small", 12, TINY, mpf(1), erf_ratio, one),
    Table("erf_large", 19, mpf(1), mpf(6), lambda a: log(erfc(a)), erfc),
    # For results that are rounded to float.
    exp_table("exp_short", 6),
    log_table("log_short", 5),
    sin_table("sin_short", 4),
    cos_table("cos_short", 4),
)
FLOAT = (
    exp_table("exp_series", 5),
    log_table("log_series", 4),
    tanh_table("tanh_series", 5),
    Table("erf_small", 7, TINY, mpf("0.9375") ** 2, erf_ratio, one),
    Table("erf_large", 9, mpf("0.9375"), mpf(4), lambda a: log(erfc(a)), erfc),
)


def rounded(value: mpf, is_double: bool) -> mpf:
    """To the nearest number of the type."""
    return mpf(float(value)) if is_double else mpf(struct.unpack("f", struct.pack("f", float(value)))[0])


def solve(points: list[mpf], values: list[mpf], weights: list[mpf], first: int, count: int) -> list[mpf]:
    """Coefficients of x^first ... whose weighted errors at the points are equal, of alternating signs."""
    n = len(points)
    system, right = matrix(n, n), matrix(n, 1)
    for i, (x, value, weight) in enumerate(zip(points, values, weights, strict=True)):
        term = x**first * weight
        for k in range(count):
            system[i, k] = term
            term *= x
        system[i, count] = mpf(-1) ** i
        right[i] = value * weight
    return list(lu_solve(system, right))[:count]


def least_squares(grid: list[mpf], values: list[mpf], weights: list[mpf], first: int, count: int) -> list[mpf]:
    """The same with the smallest sum of squares: a few higher powers alone may not alternate around zero."""
    rows = [[w * x ** (first + k) for k in range(count)] for x, w in zip(grid, weights, strict=True)]
    system, right = matrix(count, count), matrix(count, 1)
    for i in range(count):
        right[i] = sum(row[i] * w * v for row, w, v in zip(rows, weights, values, strict=True))
        for k in range(count):
            system[i, k] = sum(row[i] * row[k] for row in rows)
    return list(lu_solve(system, right))


def extremes(errors: list[mpf], wanted: int) -> list[int]:
    """Where the error is largest between changes of its sign; the ``wanted`` adjacent ones that are largest."""
    found: list[int] = []
    for i, error in enumerate(errors):
        if found and (error > 0) == (errors[found[-1]] > 0):
            if abs(error) > abs(errors[found[-1]]):
                found[-1] = i
        else:
            found.append(i)
    while len(found) > wanted:
        found.pop(0 if abs(errors[found[0]]) < abs(errors[found[-1]]) else -1)
    return found


def value_at(coefficients: list[mpf], x: mpf) -> mpf:
    """The polynomial."""
    total = mpf(0)
    for c in reversed(coefficients):
        total = total * x + c
    return total


def fit(grid: list[mpf], values: list[mpf], weights: list[mpf], first: int, count: int) -> list[mpf]:
    """The best polynomial of x^first ... on the grid."""
    if first > 0 and grid[0] < 0 < grid[-1]:
        return least_squares(grid, values, weights, first, count)
    n = count + 1
    at = [round((i + 0.5) / n * (len(grid) - 1)) for i in range(n)]
    best: list[mpf] = []
    for _ in range(12):
        best = solve([grid[i] for i in at], [values[i] for i in at], [weights[i] for i in at], first, count)
        errors = [w * (v - x**first * value_at(best, x)) for x, v, w in zip(grid, values, weights, strict=True)]
        found = extremes(errors, n)
        if len(found) < n or found == at:
            break
        at = found
    return best


def coefficients(table: Table, is_double: bool) -> tuple[list[mpf], mpf]:
    """The rounded coefficients of a table, and its largest weighted error."""
    middle, reach = (table.high + table.low) / 2, (table.high - table.low) / 2
    grid = [middle - reach * mp.cos(pi * i / (GRID - 1)) for i in range(GRID)]
    values = [table.function(x) for x in grid]
    weights = [table.weight(x) for x in grid]
    left, made = list(values), list[mpf]()
    for k in range(table.count):
        made.append(rounded(fit(grid, left, weights, k, table.count - k)[0], is_double))
        left = [v - made[k] * x**k for v, x in zip(left, grid, strict=True)]
    return made, max(abs(w * v) for v, w in zip(left, weights, strict=True))


def literal(value: mpf, is_double: bool) -> str:
    """A number in C, exactly."""
    text = float(value).hex().replace("0000000p", "p" if not is_double else "0000000p")
    return text if is_double else text + "f"


def pair(name: str, value: mpf, bits: int, parts: int, is_double: bool) -> tuple[str, list[mpf]]:
    """A number as a sum: each part but the last has so many bits."""
    made: list[mpf] = []
    for i in range(parts):
        scale = mpf(2) ** (bits - 1 - mp.floor(mp.log(abs(value), 2)))
        part = rounded(value, is_double) if i == parts - 1 or bits == 53 else mp.floor(value * scale) / scale
        made.append(part)
        value -= part
    return name, made


def c_table(name: str, numbers: list[mpf], is_double: bool) -> str:
    """The definition of a table, at most 100 columns wide."""
    real = "double" if is_double else "float"
    lines, line = [f"static const {real} {name}_{real}[] = {{"], "   "
    for i, number in enumerate(numbers):
        word = f" {literal(number, is_double)}{',' if i < len(numbers) - 1 else '};'}"
        if len(line + word) > 100:
            lines.append(line)
            line = "   "
        line += word
    return "\n".join([*lines, line]) + "\n"


def section() -> str:
    """All tables."""
    text = [BEGIN, "/* clang-format off */\n\n#if REAL_IS_DOUBLE\n"]
    for is_double, tables in ((True, DOUBLE), (False, FLOAT)):
        if not is_double:
            text.append("#else\n")
        ln2 = pair("ln2", log(2), 33 if is_double else 16, 2, is_double)
        numbers = [ln2]
        if is_double:
            numbers += [pair("half_pi", pi / 2, 53, 3, True), pair("two_thirds", mpf(2) / 3, 53, 2, True)]
            numbers += [pair("two_fifths", mpf(2) / 5, 53, 2, True)]
        for name, parts in numbers:
            text.append(c_table(name, parts, is_double))
        for table in tables:
            made, error = coefficients(table, is_double)
            kind = "double" if is_double else "float"
            print(
                f"{table.name + '_' + kind:<20} {table.count:>3} coefficients  error 2^{float(mp.log(error, 2)):.1f}",
                flush=True,
            )
            text.append(c_table(table.name, made, is_double))
        if is_double:
            text.append(two_over_pi())
    return "".join([*text, "#endif\n\n/* clang-format on */\n", END])


def two_over_pi() -> str:
    """The bits of 2 / pi behind the point, by 32: enough for the largest double."""
    with mp.workprec(1400):
        words = [f"0x{int(mp.floor(2 / pi * mpf(2) ** (32 * (i + 1)))) % 2**32:08x}" for i in range(40)]
    rows = [", ".join(words[i : i + 8]) for i in range(0, 40, 8)]
    return "static const uint32_t two_over_pi[] = {\n    " + ",\n    ".join(rows) + "};\n"


def main() -> int:
    """Write the tables, or compare."""
    before = FILE.read_text()
    after = re.sub(re.escape(BEGIN) + ".*" + re.escape(END), lambda _: section(), before, flags=re.DOTALL)
    if "--check" in sys.argv[1:]:
        return int(after != before)
    FILE.write_text(after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
