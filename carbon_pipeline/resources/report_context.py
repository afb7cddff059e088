"""The resource `report_context`: what the machine cannot know of a BoAmps report, told once in a YAML file."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from carbon_pipeline.boamps.context import ReportContext, read_context
from carbon_pipeline.settings import read_settings


class ReportContextResource(dg.ConfigurableResource[None]):
    """Hands out what was told. The file that comes with the project, report_context.yaml, shows all that it can say.

    Example:
        >>> ReportContextResource(file="report_context.yaml").read().of("my project")
    """

    file: str | None = Field(
        default=None, description="YAML file; default CARBON_REPORT_CONTEXT, else `report_context.yaml`."
    )

    def read(self) -> ReportContext:
        """What the file says; nothing if none was named and the default one is not there.

        Returns:
            What was told.

        Raises:
            ContextError: the file says something that no report can hold.
        """
        if self.file:
            return read_context(Path(self.file))
        settings = read_settings()
        return read_context(settings.report_context, is_required="report_context" in settings.model_fields_set)
