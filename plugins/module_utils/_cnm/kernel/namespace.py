# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network namespaces: created, found, entered and removed within this process.

``ip netns`` and pyroute2 fork for this, which takes several milliseconds per namespace. Our own process can enter a
namespace for a moment in a tenth of this time.
"""

from __future__ import annotations

import errno
import fcntl
import os
import resource
from contextlib import contextmanager
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from ..model.errors import CnmError, KernelRefused, raise_all
from ..resources.namespace import Namespace
from ..resources.resource import HOST, Key
from . import namespace_paths, ownership, system_calls
from .rtnl import uapi
from .rtnl.request import encode
from .rtnl.socket import CHUNK, Refusal, Socket, needs_root

LOOPBACK_INDEX = 1
"""The first link of every namespace (LOOPBACK_IFINDEX in include/net/flow.h)."""

_NS_GET_NSTYPE = 0xB703
"""ioctl_ns(2)."""
_OWN = "/proc/thread-self/ns/net"
_SPARE_DESCRIPTORS = 256
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


class Namespaces:
    """The namespaces of a run, with a netlink socket in each that is used.

    Its methods change the namespace of the calling thread for a moment and then return; only enter() stays.
    """

    def __init__(self) -> None:
        try:
            self.home = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise KernelRefused(f"The host's network namespace could not be opened: {error.strerror}.") from error
        status = os.fstat(self.home)
        self._nsfs, self._home_inode = status.st_dev, status.st_ino
        """The device of all namespaces, the kernel's nsfs, and the inode of the host's own."""
        self._sockets: Dict[str, Socket] = {}
        self._inodes: Dict[str, int] = {}
        """The namespace that each path led to when it was first opened."""
        self._identities: Dict[str, str] = {}
        """The identities of these namespaces, as far as they were asked for."""
        self._held: Dict[str, int] = {}
        """Descriptors of namespaces that stay open, by path."""
        self._shared_folders: List[str] = []
        self._notes = False
        """Whether the folder with the notes about our namespaces exists."""
        self._limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (self._limits[1], self._limits[1]))
        most = self._limits[1] if self._limits[1] != resource.RLIM_INFINITY else 1 << 20
        self._room = max(most - _SPARE_DESCRIPTORS, most // 4)
        self.at_once = max(min(CHUNK, most // 8), 1)
        """How many descriptors may be open in addition to the sockets."""

    def close(self) -> None:
        """Close all sockets."""
        while self._sockets:
            self._sockets.popitem()[1].close()
        while self._held:
            os.close(self._held.popitem()[1])
        os.close(self.home)
        resource.setrlimit(resource.RLIMIT_NOFILE, self._limits)

    def find(self, path: str) -> Optional[Socket]:
        """Return the socket in the namespace at PATH; None if there is no namespace, or if it is the host's own."""
        if path in self._sockets:
            return self._sockets[path]
        if path == HOST:
            return self._keep(path, Socket())
        descriptor = self.open(path)
        if descriptor is None:
            return None
        try:
            return None if self._is_home(descriptor) else self._socket_in(descriptor, path)
        finally:
            os.close(descriptor)

    def _socket_in(self, descriptor: int, path: str) -> Socket:
        """Return a new socket in the namespace of DESCRIPTOR, to which PATH leads."""
        self._enter(descriptor)
        try:
            return self._keep(path, Socket())
        finally:
            self._enter(self.home)

    def at(self, path: str) -> Socket:
        """Return the socket in the namespace at PATH.

        :raises KernelRefused: if there is no namespace
        """
        socket = self.find(path)
        if socket is None:
            raise _lost(path)
        return socket

    @contextmanager
    def inside(self, path: str) -> Iterator[None]:
        """Run a block in the namespace at PATH, where ``/proc/sys/net`` has the settings of that namespace."""
        if path == HOST:
            yield
            return
        descriptor = self.opened(path)
        try:
            self._enter(descriptor)
            try:
                yield
            finally:
                self._enter(self.home)
        finally:
            os.close(descriptor)

    def opened(self, path: str) -> int:
        """Return a descriptor of the namespace at PATH, which is not the host's own.

        :raises KernelRefused: if there is none
        """
        descriptor = self.open(path)
        if descriptor is not None and not self._is_home(descriptor):
            return descriptor
        if descriptor is not None:
            os.close(descriptor)
        raise _lost(path)

    def open(self, path: str) -> Optional[int]:
        """Return a descriptor of the namespace at PATH; None if there is none.

        :raises KernelRefused: if PATH led to another namespace before: its pid was reused, or somebody has changed a
            link
        """
        if path in self._held:
            return os.dup(self._held[path])
        try:
            opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except PermissionError:
            raise needs_root(f"opening the network namespace '{path}'") from None
        except ValueError:
            # The path has a null character.
            return None
        except OSError as error:
            if error.errno in _EXHAUSTED:
                raise KernelRefused(f"Network namespace '{path}' could not be opened: {error.strerror}.") from error
            return None
        try:
            # First the check, because opening a pipe would block, and opening a device can have effects.
            if os.fstat(opened).st_dev != self._nsfs:
                return None
            descriptor = os.open(f"/proc/thread-self/fd/{opened}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise KernelRefused(f"Network namespace '{path}' could not be opened: {error.strerror}.") from error
        finally:
            os.close(opened)
        if fcntl.ioctl(descriptor, _NS_GET_NSTYPE) != system_calls.CLONE_NEWNET:
            os.close(descriptor)
            return None
        inode = os.fstat(descriptor).st_ino
        if self._inodes.setdefault(path, inode) != inode:
            os.close(descriptor)
            raise KernelRefused(f"'{path}' has become another network namespace in the meantime. Run this again.")
        return descriptor

    def hold(self, path: str) -> None:
        """Keep using the namespace that PATH leads to now, even if its owner redirects the path."""
        descriptor = self.open(path)
        if descriptor is not None:
            self._held[path] = descriptor

    def enter(self, path: str) -> None:
        """Move the calling thread into the namespace at PATH.

        :raises KernelRefused: if there is none, or if it is the host's own
        """
        descriptor = self.opened(path)
        try:
            self._enter(descriptor)
        finally:
            os.close(descriptor)

    def identity(self, path: str) -> Optional[str]:
        """Return an identity of the namespace at PATH, or of HOST, unique since the host was booted; None without one.

        This is the kernel's cookie, which is never reused. Linux before 5.14 does not reveal it. There, the inode
        is used, which another namespace can get soon after this one is gone.
        """
        if path not in self._identities or not self._still_leads_there(path):
            inside = self._inside(path)
            if inside is None:
                return None
            self._identities[path] = _identity(inside, self._inodes.get(path, self._home_inode))
        return self._identities[path]

    def _inside(self, path: str) -> Optional[Socket]:
        """Return the socket in the namespace at PATH, which may be the host's own; None if there is none."""
        if path == HOST:
            return self.at(HOST)
        descriptor = self.open(path)
        if descriptor is None:
            return None
        try:
            if self._is_home(descriptor):
                return self.at(HOST)
            return self._sockets.get(path) or self._socket_in(descriptor, path)
        finally:
            os.close(descriptor)

    def _still_leads_there(self, path: str) -> bool:
        """Say whether PATH leads to the namespace to which it led when it was first opened."""
        if path == HOST:
            return True
        try:
            status = os.stat(path)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == (self._nsfs, self._inodes.get(path))

    def file(self, path: str) -> Optional[Tuple[int, int]]:
        """Return device and inode of the file at PATH; None if there is none.

        If it was opened before, this is the namespace that PATH led to then. All later steps of the run concern that
        namespace, or fail.
        """
        if path in self._inodes:
            return self._nsfs, self._inodes[path]
        try:
            status = os.stat(path)
        except (OSError, ValueError):
            return None
        return status.st_dev, status.st_ino

    def is_ours(self, path: str, inside: Socket) -> bool:
        """Say whether we made the namespace of INSIDE, a socket in the namespace at PATH, and made it for this path.

        Otherwise a symbolic link or a second mount could make another sandbox's namespace pass for this one.
        """
        return not os.path.islink(path) and ownership.is_ours(path, _identity(inside, self._inodes.get(path, 0)))

    def _is_home(self, descriptor: int) -> bool:
        """Say whether DESCRIPTOR is of the host's own namespace: an adopted path may have been redirected there."""
        return os.fstat(descriptor).st_ino == self._home_inode

    def make(self, wanted: Sequence[Namespace]) -> None:
        """Create each of the namespaces WANTED at its path, with its loopback up.

        :raises CnmError: if some could not be created
        """
        if not wanted:
            return
        up = encode("link", uapi.RTM_NEWLINK, uapi.NLM_F_ACK, [], index=LOOPBACK_INDEX, flags=1, change=1)
        errors: List[CnmError] = []
        try:
            for namespace in wanted:
                try:
                    self._make(namespace.path, up)
                except OSError as error:
                    errors.append(_explained("made", namespace.path, error, namespace.key))
                except CnmError as refusal:
                    errors.append(refusal.of(namespace.key))
        finally:
            if os.stat(_OWN).st_ino != self._home_inode:
                self._enter(self.home)
        raise_all(errors)

    def _make(self, path: str, up: bytes) -> None:
        folder = os.path.dirname(path)
        if folder not in self._shared_folders:
            namespace_paths.share(folder)
            self._shared_folders.append(folder)
        namespace_paths.prepare(path)
        if not self._notes:
            ownership.prepare()
            self._notes = True
        system_calls.unshare(system_calls.CLONE_NEWNET)
        inside = Socket()
        try:
            for reply in inside.exchange([up]):
                if isinstance(reply, Refusal):
                    raise KernelRefused(f"The kernel refused to set up the loopback of '{path}': {reply.text}.")
            inode = os.stat(_OWN).st_ino
            # Before the mount: if we are killed in between, no namespace remains that looks like somebody else's.
            ownership.note(path, _identity(inside, inode))
            system_calls.bind(_OWN, path)
        except BaseException:
            inside.close()
            raise
        self._inodes[path] = inode
        self._keep(path, inside)

    def remove(self, path: str) -> None:
        """Remove the namespace at PATH, if it exists. The kernel keeps it as long as processes are in it.

        :raises CnmError: if it cannot be removed
        """
        if path in self._sockets:
            self._sockets.pop(path).close()
        self._inodes.pop(path, None)
        self._identities.pop(path, None)
        try:
            system_calls.unmount(path)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOENT, errno.ENOTDIR):
                raise _explained("removed", path, error) from error
        try:
            ownership.forget(path)
            os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise _explained("removed", path, error) from error

    def _keep(self, path: str, made: Socket) -> Socket:
        # A run visits namespaces repeatedly in the same order, so the newest socket is the one that is needed last.
        if len(self._sockets) >= self._room:
            self._sockets.popitem()[1].close()
        self._sockets[path] = made
        return made

    def _enter(self, descriptor: int) -> None:
        try:
            system_calls.enter_network(descriptor)
        except PermissionError:
            raise needs_root("entering a network namespace") from None
        except OSError as error:
            raise KernelRefused(f"A network namespace could not be entered: {error.strerror}.") from error


def _identity(inside: Socket, inode: int) -> str:
    cookie = inside.cookie()
    return f"inode {inode}" if cookie is None else f"cookie {cookie}"


def _lost(path: str) -> KernelRefused:
    return KernelRefused(
        f"The network namespace at '{path}' is gone, or it is the host's own now. Run this again to create it again; "
        "if it was adopted, let the sandbox adopt another one."
    )


def _explained(done: str, path: str, error: OSError, about: Optional[Key] = None) -> CnmError:
    if error.errno in (errno.EPERM, errno.EACCES):
        return needs_root(f"network namespace '{path}' could not be {done}")
    reason = error.strerror or str(error)
    if error.errno == errno.ENOSPC:
        reason += "; the sysctl 'user.max_net_namespaces' limits their number"
    return KernelRefused(f"Network namespace '{path}' could not be {done}: {reason}.", about)
