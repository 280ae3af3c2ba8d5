"""Prefect tasks, one file a step: the functions of labelloop/stages with retries, names and artifacts.

Caching is not Prefect's business here: a stage is done when its receipt matches its files (see
labelloop/stages/runner.py), which also holds where Prefect is not used at all.
"""
