"""pyemu: train climate emulators in Python, run them inside Fortran models, prove that the coupled run is right."""
