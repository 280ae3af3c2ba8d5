"""What people read: words, pages and plots from numbers that are already there."""
