"""SemanticKITTI: sequences and labels."""
