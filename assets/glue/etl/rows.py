"""Names of the columns that the job adds to those of the contract, whose names never start with an underscore."""

from __future__ import annotations

ROW_ID = "row_id"
LINE = "__line"
KEY, GROUP = "__key", "__group"  # as text
PLACE = "__place"  # what decides the side: 32 hexadecimal digits
SPLIT = "__split"
