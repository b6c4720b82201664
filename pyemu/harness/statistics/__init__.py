"""Statistics of runs: pure functions of arrays, without names of hosts, variables or files."""
