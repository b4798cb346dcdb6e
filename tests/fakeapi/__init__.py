"""The REST API as a local server that answers from the contracts in models/, for tests of the page."""

from tests.fakeapi.server import KEY, FakeApi, Request, serving

__all__ = ["KEY", "FakeApi", "Request", "serving"]
