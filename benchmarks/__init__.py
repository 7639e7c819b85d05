"""Benchmarks: each prints ratios against bare work done in the same run on the same data; none is a test."""
