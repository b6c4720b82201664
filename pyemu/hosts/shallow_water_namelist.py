"""Entries of the shallow-water host's namelist; ``fortran/hosts/shallow_water/README.md`` says what they mean."""

from pyemu.hosts.namelist import Groups

GROUPS: Groups = {
    "run_nml": (
        "n_days", "output_interval_days", "output_file", "snapshot_interval_days", "snapshot_file", "pair_interval_steps",
        "pair_file", "restart_in", "restart_out", "ranks_x", "ranks_y", "kernels",
    ),
    "grid_nml": ("nx", "ny", "dx", "dy", "domain"),
    "physics_nml": (
        "preset", "time_step", "f0", "beta", "reduced_gravity", "depth", "density", "wind_stress", "drag", "viscosity",
        "robert_asselin", "vorticity", "kinetic_energy", "ke_factor", "walls",
    ),
    "start_nml": ("perturbation", "perturbation_seed"),
    "forcing_nml": (
        "momentum", "momentum_file", "momentum_y_file", "thickness", "thickness_file", "mass", "engine", "device",
        "threads", "seed", "member",
    ),
}  # fmt: skip
