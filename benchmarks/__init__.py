"""How fast the compiler is, as ratios to something measured in the same run: `python -m benchmarks NAME…`.

Nothing here is a test: times depend on the machine. Every ratio comes from several rounds in which both sides take
turns, and compares the medians of processor time (other programs on the machine count less in it than in wall time,
which is shown beside it).
"""
