"""What the files in datasets/ are made of: a folder for each format, and what several of them share."""
