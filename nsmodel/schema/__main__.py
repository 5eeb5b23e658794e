"""`python -m nsmodel.schema`: write the schemas anew beside this file."""

from pathlib import Path

from nsmodel.schema import write

write(Path(__file__).parent)
