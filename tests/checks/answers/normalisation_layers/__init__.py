"""Answers to exercise 11, right and wrong, as data."""
