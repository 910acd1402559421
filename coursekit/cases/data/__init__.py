"""Failures that come in with the data."""
