"""The part that all List operations share: filters, order and pages.

A page is taken before its records are held against `equals`, as AWS may do it: a page may be short, or empty, and have
a NextToken. So who reads one page alone finds out here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.sagemaker import shapes
from localcloud.sagemaker.faults import invalid

PAGE = 100


@dataclass(frozen=True)
class Listing:
    """How one List operation reads its records."""

    operation: str
    result: str
    name: str
    status: str = ""
    newest_first: bool = True
    equals: tuple[str, ...] = ()
    """Request members that must equal the record's member of the same name."""

    def page(self, request: Mapping[str, Any], records: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        found = [record for record in records if self._matches(request, record)]
        descending = request.get("SortOrder", "Descending" if self.newest_first else "Ascending") == "Descending"
        found.sort(key=self._key(request))  # stable: records come in the order of their creation
        if descending:
            found.reverse()
        start = _position(request.get("NextToken"))
        end = start + request.get("MaxResults", PAGE)
        page: dict[str, Any] = {self.result: [record for record in found[start:end] if self._equals(request, record)]}
        if end < len(found):
            page["NextToken"] = str(end)
        return shapes.response(self.operation, page)

    def _key(self, request: Mapping[str, Any]) -> Any:
        field = {"Name": self.name, "Status": self.status}.get(request.get("SortBy", ""), "CreationTime")
        return lambda record: record.get(field, 0)

    def _matches(self, request: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
        name = str(record.get(self.name, ""))
        if request.get("NameContains", "").lower() not in name.lower():
            return False
        if request.get("StatusEquals") not in (None, record.get(self.status)):
            return False
        return _within(request, record)

    def _equals(self, request: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
        return all(member not in request or request[member] == record.get(member) for member in self.equals)


def _within(request: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    for field, prefixes in (("CreationTime", ("CreationTime", "Created")), ("LastModifiedTime", ("LastModifiedTime",))):
        moment = record.get(field, 0)
        for prefix in prefixes:
            if moment < request.get(f"{prefix}After", moment) or moment > request.get(f"{prefix}Before", moment):
                return False
    return True


def _position(token: str | None) -> int:
    if token is not None and not token.isdigit():
        raise invalid(f"Invalid NextToken: {token}")
    return int(token or 0)
