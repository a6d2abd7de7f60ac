"""The kinds of process that aiwatch understands: one file each, registered here.

>>> [kind.name for kind in KINDS]
['chat', 'classifier', 'regressor']
"""

from __future__ import annotations

from aiwatch.kinds import chat, classifier, regressor
from aiwatch.kinds.base import Kind

KINDS: tuple[Kind, ...] = (chat.KIND, classifier.KIND, regressor.KIND)


def kind_named(name: str) -> Kind:
    """Return the kind called ``name``.

    Raises:
        KeyError: there is no such kind.
    """
    return {kind.name: kind for kind in KINDS}[name]
