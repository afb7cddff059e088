"""The resource `carbon_report_context`: the user-provided part of BoAmps reports, in a YAML file."""

from typing import TYPE_CHECKING

import dagster as dg

from carbon_pipeline.settings import ReportOptions, given, read_settings

if TYPE_CHECKING:
    from carbon_pipeline.boamps.context import ReportContext


class ReportContextResource(ReportOptions, dg.ConfigurableResource[None]):
    """Reads the file. The one that comes with the project, report_context.yaml, shows all that it can contain.

    Example:
        >>> ReportContextResource().read().defaults
        {}
    """

    def read(self) -> "ReportContext":
        """Read the file.

        Returns:
            The user-provided context; empty if no file was named and the default one does not exist.

        Raises:
            ContextError: the file contains something that no report can hold.
        """
        from carbon_pipeline.boamps.context import read_configured_context  # only reports need it

        return read_configured_context(read_settings(**given(self, ReportOptions)))
