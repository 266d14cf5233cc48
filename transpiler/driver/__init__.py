"""From source to result: reads, runs the passes, and describes, converts or checks a model. The doors call this room.

The entry points are in `transpiler.driver.api`, which the package itself offers as `transpiler.read` and so on.
"""
