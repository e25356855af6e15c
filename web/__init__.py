"""Adapters for browsers, programs and agents; no work of the domain is done here.

rest/       one file per resource of /api/v1; each defines `routes`
pages/      HTML that is complete without script
page/       the page's script and style as written; static/ is what is made of them, and what is served
"""
