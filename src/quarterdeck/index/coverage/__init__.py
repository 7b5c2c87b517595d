"""What coverage tools measured, taken into the index."""
