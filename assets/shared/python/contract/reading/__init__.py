"""How a data file is read: one description that every door follows, whether it learns from the file or predicts it."""

from contract.reading.encodings import GZIP, PARQUET, encoding_of, is_unreadable, texts, unpacked
from contract.reading.header import FileError, check_names
from contract.reading.layout import HEAD_BYTES, Layout, layout_of
from contract.reading.records import LONGEST_RECORD, Record, RecordReader
from contract.reading.rows import Row, RowReader, Table, Value, read_table, records
from contract.reading.rules import DECIMALS, DELIMITERS, Data, FileRules
from contract.reading.values import LARGEST, MISSING_WORDS, Field, Finding, decimal, even_blanks, quoted

__all__ = [
    "DECIMALS",
    "DELIMITERS",
    "GZIP",
    "HEAD_BYTES",
    "LARGEST",
    "LONGEST_RECORD",
    "MISSING_WORDS",
    "PARQUET",
    "Data",
    "Field",
    "FileError",
    "FileRules",
    "Finding",
    "Layout",
    "Record",
    "RecordReader",
    "Row",
    "RowReader",
    "Table",
    "Value",
    "check_names",
    "decimal",
    "encoding_of",
    "even_blanks",
    "is_unreadable",
    "layout_of",
    "quoted",
    "read_table",
    "records",
    "texts",
    "unpacked",
]
