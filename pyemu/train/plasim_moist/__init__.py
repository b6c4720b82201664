"""Training and offline scores of emulators of PlaSim's moist physics."""
