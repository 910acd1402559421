"""Answers to exercise 04, right and wrong, as data."""
