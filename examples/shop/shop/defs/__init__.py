"""What components bring in."""
