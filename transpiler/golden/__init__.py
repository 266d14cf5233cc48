"""Golden files: what models were converted to when somebody last looked, and what has changed since.

A store keeps, for each model below a directory, its summary (the graph as IR text) and its text for each target. A
capture is the same as it is now. `changes` compares two graphs layer by layer, `compare` whole stores, `report` tells.
"""
