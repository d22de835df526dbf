"""Target tasks: what XTREME scores, zero-shot, in many languages. One `TASK` a file."""
