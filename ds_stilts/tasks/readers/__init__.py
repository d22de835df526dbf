"""Readers of the official file layouts, each `read(path, *, task, language, labels_path) -> examples`.

They accept what the official files hold and nothing else; every fault is a DataError with file and place. They do not
know where a file lies (`Task.files` does) and never tokenise.
"""
