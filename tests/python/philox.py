"""Philox 4x32-10 and the streams of noise, written a second time, from ``docs/decisions/0018-noise.md``."""

import numpy as np

MASK = 0xFFFFFFFF


def philox(counter: tuple[int, int, int, int], key: tuple[int, int]) -> tuple[int, int, int, int]:
    """The four words of a counter."""
    (a, b, c, d), (k, m) = counter, key
    for _ in range(10):
        p, q = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (q >> 32) ^ b ^ k, q & MASK, (p >> 32) ^ d ^ m, p & MASK
        k, m = (k + 0x9E3779B9) & MASK, (m + 0xBB67AE85) & MASK
    return a, b, c, d


def stream_key(seed: int, member: int, step: int, stream: int) -> tuple[int, int]:
    """The key of a stream."""
    seed, step = seed & (1 << 64) - 1, step & (1 << 64) - 1
    return philox((member, step & MASK, step >> 32, stream), (seed & MASK, seed >> 32))[:2]


def words(key: tuple[int, int], column: int, block: int) -> tuple[int, int, int, int]:
    """The words of one counter of a column."""
    return philox((column & MASK, column >> 32, block & MASK, block >> 32), key)


def uniform(dtype: str, key: tuple[int, int], column: int, element: int) -> float:
    """One uniform number, exactly."""
    if dtype == "float32":
        return ((words(key, column, element // 4)[element % 4] >> 8) | 1) * 2.0**-24
    block = words(key, column, element // 2)
    high, low = block[2 * (element % 2) : 2 * (element % 2) + 2]
    return ((high << 32 | low) >> 11 | 1) * 2.0**-53


def angle(dtype: str, block: tuple[int, ...]) -> float:
    """The angle that two words give, or the one word of a float32: two bits for the quadrant, the rest within it."""
    if dtype == "float32":
        (word,) = block
        within = ((word << 2 & MASK) - ((word << 2 & 1 << 31) << 1)) >> 8 | 1
        return np.pi / 2 * (word >> 30) + within * 2.0**-23 * np.pi / 4
    word = block[0] << 32 | block[1]
    within = ((word << 2 & (1 << 64) - 1) >> 12) * 2.0**-52 - 0.5 + 2.0**-53
    return np.pi / 2 * (word >> 62) + within * np.pi / 2


def normal(dtype: str, key: tuple[int, int], column: int, element: int) -> float:
    """One normal number, in double precision."""
    first = element // 2 * 2
    if dtype == "float32":
        word, turn = words(key, column, first // 4)[first % 4 : first % 4 + 2]
        radius = float(np.float32(np.float32(word >> 1) + np.float32(0.5)) * np.float32(2.0**-31))
        theta = angle(dtype, (turn,))
    else:
        radius = uniform(dtype, key, column, first)
        theta = angle(dtype, words(key, column, first // 2)[2:])
    return float(np.sqrt(-2 * np.log(radius)) * (np.sin(theta) if element % 2 else np.cos(theta)))
