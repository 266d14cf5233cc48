"""Emission: from a legal graph to a notation's syntax tree, one file a framework. Emitters decide nothing."""
