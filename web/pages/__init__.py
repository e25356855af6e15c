"""HTML pages: complete without script but for the 3D view, one URL per view, all text escaped by the templates."""

from fastapi import APIRouter

from . import api, features, home, jobs, other, scene, segment, sql

routes = APIRouter(include_in_schema=False)
for _page in (home, scene, jobs, features, segment, sql, api, other):
    routes.include_router(_page.routes)
