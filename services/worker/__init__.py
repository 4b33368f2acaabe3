"""Runs jobs: claims them, starts torchrun under a supervisor, leaves no process behind. Imports no torch."""

__all__: list[str] = []
