"""Problems made on the spot with a known right answer."""

from regard.tasks.support_messages import Message, SupportMessages

__all__ = ["Message", "SupportMessages"]
