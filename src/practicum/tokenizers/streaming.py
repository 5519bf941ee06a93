"""Text as it is generated: ids go in one by one, whole characters come out."""

import codecs

from practicum.tokenizers.tokenizer import Tokenizer


class StreamDecoder:
    """The pushed texts and the finish, joined, are `decode` of all ids.

    A piece may end within a character; its bytes wait for the rest. Bytes that no continuation can
    complete come out as U+FFFD as soon as that is certain.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def push(self, id: int) -> str:
        """The characters completed by this id; often none or several."""
        return self._decoder.decode(self._tokenizer.piece(id))

    def finish(self) -> str:
        """What still waited, replaced by U+FFFD. The decoder is then as new."""
        rest = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        return rest


def stream_decoder(tokenizer: Tokenizer) -> StreamDecoder:
    """A decoder for one sequence of ids of `tokenizer`."""
    return StreamDecoder(tokenizer)
