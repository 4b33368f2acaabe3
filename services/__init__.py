"""The service around the method: jobs, HTTP API, worker and client."""
