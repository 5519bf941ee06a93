"""Some English that is in no corpus, for models of real text to read."""

PROSE = """The sea is never still. Even on a day without wind a swell comes in from storms that
nobody here has seen, and the boats in the harbour lift and settle as if they were breathing. My
grandfather used to say that you could read the weather of a whole ocean in that movement, if only
you were patient enough to sit on the wall for an hour and count. I was not patient. I counted to
ten and ran off to look for crabs. Now that I am old I sit there most evenings. The water rises and
falls, the ropes creak, and somewhere far to the west a storm is ending that will reach us on
Thursday. Science can explain how a wave travels: energy moves, the water itself hardly does, and
long waves are faster than short ones, so that the first sign of distant bad weather is a slow and
gentle rolling. What it does not explain is why this should be a comfort to anyone. Perhaps it is
only that something so large goes on without asking for our help. """
