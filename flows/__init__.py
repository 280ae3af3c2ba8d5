"""Prefect flows: which tasks, in which order, with which waits. Wiring only."""
