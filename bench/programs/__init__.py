"""What runs inside a contender's own environment: small programs that need Python and one store."""
