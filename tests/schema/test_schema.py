"""The shipped schemas are current."""

from importlib import resources

import jsonschema
import pytest

from nsmodel.schema import generated, schema


@pytest.mark.parametrize("name", sorted(generated()))
def test_current(name: str) -> None:
    shipped = resources.files("nsmodel.schema").joinpath(name).read_bytes()
    assert shipped == generated()[name], "run `python -m nsmodel.schema`"
    jsonschema.Draft202012Validator.check_schema(schema(name.removesuffix(".json")))
