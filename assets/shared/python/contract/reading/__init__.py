"""How a data file is read: one description that every door follows, whether it learns from the file or predicts it."""

from contract.reading.cells import check_type, text_of
from contract.reading.encodings import GZIP, PARQUET, encoding_of, is_unreadable, texts, unpacked
from contract.reading.header import ColumnsError, FileError, check_names
from contract.reading.layout import HEAD_BYTES, Layout, layout_of
from contract.reading.oneline import ESCAPE, Restored, on_one_line, restored
from contract.reading.records import LONGEST_RECORD, Record, RecordReader, fields_of
from contract.reading.rows import Row, RowReader, Table, read_table, records
from contract.reading.rules import DECIMALS, DELIMITERS, Data, FileRules
from contract.reading.told import as_json, field_of
from contract.values import LARGEST, MISSING_WORDS, Field, Finding, Value, decimal, even_blanks, quoted

__all__ = [
    "DECIMALS",
    "DELIMITERS",
    "ESCAPE",
    "GZIP",
    "HEAD_BYTES",
    "LARGEST",
    "LONGEST_RECORD",
    "MISSING_WORDS",
    "PARQUET",
    "ColumnsError",
    "Data",
    "Field",
    "FileError",
    "FileRules",
    "Finding",
    "Layout",
    "Record",
    "RecordReader",
    "Restored",
    "Row",
    "RowReader",
    "Table",
    "Value",
    "as_json",
    "check_names",
    "check_type",
    "decimal",
    "encoding_of",
    "even_blanks",
    "field_of",
    "fields_of",
    "is_unreadable",
    "layout_of",
    "on_one_line",
    "quoted",
    "read_table",
    "records",
    "restored",
    "text_of",
    "texts",
    "unpacked",
]
