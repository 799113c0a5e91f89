"""Lets `python -m emr_dr` be the command line."""

from emr_dr.cli.main import main

main()
