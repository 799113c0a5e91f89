"""Measurements that docs/benchmarks.md quotes; each writes build/bench-….json."""
