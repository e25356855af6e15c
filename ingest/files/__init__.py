"""Readers of single files that scans are made of; each trusts nothing that a file says of itself."""
