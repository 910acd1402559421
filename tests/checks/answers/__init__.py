"""Answers to the exercises, right and wrong, as data: what the checks are tried on."""
