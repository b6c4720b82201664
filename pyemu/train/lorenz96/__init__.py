"""Training and evaluation of stochastic closures of Lorenz '96."""
