# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a request to etcd can end with."""


class EtcdError(Exception):
    """A request that has failed. The text is a sentence for the administrator."""


class Unavailable(EtcdError):
    """Members do not answer, or the cluster has no quorum. A request that writes may have been carried out, or may be
    carried out later."""


class Refused(EtcdError):
    """Etcd has answered that it does not do this. Nothing was changed."""

    def __init__(self, message: str, code: int) -> None:
        """Create it with the MESSAGE and the gRPC status CODE of etcd."""
        super().__init__(message)
        self.code = code


class LeaseGone(EtcdError):
    """The lease has expired or was revoked, and etcd has removed its keys."""
