"""Types of the quantities in a record, with the bounds beyond which a value is no measurement."""

from typing import Annotated

from pydantic import Field

J_PER_KWH = 3.6e6

HIGHEST_KWH = 1e9
"""No run uses more, kWh: 1 TWh."""

HIGHEST_G_PER_KWH = 5000.0
"""No electricity has a higher carbon intensity, gCO2eq/kWh: several times that of coal."""

LONGEST_S = 3e9
"""No time is longer than from the first possible date to the last one, seconds."""

LONGEST_LABEL, LONGEST_TEXT, LONGEST_TASK = 1000, 10_000, 100_000
"""Characters of a name or a version; of a message; of a task as JSON."""

Energy = Annotated[float, Field(ge=0, le=HIGHEST_KWH, allow_inf_nan=False)]
Power = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Intensity = Annotated[float, Field(ge=0, le=HIGHEST_G_PER_KWH, allow_inf_nan=False)]
Size = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=LONGEST_S, allow_inf_nan=False)]
CpuSeconds = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
Label = Annotated[str, Field(max_length=LONGEST_LABEL)]
Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
