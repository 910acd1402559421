"""Failures of normalisation layers, precision and the device."""
