"""Things: unions of superpoints that answer a question as one; see docs/search.md."""
