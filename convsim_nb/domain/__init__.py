"""The nouns: sessions, cases, conversations, events and their fold. Pure: stdlib and pydantic alone."""
