"""What each file says about itself: extracted once per content, kept by content."""
