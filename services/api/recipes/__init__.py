"""Named DAGs of stages."""
