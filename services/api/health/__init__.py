"""Probes, and the root."""
