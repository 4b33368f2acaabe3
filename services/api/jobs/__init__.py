"""Jobs, and what they say while they run."""
