"""Labels that somebody who knows more should look at, and what they said: queue, verdicts, overturn rate."""
