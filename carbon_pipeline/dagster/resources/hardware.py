"""The resource `carbon_hardware`: what this machine is made of."""

import dagster as dg

from carbon_pipeline.probes.hardware import Hardware, probe_hardware


class HardwareResource(dg.ConfigurableResource[None]):
    """Probes the machine on which the step runs.

    Example:
        >>> HardwareResource().probe().cpu_count.source
        'psutil'
    """

    def probe(self) -> Hardware:
        """The hardware of this machine; each value with its source."""
        return probe_hardware()
