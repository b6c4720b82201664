"""Training of what stands in the shallow-water host."""
