"""posmoe: raw text to Universal Dependencies trees."""
