"""What has changed since a state, and which tests that calls for."""
