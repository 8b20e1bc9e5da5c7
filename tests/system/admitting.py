"""Settings that say who may come, and when."""

import time


def entry(port, keys):
    return f'services = ( {{ name = "{port}"; {keys} }} );\n'


def clock(offset):
    """A time of the day, in UTC as the daemon has it, some hours from now."""
    return time.strftime("%H:00", time.gmtime(time.time() + offset * 3600))
