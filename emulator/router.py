"""Which handler answers a method and a path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import unquote

from emulator.answer import Answer
from emulator.call import Call

Handler: TypeAlias = Callable[[Call], Answer]


@dataclass(frozen=True)
class Route:
    """A method, a path with `{names}`, who answers, and whether that needs a login."""

    method: str
    segments: tuple[str, ...]
    handler: Handler
    login: bool

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """The path's parameters, decoded; None when it is another path."""
        if len(segments) != len(self.segments):
            return None
        arguments = {}
        for mine, given in zip(self.segments, segments, strict=True):
            if mine.startswith("{"):
                arguments[mine.strip("{}")] = unquote(given)
            # `resultPages` and `resultpages` are the same [bulk guide].
            elif mine.lower() != given.lower():
                return None
        return arguments


@dataclass(frozen=True)
class Found:
    """A route and its parameters."""

    route: Route
    arguments: dict[str, str]


class Router:
    """A list of routes; the first that fits answers, so fixed paths are added before `{names}`."""

    def __init__(self) -> None:
        self._routes: list[Route] = []

    def add(self, method: str, path: str, handler: Handler, *, login: bool = True) -> None:
        """Let `handler` answer."""
        self._routes.append(Route(method, tuple(segments_of(path)), handler, login))

    def find(self, method: str, raw_path: str) -> Found | set[str]:
        """The route; or the methods that the path has instead (none: there is no such path)."""
        segments = segments_of(raw_path)
        others: set[str] = set()
        for route in self._routes:
            arguments = route.match(segments)
            if arguments is None:
                continue
            if route.method == method or (method == "HEAD" and route.method == "GET"):
                return Found(route, arguments)
            others.add(route.method)
        return others


def segments_of(path: str) -> list[str]:
    """The parts between slashes; a slash at the end changes nothing."""
    return path.strip("/").split("/")
