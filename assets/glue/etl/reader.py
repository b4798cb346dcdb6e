"""A file to Arrow batches of typed rows with their ids. What is no row goes to the tally on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import md5

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from contract import Contract
from contract.reading import Layout, Row, RowReader
from etl.arrow import Bools, coded, hexadecimal, integers
from etl.rows import GROUP, KEY, LINE, PLACE, ROW_ID
from etl.tally import Tally
from etl.texts import Texts
from etl.values import WORDS, Meaning, Values, arrow_type

_SEPARATOR = "\x1f"
Chosen = NDArray[np.int64]


def schema_of(contract: Contract) -> pa.Schema:
    """Of the batches."""
    fields = [(LINE, pa.int64()), (ROW_ID, pa.string())]
    fields += [(item.name, arrow_type(item.type)) for item in contract.features]
    fields.append((contract.target.name, pa.float64()))
    fields += [(name, WORDS) for name, item in ((KEY, contract.key_field), (GROUP, contract.group_field)) if item]
    return pa.schema(fields + ([(PLACE, WORDS)] if contract.key_field or contract.group_field else []))


class Reader:
    """Typed rows of one file. It keeps 8 bytes of each row's id, and of its key, to see whether some are equal."""

    def __init__(self, contract: Contract, layout: Layout, tally: Tally) -> None:
        self._contract, self._layout, self._tally = contract, layout, tally
        self._rules = contract.rules_to_train
        self._rows = RowReader(self._rules, layout)
        self._meaning = Meaning(self._rules, layout.decimal)
        self._schema = schema_of(contract)
        self._ids: list[NDArray[np.int64]] = []
        self._keys: list[NDArray[np.int64]] = []

    def batches(self, found: Iterable[Texts]) -> Iterator[pa.RecordBatch]:
        for texts in found:
            values = {item.name: self._meaning.values(item, texts.columns[item.name]) for item in self._rules.fields}
            chosen = self._accepted(texts, values)
            self._tally.add_rows(len(chosen))
            self._tally.add_unreadable(texts.unreadable)
            if len(chosen):
                yield self._batch(texts, values, chosen)

    def repeated_rows(self) -> bool:
        """Whether rows may be equal in their features. Empties what it looks at."""
        return _repeated(self._ids)

    def repeated_keys(self) -> bool:
        return _repeated(self._keys)

    def _accepted(self, texts: Texts, values: dict[str, Values]) -> Chosen:
        """The rows that can be used. Rows that may not are looked at one by one, for all that is wrong in them."""
        bad = self._is_header(texts)
        for item in values.values():
            bad |= item.bad_rows
        rejects = list(texts.rejects)
        unusable = bad.copy()
        for place in np.flatnonzero(bad).tolist():
            record = texts.record(place)
            row = None if record is None else self._rows.row(record)
            if row is not None and row.findings:
                rejects.append(row)
            else:
                unusable[place] = row is None
        if rejects:
            self._tally.add_rejects(sorted(rejects, key=_line))
        return np.flatnonzero(~unusable)

    def _is_header(self, texts: Texts) -> Bools:
        """Rows whose fields that are read are all the names of their columns."""
        same = np.ones(len(texts.lines), np.bool_)
        for name, position in self._layout.positions.items():
            column = texts.columns[name]
            named = [place for place, text in enumerate(_equal(column.texts, self._layout.names[position])) if text]
            same &= np.isin(column.places, named) if named else False
            if not named:
                break
        return same

    def _batch(self, texts: Texts, values: dict[str, Values], rows: Chosen) -> pa.RecordBatch:
        features = [values[item.name] for item in self._contract.features]
        target = values[self._contract.target.name]
        columns = [integers(texts.lines[rows]), self._row_ids(features, rows)]
        columns += [item.taken(rows) for item in features]
        columns.append(target.indicator(rows) if self._contract.target.coded else target.taken(rows))
        columns += self._named_columns(values, rows)
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)

    def _row_ids(self, features: list[Values], rows: Chosen) -> pa.StringArray:
        salt = self._contract.split.salt
        spelled = [item.spelled(rows, "" if place else salt) for place, item in enumerate(features)]
        joined = pc.binary_join_element_wise(*spelled, _SEPARATOR).cast(pa.binary())
        digests = _digests(joined.to_pylist())
        self._ids.append(_numbers(digests))
        return hexadecimal(digests)

    def _named_columns(self, values: dict[str, Values], rows: Chosen) -> list[pa.Array]:
        """Key and group, and the place that the group, or else the key, has between 0 and 1."""
        columns, places = [], None
        for role, item in ((KEY, self._contract.key_field), (GROUP, self._contract.group_field)):
            if item is None:
                continue
            found = values[item.name]
            codes, salt = found.places[rows], self._contract.split.salt
            digests = _digests(found.spellings(salt).cast(pa.binary()).to_pylist())
            columns.append(coded(codes, found.spellings()))
            places = coded(codes, hexadecimal(digests))
            if role == KEY:
                self._keys.append(_numbers(digests)[codes])
        return [*columns, places] if places is not None else []


def _digests(texts: list[bytes]) -> list[bytes]:
    return [md5(text, usedforsecurity=False).digest() for text in texts]


def _numbers(digests: list[bytes]) -> NDArray[np.int64]:
    return np.frombuffer(b"".join(digests), np.int64)[::2]


def _repeated(parts: list[NDArray[np.int64]]) -> bool:
    if not parts:
        return False
    numbers = np.concatenate(parts)
    parts.clear()
    numbers.sort()
    return bool((numbers[1:] == numbers[:-1]).any())


def _equal(texts: pa.StringArray, name: str) -> list[bool]:
    found = pc.equal(texts, pa.scalar(name))
    return found.to_pylist() if pc.any(found).as_py() else []


def _line(row: Row) -> int:
    return row.line
