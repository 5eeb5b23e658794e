"""`python -m nsmodel`."""

from nsmodel.cli.main import main

main()
