# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the records of the other hosts mean for the store of this one."""

from __future__ import annotations

from typing import Dict, Iterator, Mapping, Optional, Union

from _cnm.model.network import Network
from _cnm.model.reported import Place, Reported
from _cnm.store.objects import SqliteStore

from .known import News
from .publication import name_of, networks
from .records import Record, parts

Change = Union[Reported, Place]
"""A report, or the place of one that is gone."""


def changes(store: SqliteStore, news: News, host: str) -> Iterator[Change]:
    """Yield what makes STORE know what the records say.

    :param host: the name of this host; empty if others know it by the address of its VTEP
    """
    here = {network.name: network for network in networks(store)}
    if news.keys is None:
        yield from _all(store, news.records, here, host)
        return
    for key in news.keys:
        pieces = parts(key)
        network = here.get(pieces.network) if pieces is not None else None
        if pieces is None or network is None or pieces.host == name_of(network, host):
            continue
        place = Place(network.id, pieces.host, pieces.endpoint)
        record = news.records.get(key)
        report = _report(place, record) if record is not None else None
        if report is not None:
            yield report
        elif store.report(place) is not None:
            yield place


def _all(store: SqliteStore, records: Mapping[str, Record], here: Mapping[str, Network], host: str) -> Iterator[Change]:
    known: Dict[Place, Reported] = {}
    for network in here.values():
        known.update((each.place, each) for each in store.reports(network.id))
    for record in records.values():
        where = here.get(record.network)
        if where is None or record.host == name_of(where, host):
            continue
        place = Place(where.id, record.host, record.name)
        report = _report(place, record)
        if report is not None and report != known.pop(place, None):
            yield report
    yield from known


def _report(place: Place, record: Record) -> Optional[Reported]:
    if record.endpoint is None:
        return None
    return Reported(place, record.endpoint, record.entry.created, record.entry.revision)
