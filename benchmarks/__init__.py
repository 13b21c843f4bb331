"""Measurements: one file for each promise of the README, and the load generator in `load`."""
