"""Whether any JSON at all fits a schema whose parts refer to each other.

An object that must hold another of its own kind has no end. The least fixed point: a referred part
can end once all that it demands can; what remains when no more parts are found cannot.
"""

from typing import Any
from urllib.parse import unquote


def can_end(schema: Any) -> bool:
    """False where every text of `schema` would demand another without end.

    Looks at references within the schema, at what objects require, at the fewest items of arrays
    and at combinations; what else may make a schema impossible is not asked.
    """
    parts = _parts(schema)
    ending: set[str] = set()
    while found := {name for name in parts.keys() - ending if _ends(parts[name], parts, ending)}:
        ending |= found
    return _ends(schema, parts, ending)


def _parts(schema: Any) -> dict[str, Any]:
    """What each reference in `schema` means; those that lead elsewhere are left out."""
    parts: dict[str, Any] = {}
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            name = node.get("$ref")
            if isinstance(name, str) and name not in parts and name.startswith("#"):
                target = _at(schema, name)
                if target is not None:
                    parts[name] = target
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
    return parts


def _at(schema: Any, name: str) -> Any:
    """The place of a pointer (RFC 6901) such as #/$defs/tree, or None."""
    place = schema
    for step in unquote(name[1:]).split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(place, list) and key.isdecimal() and int(key) < len(place):
            place = place[int(key)]
        elif isinstance(place, dict):
            place = place.get(key)
        else:
            return None
    return place


def _ends(node: Any, parts: dict[str, Any], ending: set[str]) -> bool:
    """Whether `node` can end, given that the parts in `ending` can and no others."""
    if not isinstance(node, dict):
        return True
    name = node.get("$ref")
    if isinstance(name, str) and name in parts and name not in ending:
        return False
    ways = [node[key] for key in ("anyOf", "oneOf") if isinstance(node.get(key), list)]
    if not all(any(_ends(way, parts, ending) for way in every) for every in ways):
        return False
    return all(_ends(part, parts, ending) for part in _demanded(node))


def _demanded(node: dict[str, Any]) -> list[Any]:
    """The schemas that must all be fulfilled within what fits `node`."""
    demanded: list[Any] = list(node.get("allOf") or ())
    if "const" in node or "enum" in node:
        return demanded
    match node.get("type"):
        case "object" | ["object"]:
            own, other = node.get("properties") or {}, node.get("additionalProperties")
            demanded += [own.get(key, other) for key in node.get("required") or ()]
        case "array" | ["array"]:
            first, fewest = list(node.get("prefixItems") or ()), int(node.get("minItems") or 0)
            demanded += first[:fewest]
            if fewest > len(first):
                demanded.append(node.get("items"))
    return demanded
