"""Translating real subtitle files: batches, answers made whole, budgets from the cues' own times, reports.

``film.py`` brings one file from its path to new texts; ``first_pass.py`` translates with a
strategy of the benchmark, ``second_pass.py`` rewrites what does not fit, and every question
goes through ``asking.py``, which matches answers to lines by id and asks again for the rest.
"""
