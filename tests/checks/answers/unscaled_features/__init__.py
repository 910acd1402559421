"""Answers to exercise 01, right and wrong, as data."""
