"""The database: what is kept, where, and how it is asked. Knows arrays and SQL, no networks.

scene.py, features.py, errors.py, plugins.py and settings.py are the vocabulary every room shares.
"""
