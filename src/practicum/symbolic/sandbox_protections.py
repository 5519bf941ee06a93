"""What a sandbox is kept in on this system, layer by layer, and what is missing for safety."""

from dataclasses import dataclass

ADVICE = (
    "let users make namespaces (sysctl user.max_user_namespaces above 0; in a container, a seccomp "
    "profile that allows unshare and mount) or use Linux 6.2 or newer with Landlock"
)


@dataclass(frozen=True, kw_only=True)
class Protections:
    """The layers that hold; the properties say in words what they give, "" where nothing does."""

    namespaces: bool  # users, processes, network, mounts, IPC and a root directory of its own
    landlock: bool  # the file system, where there are no namespaces
    seccomp: bool  # a filter on system calls
    nobody: bool  # programs of a caller that is root run as a user that owns nothing

    @property
    def network(self) -> str:
        """What keeps programs from the network."""
        own = "a network of its own, with nothing in it" if self.namespaces else ""
        return own or ("sockets refused" if self.seccomp else "")

    @property
    def processes(self) -> str:
        """What keeps programs from other processes, and ends what they start."""
        own = "process numbers of its own" if self.namespaces else ""
        return own or ("no new processes, no signals" if self.seccomp else "")

    @property
    def files(self) -> str:
        """What keeps programs from files."""
        if self.namespaces:
            return "a root directory of its own, read-only but for one folder"
        modes = "" if self.seccomp else " (but not modes and times)"
        return f"Landlock{modes}" if self.landlock else ""

    @property
    def kernel(self) -> str:
        """What keeps programs from the kernel's other doors."""
        return "only listed system calls" if self.seccomp else ""

    @property
    def user(self) -> str:
        """Whose rights programs have. Capabilities they have none in any case."""
        return "nobody" if self.nobody else "the caller's user, without capabilities"

    @property
    def missing(self) -> tuple[str, ...]:
        """The essential things that nothing protects: network, processes, files."""
        return tuple(name for name in ("network", "processes", "files") if not getattr(self, name))
