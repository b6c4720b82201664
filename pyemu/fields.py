"""The one vocabulary: every variable that crosses a border, with its CF standard name, unit, dimensions and range.

The ``name`` is the identifier used in graphs, cards and ``bind``. Where CF has one standard name for a quantity on
layers and on interfaces, the identifier says ``_at_interfaces`` and the CF name is kept beside it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    """A variable of a column: identifier, CF standard name, UDUNITS unit, dimensions beside ``column``, valid range."""

    name: str
    standard_name: str
    units: str
    dims: tuple[str, ...]
    valid_range: tuple[float, float]
    description: str

    @property
    def is_profile(self) -> bool:
        """Whether the variable has a vertical dimension."""
        return bool(self.dims)


def _layer(name: str, units: str, low: float, high: float, description: str, standard_name: str | None = None) -> Field:
    return Field(name, standard_name or name, units, ("layer",), (low, high), description)


def _interface(name: str, units: str, low: float, high: float, description: str, standard_name: str) -> Field:
    return Field(name, standard_name, units, ("interface",), (low, high), description)


def _surface(
    name: str, units: str, low: float, high: float, description: str, standard_name: str | None = None
) -> Field:
    return Field(name, standard_name or name, units, (), (low, high), description)


def _band_outputs(band: str) -> list[Field]:
    flux_max = 2000.0
    return [
        _interface(f"upwelling_{band}_flux_in_air_at_interfaces", "W m-2", -1.0, flux_max,
                   f"Upwelling {band} flux, positive upwards", f"upwelling_{band}_flux_in_air"),
        _interface(f"downwelling_{band}_flux_in_air_at_interfaces", "W m-2", -1.0, flux_max,
                   f"Downwelling {band} flux, positive downwards", f"downwelling_{band}_flux_in_air"),
        _layer(f"tendency_of_air_temperature_due_to_{band}_heating", "K s-1", -0.1, 0.1,
               f"Heating rate: divergence of the net {band} flux"),
    ]  # fmt: skip


def _lorenz96() -> list[Field]:
    """A column is one place in one ring. CF has no names for these."""
    return [
        _surface("lorenz96_slow_variable", "1", -1000.0, 1000.0, "Slow variable X of Lorenz '96"),
        _surface("lorenz96_subgrid_tendency", "1", -1000.0, 1000.0,
                 "Subgrid tendency U of Lorenz '96, which the slow variable loses"),
        _surface("lorenz96_previous_subgrid_tendency", "1", -1000.0, 1000.0,
                 "Subgrid tendency U of the time step before, or of the last evaluation"),
    ]  # fmt: skip


def _shallow_water() -> list[Field]:
    """Variables of the shallow-water host: values in a cell, and the 3 x 3 values around it, south-west first."""
    state = [
        _surface("sea_water_x_velocity", "m s-1", -50.0, 50.0, "Velocity along x, on the east face of a cell"),
        _surface("sea_water_y_velocity", "m s-1", -50.0, 50.0, "Velocity along y, on the south face of a cell"),
        _surface("layer_thickness_anomaly", "m", -1e4, 1e4, "Thickness of the layer minus its mean depth"),
        _surface("surface_downward_x_stress", "Pa", -100.0, 100.0, "Wind stress along x, on the east face of a cell"),
        _surface("surface_downward_y_stress", "Pa", -100.0, 100.0, "Wind stress along y, on the south face of a cell"),
    ]
    stencils = [
        Field(
            f"{f.name}_stencil",
            f.standard_name,
            f.units,
            ("stencil",),
            f.valid_range,
            f"{f.description}: 3 x 3 around it",
        )
        for f in state
    ]
    return state + stencils + [
        _surface("tendency_of_sea_water_x_velocity_due_to_forcing", "m s-2", -1.0, 1.0,
                 "Wind, drag and viscosity along x, on the east face of a cell"),
        _surface("tendency_of_sea_water_y_velocity_due_to_forcing", "m s-2", -1.0, 1.0,
                 "Wind, drag and viscosity along y, on the south face of a cell"),
        _surface("tendency_of_layer_thickness_anomaly", "m s-1", -10.0, 10.0, "Rate of change of the thickness"),
        _surface("layer_x_transport_at_east_face", "m2 s-1", -1e6, 1e6, "Volume transport along x per unit width"),
        _surface("layer_y_transport_at_south_face", "m2 s-1", -1e6, 1e6, "Volume transport along y per unit width"),
    ]  # fmt: skip


def _moist() -> list[Field]:
    """Moist physics of a host: what it sees of the step so far, and what it answers.

    CF names the parts of it (``..._due_to_convection``, ``..._due_to_stratiform_cloud_and_precipitation``), but has no name for
    all of it together, for what other processes have done before, nor for rain as it forms: those names are ours.
    """
    return [
        _layer("tendency_of_air_temperature_due_to_fluxes_and_radiation", "K s-1", -0.1, 0.1,
               "Heating by surface fluxes, vertical diffusion and radiation in this step"),
        _layer("tendency_of_specific_humidity_due_to_fluxes", "s-1", -1e-4, 1e-4,
               "Moistening by surface fluxes and vertical diffusion in this step"),
        _layer("tendency_of_specific_humidity_due_to_advection", "s-1", -1e-4, 1e-4, "Moistening by the resolved flow"),
        _surface("surface_specific_humidity", "kg kg-1", -0.01, 0.2, "Humidity of air at the surface"),
        _surface("time_step_of_tendencies", "s", 0.1, 1e5,
                 "Time over which tendencies act on the state: two steps of a leapfrog"),
        _layer("tendency_of_air_temperature_due_to_moist_processes", "K s-1", -0.1, 0.1,
               "Heating by convection, condensation, and melting, freezing and evaporation of rain and snow"),
        _layer("tendency_of_specific_humidity_due_to_moist_processes", "s-1", -1e-4, 1e-4,
               "Moistening by convection, condensation and evaporation of rain and snow"),
        _layer("convective_rain_formation_rate", "s-1", -1e-4, 1e-4,
               "Mass of rain and snow that convection forms, per mass of air and time"),
        _layer("stratiform_rain_formation_rate", "s-1", -1e-4, 1e-4,
               "Mass of rain and snow that large-scale condensation forms, per mass of air and time"),
        _surface("convective_precipitation_flux", "kg m-2 s-1", 0.0, 0.1, "Convective rain and snow at the surface"),
        _surface("stratiform_precipitation_flux", "kg m-2 s-1", 0.0, 0.1, "Large-scale rain and snow at the surface"),
        _surface("snowfall_flux", "kg m-2 s-1", 0.0, 0.1, "Snow at the surface, convective and large-scale"),
    ]  # fmt: skip


_ALL = [
    _layer("air_temperature", "K", 100.0, 400.0, "Temperature of the layer"),
    _interface("air_pressure_at_interfaces", "Pa", 0.0, 120000.0, "Pressure at interfaces", "air_pressure"),
    _layer("specific_humidity", "kg kg-1", 0.0, 0.1, "Water vapour mass per mass of moist air without condensate"),
    _layer("mole_fraction_of_ozone_in_air", "mol mol-1", 0.0, 1e-4, "Ozone mole fraction, dry air basis"),
    _surface("mole_fraction_of_carbon_dioxide_in_air", "mol mol-1", 0.0, 1e-2, "Well-mixed carbon dioxide"),
    _layer("mass_fraction_of_cloud_liquid_water_in_air", "kg kg-1", 0.0, 0.02, "Liquid water of an overcast layer"),
    _layer("mass_fraction_of_cloud_ice_in_air", "kg kg-1", 0.0, 0.02, "Ice of an overcast layer"),
    _surface("cloud_area_fraction", "1", 0.0, 1.0, "Part of the column's area that is overcast"),
    _surface("surface_temperature", "K", 150.0, 400.0, "Radiating temperature of the surface"),
    _surface("surface_longwave_emissivity", "1", 0.0, 1.0, "Broadband emissivity of the surface"),
    _surface("surface_albedo", "1", 0.0, 1.0, "Albedo, equal for direct and diffuse light in all bands"),
    _surface("cosine_of_solar_zenith_angle", "1", -1.0, 1.0, "Cosine of the solar zenith angle"),
    _surface("toa_incoming_shortwave_flux", "W m-2", 0.0, 3000.0, "Solar flux through a horizontal plane at the top"),
    _surface("surface_air_pressure", "Pa", 30000.0, 120000.0, "Pressure at the surface"),
    *_band_outputs("longwave"),
    *_band_outputs("shortwave"),
    *_lorenz96(),
    *_shallow_water(),
    *_moist(),
]

FIELDS: dict[str, Field] = {field.name: field for field in _ALL}


def field(name: str) -> Field:
    """Look a variable up by its identifier.

    Raises:
        KeyError: the name is unknown; the message lists close names.
    """
    if name in FIELDS:
        return FIELDS[name]
    import difflib

    near = difflib.get_close_matches(name, FIELDS, n=3) or sorted(FIELDS)
    raise KeyError(f"unknown variable '{name}'; did you mean one of: {', '.join(near)}?")
