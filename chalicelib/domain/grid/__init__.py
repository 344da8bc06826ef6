"""The network (电网拓扑): read, traced, cut into zones and kept by feeder.

`reading` the three tables · `network` the values and which loads are dark · `zones` what each
device alone would darken · `protection` what trips · `maps` the network by feeder, and transfers
· `problems` what is wrong with it.
"""

from chalicelib.domain.grid.maps import (
    GridMap,
    Key,
    feeders,
    join,
    loads_in,
    pack,
    switched,
    transfer,
    unpack,
)
from chalicelib.domain.grid.network import Device, Load, Network, dark, path
from chalicelib.domain.grid.problems import Problem, problems
from chalicelib.domain.grid.protection import Protection, protected_by, protective_above
from chalicelib.domain.grid.reading import (
    Mistake,
    SupplyPoint,
    loads_of,
    read_customers,
    read_devices,
    read_switches,
)
from chalicelib.domain.grid.zones import Zone, ZoneTree, zones

__all__ = [
    "Device",
    "GridMap",
    "Key",
    "Load",
    "Mistake",
    "Network",
    "Problem",
    "Protection",
    "SupplyPoint",
    "Zone",
    "ZoneTree",
    "dark",
    "feeders",
    "join",
    "loads_in",
    "loads_of",
    "pack",
    "path",
    "problems",
    "protected_by",
    "protective_above",
    "read_customers",
    "read_devices",
    "read_switches",
    "switched",
    "transfer",
    "unpack",
    "zones",
]
