"""Benchmarks: each module's `run()` returns figures beside their baseline from the same run."""
