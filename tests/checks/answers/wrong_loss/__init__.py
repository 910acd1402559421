"""Answers to exercise 05, right and wrong, as data."""
