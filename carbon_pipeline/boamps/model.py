"""The BoAmps datamodel as types: exactly the fields, enumerations and bounds of its schemas (commit 3bfefec).

The schemas accept a misspelt key, -5 kWh, NaN and the date "yesterday"; these types reject them. Fields are in the
order of BoAmps' form. Rules that span several fields, such as a power that the machine cannot draw, are in
`plausibility.py`.
"""

from datetime import datetime
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

FORMAT_VERSION = "0.1"
"""The version in BoAmps' own examples; its schemas contain none."""

SPECIFICATION_URI = "https://github.com/Boavizta/BoAmps/tree/3bfefec/model"
"""The schemas that these types follow, by commit, since a branch changes."""

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
"""The schema also lists null here, but requires text: null is never valid."""


@lru_cache(maxsize=1000)
def moment(text: str) -> datetime:
    """Parse a date and time of a report, such as `2026-11-24 03:00:10`; a `T` separator and a time zone are allowed.

    Returns:
        The date and time, with a time zone only if the text has one.

    Raises:
        ValueError: the text is not a date and time.
    """
    if len(text) < len("2026-11-24 03:00"):
        raise ValueError("must be a date and time, YYYY-MM-DD HH:MM:SS")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a date and time, YYYY-MM-DD HH:MM:SS") from None


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
    """Base of all parts of a report: camelCase keys in JSON, no unknown keys."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, validate_by_name=True, defer_build=True
    )


class Publisher(Part):
    """Publisher of the report."""

    name: Text | None = Field(None, description="Name of the organization.")
    division: Text | None = Field(None, description="Department within the organization.")
    project_name: Text | None = Field(None, description="Project within the organization.")
    confidentiality_level: Literal["public", "internal", "confidential", "secret"] = Field(
        description="Confidentiality of the report: who may read it."
    )
    public_key: Text | None = Field(None, description="Public key that identifies the organization.")


class Header(Part):
    """Identity, status and publisher of the report."""

    licensing: Text | None = Field(None, description="Licence under which the report is shared.")
    format_version: Text | None = Field(None, description="Version of the datamodel.")
    format_version_specification_uri: Text | None = Field(None, description="URI of the specification of that version.")
    report_id: Text | None = Field(None, description="ID of the report, preferably a UUID.")
    report_datetime: Moment = Field(description="Date and time of the report, YYYY-MM-DD HH:MM:SS.")
    report_status: Literal["draft", "final", "corrective", "other"] | None = Field(
        None, description="Status of the report."
    )
    publisher: Publisher | None = Field(None, description="Publisher of the report.")


class Algorithm(Part):
    """A main algorithm of the task."""

    training_type: Text | None = Field(None, description="Kind of training, such as supervisedLearning.")
    algorithm_type: Text | None = Field(None, description="Kind of algorithm, such as llm or regression.")
    algorithm_name: Text | None = Field(None, description="Common name of the algorithm, such as randomForest.")
    algorithm_uri: Text | None = Field(None, description="URI of the algorithm.")
    foundation_model_name: Text | None = Field(None, description="Name of the foundation model, such as llama3.1-8b.")
    foundation_model_uri: Text | None = Field(None, description="URI of the foundation model.")
    parameters_number: Number | None = Field(None, description="Number of parameters of the model, in billions.")
    framework: Text | None = Field(None, description="Framework that implements the algorithm, such as pytorch.")
    framework_version: Text | None = Field(None, description="Version of the framework.")
    class_path: Text | None = Field(None, description="Class within the framework, as a dotted path.")
    layers_number: Number | None = Field(None, description="Number of layers of the network.")
    epochs_number: Number | None = Field(None, description="Number of passes through the training data.")
    optimizer: Text | None = Field(None, description="Optimizer of the weights, such as adam.")
    quantization: Text | None = Field(None, description="Quantization, such as fp32 or int8.")


class Dataset(Part):
    """Data that the task reads or produces."""

    data_usage: Literal["input", "output"] = Field(
        description="Whether the task reads (input) or produces (output) the data."
    )
    data_type: Literal[
        "tabular", "audio", "boolean", "image", "video", "object", "text", "token", "word", "other"
    ] = Field(description="Type of the data.")  # fmt: skip
    data_format: DataFormat | None = Field(None, description="File format of the data.")
    data_size: Number | None = Field(None, description="Size of the data, GB.")
    data_quantity: Number | None = Field(None, description="Number of items in the data.")
    shape: Text | None = Field(None, description="Shape of the data, such as (100, 2).")
    source: Literal["public", "private", "other"] | None = Field(None, description="Origin of the data.")
    source_uri: Text | None = Field(None, description="URI of the data.")
    owner: Text | None = Field(None, description="Owner of the data.")


class Task(Part):
    """The task whose energy was measured."""

    task_family: Text = Field(description="Family of the task, such as regression or textClassification.")
    task_stage: Text = Field(
        description="Stage of the task: training, finetuning, inference, ...; several are joined by +."
    )
    nb_request: Number | None = Field(None, description="Number of requests in the measurement, for inference.")
    algorithms: list[Algorithm] = Field(min_length=1, description="Main algorithms.")
    dataset: list[Dataset] = Field(min_length=1, description="Data that the task reads or produces.")
    measured_accuracy: Share | None = Field(None, description="Measured accuracy of the model, 0 to 1.")
    estimated_accuracy: Literal["veryPoor", "poor", "average", "good", "veryGood"] | None = Field(
        None, description="Estimated accuracy of the model, where it was not measured."
    )
    task_description: Text | None = Field(None, description="Any other information about the task.")


class Measure(Part):
    """One measurement of energy."""

    measurement_method: Text = Field(description="Measurement tool or device, such as codecarbon or wattmeter.")
    manufacturer: Text | None = Field(None, description="Manufacturer of the meter, if it is a device.")
    version: Text | None = Field(None, description="Version of the measurement tool.")
    cpu_tracking_mode: Text | None = Field(None, description="How the CPU was measured, such as rapl or constant.")
    gpu_tracking_mode: Text | None = Field(None, description="How the GPU was measured, such as nvml.")
    average_utilization_cpu: Share | None = Field(None, description="Mean load of the CPU, 0 to 1.")
    average_utilization_gpu: Share | None = Field(None, description="Mean load of the GPU, 0 to 1.")
    power_calibration_measurement: Number | None = Field(
        None, description="Energy of the idle machine during calibration, kWh."
    )
    duration_calibration_measurement: Number | None = Field(
        None, description="Duration of the calibration on the idle machine, s."
    )
    power_consumption: Number = Field(description="Energy of the task, kWh.")
    measurement_duration: Number | None = Field(None, description="Duration of the measurement, s.")
    measurement_date_time: Moment | None = Field(None, description="Start of the measurement, YYYY-MM-DD HH:MM:SS.")


class System(Part):
    """The operating system."""

    os: Text = Field(description="Operating system.")
    distribution: Text | None = Field(None, description="Distribution of the operating system.")
    distribution_version: Text | None = Field(None, description="Version of the distribution.")


class Software(Part):
    """The programming language."""

    language: Text = Field(description="Programming language.")
    version: Text | None = Field(None, description="Version of the programming language.")


class Component(Part):
    """A part of the machine: CPU, GPU, memory."""

    component_name: Text | None = Field(None, description="Name of the component.")
    component_type: Text = Field(description="Type of the component: cpu, gpu, ram, ...")
    nb_component: Count = Field(description="Number of such components; for CPUs, the number of logical CPUs.")
    memory_size: Number | None = Field(None, description="Memory of one such component, GB.")
    manufacturer: Text | None = Field(None, description="Manufacturer of the component.")
    family: Text | None = Field(None, description="Family of the component, such as Xeon.")
    series: Text | None = Field(None, description="Series within the family, such as Gold 6226R.")
    share: Share | None = Field(None, description="Share of the component that the task used, 0 to 1.")


class Infrastructure(Part):
    """Infrastructure on which the task ran."""

    infra_type: Literal["publicCloud", "privateCloud", "onPremise", "other"] = Field(
        description="Type of infrastructure."
    )
    cloud_provider: Text | None = Field(None, description="Cloud provider.")
    cloud_instance: Text | None = Field(None, description="Type of cloud instance.")
    cloud_service: Text | None = Field(None, description="Cloud service, if one was used.")
    components: list[Component] = Field(min_length=1, description="CPUs, GPUs and memory.")


class Environment(Part):
    """Location of the machine, and its electricity."""

    country: Text = Field(description="Country where the machine is located.")
    latitude: Annotated[Degrees, Field(ge=-90, le=90)] | None = Field(None, description="Latitude, degrees north.")
    longitude: Annotated[Degrees, Field(ge=-180, le=180)] | None = Field(None, description="Longitude, degrees east.")
    location: Text | None = Field(None, description="Region, city or data centre.")
    power_supplier_type: Literal["public", "private", "internal", "other"] | None = Field(
        None, description="Type of electricity supplier."
    )
    power_source: Literal["solar", "wind", "nuclear", "hydroelectric", "gas", "coal", "other"] | None = Field(
        None, description="Energy source of the electricity."
    )
    power_source_carbon_intensity: Number | None = Field(
        None, description="Carbon intensity of the electricity, gCO2eq/kWh."
    )


class Report(Part):
    """A BoAmps report."""

    header: Header | None = Field(None, description="Identity, status and publisher of the report.")
    task: Task = Field(description="The task whose energy was measured.")
    measures: list[Measure] = Field(min_length=1, description="Measurements of energy.")
    system: System | None = Field(None, description="Operating system.")
    software: Software | None = Field(None, description="Programming language.")
    infrastructure: Infrastructure = Field(description="Infrastructure on which the task ran.")
    environment: Environment | None = Field(None, description="Location of the machine, and its electricity.")
    quality: Literal["high", "medium", "low"] | None = Field(
        None, description="Uncertainty of the energy: high within 10 %, medium within 25 %, low within 50 %."
    )
