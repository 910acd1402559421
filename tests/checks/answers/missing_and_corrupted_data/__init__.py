"""Answers to exercise 08, right and wrong, as data."""
