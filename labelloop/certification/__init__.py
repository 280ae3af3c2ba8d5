"""Accepting labels without a further person, under a certificate: tested, sealed, audited, revocable."""
