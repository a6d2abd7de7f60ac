"""What is assigned, delivered and remembered as one: a partition of a topic, as one process reads it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Share:
    """One partition of a topic that a process reads.

    >>> Share("support-chatbot", "chats", 3).stream
    'kafka:chats/3'
    """

    process: str
    topic: str
    partition: int

    @property
    def place(self) -> str:
        """The partition, as people read it and as the label has it."""
        return f"{self.topic}/{self.partition}"

    @property
    def stream(self) -> str:
        """The id of its stream, which with an offset is the place of a message for ever."""
        return f"kafka:{self.place}"

    def __str__(self) -> str:
        """Say what it is, for messages."""
        return f"partition {self.place} of {self.process}"
