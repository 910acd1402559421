"""Answers to exercise 10, right and wrong, as data."""
