"""Objects from 2D masks of things: masks of many frames that agree on what is one (view consensus)."""
