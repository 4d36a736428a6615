"""`demo:/rules`: a stand-in for a language model, made of rules. It is not a language model."""

from convsim_nb.demo.rules.chat import RulesChat

__all__ = ["RulesChat"]
