"""The sections of params.yaml, one file a subject; labelloop/campaign.py puts them together."""
