"""Answers to exercise 06, right and wrong, as data."""
