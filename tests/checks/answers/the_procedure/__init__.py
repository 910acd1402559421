"""Answers to exercise 15, right and wrong, as data."""
