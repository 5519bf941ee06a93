"""Text to ids and back: bytes, byte-level BPE and its training, tokenizer files, chat templates."""
