"""Flow regimes: leading patterns of variability, and a hidden Markov chain behind them."""

import numpy as np
from hmmlearn.hmm import GaussianHMM
from numpy.typing import NDArray

Array = NDArray[np.float64]


def patterns(samples: Array, n: int) -> Array:
    """The ``n`` leading empirical orthogonal functions of (time, place), (n, place), of unit length."""
    anomalies = samples - samples.mean(axis=0)
    _, vectors = np.linalg.eigh(anomalies.T @ anomalies)
    return vectors[:, ::-1][:, :n].T


def leading_patterns(anomalies: Array, n: int) -> Array:
    """Up to ``n`` leading empirical orthogonal functions of anomalies (time, place), (n, place), of unit length.

    Also for more places than times; those without variance are left out.
    """
    _, values, vectors = np.linalg.svd(anomalies, full_matrices=False)
    good = values > 1e-10 * values[0]
    return vectors[good][:n]


def amplitudes_of_waves(samples: Array, n: int) -> Array:
    """Amplitudes of the waves 1 to ``n`` around a cyclic last dimension, (time, n)."""
    return np.abs(np.fft.rfft(samples, axis=-1))[..., 1 : n + 1] * (2.0 / samples.shape[-1])


def transition_matrix(samples: Array, n_states: int = 2, seed: int = 0) -> Array:
    """Probabilities (from, to) of a Gaussian hidden Markov chain fitted to (time, feature); frequent states first."""
    chain = GaussianHMM(n_states, covariance_type="full", n_iter=200, random_state=seed).fit(samples)
    share = np.bincount(chain.predict(samples), minlength=n_states)
    order = np.argsort(-share)
    return chain.transmat_[np.ix_(order, order)]
