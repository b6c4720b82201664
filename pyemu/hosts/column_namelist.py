"""Entries of the column host's namelist; ``fortran/hosts/column/README.md`` says what they mean."""

from pyemu.hosts.namelist import Groups

GROUPS: Groups = {
    "run_nml": (
        "ncol", "first_column", "n_days", "time_step", "output_interval_days", "profile_interval_days", "output_file",
        "restart_in", "restart_out",
    ),
    "climate_nml": ("co2", "sst_offset", "surface", "slab_depth", "slab_heat_flux", "declination", "emissivity"),
    "radiation_nml": (
        "scheme", "interval", "longwave_file", "shortwave_file", "longwave_record", "shortwave_record", "record_only",
        "engine", "device", "threads", "rrtmg_directory", "block_size",
    ),
    "surface_nml": ("wind_speed", "exchange_coefficient", "boundary_layer_depth"),
    "convection_nml": ("kind", "critical_lapse_rate"),
    "guard_nml": ("guard", "guard_limit", "guard_taper", "guard_reasons"),
    "test_nml": (
        "push_share", "push_seed", "push_co2_factor", "push_sst_offset", "nan_column", "nan_layer", "nan_call",
    ),
}  # fmt: skip
