"""The encoder `tiny`: its network, its words, and the training that makes the weights we ship."""
