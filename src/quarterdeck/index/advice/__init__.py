"""What to do first: history, hot spots, health, staleness, work items, and the reports on them."""
