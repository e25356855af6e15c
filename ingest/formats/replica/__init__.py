"""Replica: the labels of its release."""
