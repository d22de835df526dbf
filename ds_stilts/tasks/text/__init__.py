"""Running text for masked and translation language modelling. One `TASK` a file."""
