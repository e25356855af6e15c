"""Label sets, and how a dataset's own labels fall into them."""
