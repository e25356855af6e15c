"""What answers are held against: label sets, and how a dataset's own labels fall into them."""
