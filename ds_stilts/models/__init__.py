"""Encoders, heads, attention without padding. Knows no task and no DeepSpeed; weights stay in Hugging Face's layout."""
