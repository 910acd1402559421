"""Failures of the network's shape, its activations and its loss."""
