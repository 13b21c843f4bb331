"""The load generator: `python -m benchmarks.load --help`.

It plays many NASes against any RADIUS server, checks every answer, and keeps books of what was
acknowledged. The packet work is Cython, so that the generator costs a fraction of what it measures.
"""
