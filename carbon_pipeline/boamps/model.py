"""The BoAmps datamodel as types: every field, enumeration and bound of its schemas (commit 3bfefec), nothing besides.

The schemas let a misspelt key, -5 kWh, NaN and the date "yesterday" pass; these types do not. Fields stand in the order
of BoAmps' form. What spans several fields, such as a power that no such machine can draw, is in `plausibility.py`.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

FORMAT_VERSION = "0.1"
"""The version that BoAmps' own examples name; its schemas carry none."""

SPECIFICATION_URI = "https://github.com/Boavizta/BoAmps/tree/3bfefec/model"
"""The schemas that these types follow; a branch would move."""

DataFormat = Literal[
    "3gp", "3gpp", "3gpp2", "8svx", "aa", "aac", "aax", "act", "afdesign", "afphoto", "ai", "aiff", "alac", "amr",
    "amv", "ape", "arrow", "asf", "au", "avi", "avif", "awb", "bmp", "bpg", "cd5", "cda", "cdr", "cgm", "clip",
    "cpt", "csv", "deep", "dirac", "divx", "drawingml", "drw", "dss", "dvf", "ecw", "eps", "fits", "flac", "flif",
    "flv", "flvf4v", "gem", "gerber", "gif", "gle", "gsm", "heif", "hp-gl", "html", "hvif", "ico", "iklax", "ilbm",
    "img", "ivs", "jpeg", "json", "kra", "lottie", "m4a", "m4b", "m4p", "m4v", "mathml", "matroska", "mdp", "mmf",
    "movpkg", "mp3", "mpc", "mpeg1", "mpeg2", "mpeg4", "msv", "mxf", "naplps", "netpbm", "nmf", "nrrd", "nsv",
    "odg", "ods", "ogg", "opus", "pam", "parquet", "pbm", "pcx", "pdf", "pdn", "pgf", "pgm", "pgml", "pict", "plbm",
    "png", "pnm", "postscript", "ppm", "psd", "psp", "pstricks", "qcc", "quicktime", "ra", "raw", "realmedia",
    "regis", "rf64", "roq", "sai", "sgi", "sid", "sql", "sln", "svg", "svi", "swf", "text", "tga", "tiff", "tinyvg",
    "tta", "vicar", "vivoactive", "vml", "vob", "voc", "vox", "wav", "webm", "webp", "wma", "wmf", "wmv", "wv",
    "xaml", "xar", "xcf", "xisf", "xls", "xlsx", "xml", "xps", "yaml", "other",
]  # fmt: skip
"""The schema also lists null here, but asks for text: null never passes."""


def moment(text: str) -> datetime:
    """A date and time as reports hold them, such as `2026-11-24 03:00:10`; `T` in the middle and a zone may be there.

    Args:
        text: what the report says.

    Returns:
        The moment, with a zone only if the text has one.

    Raises:
        ValueError: it is none.
    """
    if len(text) < len("2026-11-24 03:00"):
        raise ValueError("has to be a date and a time, YYYY-MM-DD HH:MM:SS")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("has to be a date and a time, YYYY-MM-DD HH:MM:SS") from None


def _is_moment(text: str) -> str:
    moment(text)
    return text


Text = Annotated[str, StringConstraints(min_length=1, strict=True, pattern=r"\S")]
Moment = Annotated[Text, AfterValidator(_is_moment)]
Number = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]
Degrees = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Part(BaseModel):
    """What all parts of a report have in common: camelCase outside, no unknown key."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, validate_by_name=True)


class Publisher(Part):
    """Who publishes the report."""

    name: Text | None = Field(None, description="Organization.")
    division: Text | None = Field(None, description="Department within the organization.")
    project_name: Text | None = Field(None, description="Project within the organization.")
    confidentiality_level: Literal["public", "internal", "confidential", "secret"] = Field(
        description="Who may read the report."
    )
    public_key: Text | None = Field(None, description="Public key by which the organization can be recognized.")


class Header(Part):
    """The report itself: its identity and its publisher."""

    licensing: Text | None = Field(None, description="Licence under which the report is shared.")
    format_version: Text | None = Field(None, description="Version of the datamodel.")
    format_version_specification_uri: Text | None = Field(None, description="Where that version is specified.")
    report_id: Text | None = Field(None, description="Identifier of the report, best a UUID.")
    report_datetime: Moment = Field(description="Date of the report, YYYY-MM-DD HH:MM:SS.")
    report_status: Literal["draft", "final", "corrective", "other"] | None = Field(
        None, description="State of the report."
    )
    publisher: Publisher | None = Field(None, description="Who publishes the report.")


class Algorithm(Part):
    """A main algorithm of the task."""

    training_type: Text | None = Field(None, description="Kind of training, such as supervisedLearning.")
    algorithm_type: Text | None = Field(None, description="Kind of algorithm, such as llm or regression.")
    algorithm_name: Text | None = Field(None, description="Its usual name, such as randomForest.")
    algorithm_uri: Text | None = Field(None, description="Where it can be found.")
    foundation_model_name: Text | None = Field(None, description="Foundation model that is used, such as llama3.1-8b.")
    foundation_model_uri: Text | None = Field(None, description="Where the foundation model can be found.")
    parameters_number: Number | None = Field(None, description="Parameters of the model, in billions.")
    framework: Text | None = Field(None, description="Software that implements it, such as pytorch.")
    framework_version: Text | None = Field(None, description="Version of that software.")
    class_path: Text | None = Field(None, description="Class within that software, parts joined by dots.")
    layers_number: Number | None = Field(None, description="Layers of the network.")
    epochs_number: Number | None = Field(None, description="Passes through the training data.")
    optimizer: Text | None = Field(None, description="What optimizes the weights, such as adam.")
    quantization: Text | None = Field(None, description="Quantization, such as fp32 or int8.")


class Dataset(Part):
    """Data that the task reads or makes."""

    data_usage: Literal["input", "output"] = Field(description="Whether the task reads or makes it.")
    data_type: Literal[
        "tabular", "audio", "boolean", "image", "video", "object", "text", "token", "word", "other"
    ] = Field(description="Nature of the data.")  # fmt: skip
    data_format: DataFormat | None = Field(None, description="Format of the file that it comes in.")
    data_size: Number | None = Field(None, description="Size, GB.")
    data_quantity: Number | None = Field(None, description="Number of items.")
    shape: Text | None = Field(None, description="Shape of the data, such as (100, 2).")
    source: Literal["public", "private", "other"] | None = Field(None, description="Where it comes from.")
    source_uri: Text | None = Field(None, description="Where it can be found.")
    owner: Text | None = Field(None, description="Whose it is.")


class Task(Part):
    """What was done while it was measured."""

    task_family: Text = Field(description="Family of the task, such as regression or textClassification.")
    task_stage: Text = Field(description="Stage: training, finetuning, inference, ...; several are joined by +.")
    nb_request: Number | None = Field(None, description="Requests that the measurement holds, for an inference.")
    algorithms: list[Algorithm] = Field(min_length=1, description="Main algorithms.")
    dataset: list[Dataset] = Field(min_length=1, description="Data that is read or made.")
    measured_accuracy: Share | None = Field(None, description="Accuracy of the model, 0 to 1.")
    estimated_accuracy: Literal["veryPoor", "poor", "average", "good", "veryGood"] | None = Field(
        None, description="Accuracy, where it was not measured."
    )
    task_description: Text | None = Field(None, description="Anything else that helps to understand it.")


class Measure(Part):
    """A measurement of the energy."""

    measurement_method: Text = Field(description="What measured, such as codecarbon or wattmeter.")
    manufacturer: Text | None = Field(None, description="Maker of the meter, if it is a device.")
    version: Text | None = Field(None, description="Version of what measured.")
    cpu_tracking_mode: Text | None = Field(None, description="How the CPU was measured, such as rapl or constant.")
    gpu_tracking_mode: Text | None = Field(None, description="How the GPU was measured, such as nvml.")
    average_utilization_cpu: Share | None = Field(None, description="Mean load of the CPU, 0 to 1.")
    average_utilization_gpu: Share | None = Field(None, description="Mean load of the GPU, 0 to 1.")
    power_calibration_measurement: Number | None = Field(None, description="Energy of the idle machine, kWh.")
    duration_calibration_measurement: Number | None = Field(
        None, description="How long the idle machine was measured, s."
    )
    power_consumption: Number = Field(description="Energy of the task, kWh.")
    measurement_duration: Number | None = Field(None, description="Duration of the measurement, s.")
    measurement_date_time: Moment | None = Field(None, description="Start of the measurement, YYYY-MM-DD HH:MM:SS.")


class System(Part):
    """The operating system."""

    os: Text = Field(description="Operating system.")
    distribution: Text | None = Field(None, description="Its distribution.")
    distribution_version: Text | None = Field(None, description="Version of the distribution.")


class Software(Part):
    """The programming language."""

    language: Text = Field(description="Programming language.")
    version: Text | None = Field(None, description="Its version.")


class Component(Part):
    """A part of the machine: CPU, GPU, memory."""

    component_name: Text | None = Field(None, description="Name of the component.")
    component_type: Text = Field(description="Its kind: cpu, gpu, ram, ...")
    nb_component: Count = Field(description="How many of it; of CPUs the logical ones.")
    memory_size: Number | None = Field(None, description="Memory of one of it, GB.")
    manufacturer: Text | None = Field(None, description="Who makes it.")
    family: Text | None = Field(None, description="Family that it belongs to, such as Xeon.")
    series: Text | None = Field(None, description="Series within the family, such as Gold 6226R.")
    share: Share | None = Field(None, description="Share of it that the task used, 0 to 1.")


class Infrastructure(Part):
    """What the task ran on."""

    infra_type: Literal["publicCloud", "privateCloud", "onPremise", "other"] = Field(description="Kind of site.")
    cloud_provider: Text | None = Field(None, description="Cloud provider.")
    cloud_instance: Text | None = Field(None, description="Kind of instance.")
    cloud_service: Text | None = Field(None, description="Service of the cloud, if one was used.")
    components: list[Component] = Field(min_length=1, description="CPUs, GPUs and memory.")


class Environment(Part):
    """Where the machine stands, and its electricity."""

    country: Text = Field(description="Country.")
    latitude: Annotated[Degrees, Field(ge=-90, le=90)] | None = Field(None, description="Degrees north.")
    longitude: Annotated[Degrees, Field(ge=-180, le=180)] | None = Field(None, description="Degrees east.")
    location: Text | None = Field(None, description="Region, town or data centre.")
    power_supplier_type: Literal["public", "private", "internal", "other"] | None = Field(
        None, description="Kind of supplier of the electricity."
    )
    power_source: Literal["solar", "wind", "nuclear", "hydroelectric", "gas", "coal", "other"] | None = Field(
        None, description="What the electricity is made from."
    )
    power_source_carbon_intensity: Number | None = Field(None, description="Carbon intensity, gCO2eq/kWh.")


class Report(Part):
    """A BoAmps report."""

    header: Header | None = Field(None, description="The report itself.")
    task: Task = Field(description="What was done.")
    measures: list[Measure] = Field(min_length=1, description="Its energy.")
    system: System | None = Field(None, description="Operating system.")
    software: Software | None = Field(None, description="Programming language.")
    infrastructure: Infrastructure = Field(description="What it ran on.")
    environment: Environment | None = Field(None, description="Where it ran.")
    quality: Literal["high", "medium", "low"] | None = Field(
        None, description="How far the energy may be off: high within 10 %, medium 25 %, low 50 %."
    )
