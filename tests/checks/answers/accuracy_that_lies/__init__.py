"""Answers to exercise 09, right and wrong, as data."""
