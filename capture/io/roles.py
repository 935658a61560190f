"""Names of a sample's pictures of the identity, of which there may be several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

IDENTITY = "identity"
MOST_IDENTITY_PICTURES = 4
Value = TypeVar("Value")


def identity_roles(count: int = MOST_IDENTITY_PICTURES) -> tuple[str, ...]:
    """The names of `count` pictures of an identity, the one that counts most first: identity, identity_2, ..."""
    return (IDENTITY, *(f"{IDENTITY}_{k}" for k in range(2, count + 1)))


def identities_in(pictures: Mapping[str, Value]) -> dict[str, Value]:
    """Those of named pictures that show the identity, in their order.

    Raises:
        KeyError: the first of them is missing.
    """
    first, *others = identity_roles()
    return {first: pictures[first], **{role: pictures[role] for role in others if role in pictures}}
