"""The network (电网拓扑): read, traced, cut into zones and kept by feeder.

`reading` the three tables · `network` the values and which loads are dark · `zones` what each
device alone would darken.
"""

from chalicelib.domain.grid.network import Device, Load, Network, dark, path
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
    "Load",
    "Mistake",
    "Network",
    "SupplyPoint",
    "Zone",
    "ZoneTree",
    "dark",
    "loads_of",
    "path",
    "read_customers",
    "read_devices",
    "read_switches",
    "zones",
]
