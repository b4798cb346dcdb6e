"""A Parquet file as the rows of a batch: each value as the text that a CSV file would have for it."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq

from contract import Contract
from contract.reading import Field, FileError, check_type, text_of


def table_of(body: bytes, contract: Contract) -> tuple[list[str], list[list[str]]]:
    """Names of the columns, and the fields of every row: none of one that holds nothing. Raises FileError."""
    try:
        table = pq.read_table(io.BytesIO(body))
    except (pa.ArrowException, OSError) as error:
        raise FileError(f"a Parquet file that cannot be read ({error}); upload it again") from error
    names = [str(name).strip() for name in table.column_names]
    read = {field.column: field for field in contract.rules_to_predict.fields}
    columns = [_texts(column, read.get(name)) for name, column in zip(names, table.columns, strict=True)]
    return names, [list(fields) if any(fields) else [] for fields in zip(*columns, strict=True)]


def _texts(column: pa.ChunkedArray, field: Field | None) -> list[str]:
    if field is not None:
        check_type(field, str(column.type))
    return [text_of(value, field) for value in column.to_pylist()]
