"""Entries of the Lorenz '96 host's namelist; ``fortran/hosts/lorenz96/README.md`` says what they mean."""

from pyemu.hosts.namelist import Groups

GROUPS: Groups = {
    "run_nml": (
        "model", "n_steps", "burn_in", "time_step", "output_interval", "tendency_interval", "output_precision",
        "output_fast", "n_members", "first_member", "output_file", "restart_in", "restart_out",
    ),
    "model_nml": ("n_slow", "n_fast", "h", "b", "c", "forcing"),
    "initial_nml": ("initial_file", "initial_record", "record_interval", "n_starts", "perturbation"),
    "parameterization_nml": (
        "scheme", "noise", "seed", "coefficients", "residual_sd", "residual_phi", "emulator_file", "engine", "device",
        "threads", "previous_tendency",
    ),
}  # fmt: skip
