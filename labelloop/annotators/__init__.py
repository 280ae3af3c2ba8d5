"""What votes say about the people who gave them: agreement, quality, copying, drift.

Nothing here needs a campaign. Votes are coded as in `labelloop.fusion`, so no result depends on the order of
rows or on what annotators and classes are called.
"""
