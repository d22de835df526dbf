"""Published claims as a file: what each says, how it is tested, and what runs say of it. Never a bare tick."""
