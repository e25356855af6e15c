"""The resources of /api/v1, one per file; each defines `routes`, an APIRouter.

Functions that only ask the database are plain ones, which FastAPI runs in threads; work goes through a gate of
limits.py.
"""
