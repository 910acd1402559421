"""Answers to exercise 03, right and wrong, as data."""
