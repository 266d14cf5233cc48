"""Many models at once: resumable, one bad file never stopping the rest, on one machine or on many.

`run.run_batch` is the entry. A plan says which file becomes which; engines (`inline`, `pool`, `fleet`) turn tasks into
records; the manifest keeps the records. Conversion itself is the driver's, called in `engine` and nowhere else.
"""
