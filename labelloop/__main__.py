"""`python -m labelloop`."""

from labelloop.cli import main

main()
