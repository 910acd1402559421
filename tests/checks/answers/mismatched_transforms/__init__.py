"""Answers to exercise 02, right and wrong, as data: what its checks are tried on."""
