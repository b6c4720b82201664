"""Training and evaluation of the emulators of RRTMG in PlaSim."""
