"""Experiments with any host: cases, kinds of runs, seeds, metrics, gates, one report."""

from pyemu.harness.experiment.settings import ExperimentConfig as ExperimentConfig
from pyemu.harness.experiment.settings import load_experiment as load_experiment
