"""Answers to the tasks of exercise 14, right and wrong."""
