"""Lowering: from a notation's syntax tree to the graph, one file a framework."""
