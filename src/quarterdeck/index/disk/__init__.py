"""What the disk and git say: which files there are, what they are for, and whether they have changed."""
