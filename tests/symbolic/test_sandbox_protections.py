"""What protects is said in words, and what is missing by name."""

from practicum.symbolic.sandbox_protections import Protections


def test_namespaces_alone_are_enough():
    granted = Protections(namespaces=True, landlock=False, seccomp=False, nobody=True)
    assert granted.missing == ()
    assert granted.network == "a network of its own, with nothing in it"
    assert (granted.kernel, granted.user) == ("", "nobody")


def test_landlock_and_the_filter_together_are_enough():
    granted = Protections(namespaces=False, landlock=True, seccomp=True, nobody=False)
    assert granted.missing == ()
    assert (granted.network, granted.files) == ("sockets refused", "Landlock")


def test_one_of_them_is_not():
    landlock = Protections(namespaces=False, landlock=True, seccomp=False, nobody=False)
    assert landlock.missing == ("network", "processes")
    assert landlock.files == "Landlock (but not modes and times)"
    seccomp = Protections(namespaces=False, landlock=False, seccomp=True, nobody=False)
    assert seccomp.missing == ("files",)
