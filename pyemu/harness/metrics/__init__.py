"""Metrics: what is computed from the runs of an experiment, with an interval, a floor and a figure each."""

from typing import Annotated

from pydantic import Field

from pyemu.harness.metrics.annual_cycle import AnnualCycle
from pyemu.harness.metrics.autocorrelation import Autocorrelation, SpatialCorrelation
from pyemu.harness.metrics.budget import Budget
from pyemu.harness.metrics.climate import Climate
from pyemu.harness.metrics.conserved import Conserved
from pyemu.harness.metrics.cost import Cost
from pyemu.harness.metrics.distribution import Distribution
from pyemu.harness.metrics.drift import Drift
from pyemu.harness.metrics.error_spectrum import ErrorSpectrum
from pyemu.harness.metrics.forecast import Forecast
from pyemu.harness.metrics.growth import ErrorGrowth
from pyemu.harness.metrics.hovmoller import Hovmoller
from pyemu.harness.metrics.identical import Identical
from pyemu.harness.metrics.joint import JointDistribution
from pyemu.harness.metrics.means import Means
from pyemu.harness.metrics.metric import Drawing as Drawing
from pyemu.harness.metrics.metric import Finding as Finding
from pyemu.harness.metrics.metric import Metric as Metric
from pyemu.harness.metrics.metric import Number as Number
from pyemu.harness.metrics.patterns import Patterns
from pyemu.harness.metrics.regimes import Regimes
from pyemu.harness.metrics.reliability import Reliability
from pyemu.harness.metrics.response import Response
from pyemu.harness.metrics.scores import Scores
from pyemu.harness.metrics.spectral_flux import SpectralFlux
from pyemu.harness.metrics.spectrum import Spectrum
from pyemu.harness.metrics.survival import Survival
from pyemu.harness.metrics.tails import Tails
from pyemu.harness.metrics.trace import Trace
from pyemu.harness.metrics.wave_growth import WaveGrowth

AnyMetric = Annotated[
    AnnualCycle
    | Autocorrelation
    | Budget
    | Climate
    | Conserved
    | Cost
    | Distribution
    | Drift
    | ErrorGrowth
    | ErrorSpectrum
    | Forecast
    | Hovmoller
    | Identical
    | JointDistribution
    | Means
    | Patterns
    | Regimes
    | Reliability
    | Response
    | Scores
    | SpatialCorrelation
    | SpectralFlux
    | Spectrum
    | Survival
    | Tails
    | Trace
    | WaveGrowth,
    Field(discriminator="metric"),
]
