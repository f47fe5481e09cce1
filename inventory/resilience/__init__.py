"""Locks, retry and bounded parallel work: small pieces that know nothing of stock."""
