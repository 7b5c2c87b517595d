"""What leads where: imports, definitions, tests; and what follows from that."""
