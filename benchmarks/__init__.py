"""Timings: both sides of every ratio in one run, in turn."""
