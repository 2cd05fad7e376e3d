"""Anybody's Lookahead, SNOO or Schedule-Free under the same laws."""

from lookahead_conformance.adapter import Adapter, Grads, NotOffered
from lookahead_conformance.setting import Outer, Rule, Setting, Weights

__all__ = ["Adapter", "Grads", "NotOffered", "Outer", "Rule", "Setting", "Weights"]
