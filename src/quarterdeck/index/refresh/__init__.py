"""From the disk to the stored rows: compare, read again what differs, derive what follows."""
