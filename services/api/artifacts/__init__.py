"""What jobs left."""
