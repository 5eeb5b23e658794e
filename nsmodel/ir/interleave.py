from typing import Any
def split(record: Any) -> tuple[Any, ...]:
    return ()
