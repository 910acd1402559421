"""Answers to exercise 13, right and wrong, as data."""
