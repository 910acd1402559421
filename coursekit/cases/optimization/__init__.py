"""Failures of the optimizer and its schedule."""
