"""Names of scenes that a page has to bear."""

ODD = 'a/b?c#d%e ".." \\ <b>🪑'
BARE = "bare"  # no images that can be read, no faces, no colours, no features
