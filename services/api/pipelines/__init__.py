"""A recipe's jobs for a data set."""
