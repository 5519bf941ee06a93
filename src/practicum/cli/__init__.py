"""The command line: one file per verb. Parse, call the library, render."""
