"""An outline of the project that fits into an agent's context."""
