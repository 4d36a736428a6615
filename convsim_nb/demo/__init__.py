"""The built-in way: sessions, agents, the rule-based model and its server."""
