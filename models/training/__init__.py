"""Commands of ours that train the weights we ship."""
