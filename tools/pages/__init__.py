"""The pages of ``make site``: lessons, symptoms, failures, reference."""
