"""Where a scheduler has put a process: the batch job, the container, the node, and the limits that it has there."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from carbon_pipeline.model.quantities import LONGEST_LABEL

Name = Annotated[str, StringConstraints(max_length=LONGEST_LABEL)]


class Placement(BaseModel):
    """What the schedulers that are at work here say; None for what none of them says."""

    model_config = ConfigDict(frozen=True)

    ray_node_id: Name | None = Field(None, description="Node of the Ray cluster, by Ray's ID.")
    slurm_job_id: Name | None = Field(None, description="SLURM's job; in an array, the job of this task.")
    slurm_array_job_id: Name | None = Field(None, description="SLURM's job of the whole array.")
    slurm_array_task_id: Name | None = Field(None, description="Index of the task in SLURM's array.")
    slurm_rank: int | None = Field(None, ge=0, description="Rank of the process in SLURM's step, 0 for the first.")
    slurm_node: Name | None = Field(None, description="SLURM's name of the node.")
    slurm_partition: Name | None = Field(None, description="SLURM's partition.")
    kubernetes_namespace: Name | None = Field(None, description="Namespace of the pod.")
    kubernetes_pod: Name | None = Field(None, description="Name of the pod.")
    kubernetes_node: Name | None = Field(None, description="Node that the pod is on.")
    cgroup_cpus: float | None = Field(None, gt=0, description="CPUs that the control group may use at most.")
    cgroup_ram_gb: float | None = Field(
        None, gt=0, description="Memory that the control group may use at most, GiB (2^30 bytes)."
    )
