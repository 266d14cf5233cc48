"""Passes over the graph: lowering from syntax, shape inference, normalization, layout, legalization."""
