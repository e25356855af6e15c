"""Adapters for browsers, programs and agents; no work of the domain is done here."""
