"""The flags of a run: a closed list with their meanings, and the thresholds at which they are set."""

SHORT_RUN_S = 1.0
"""Duration below which a run is flagged `short_run`, s: its modelled components are based on a single sample."""

SHORTEST_BASELINE_S = 60.0
"""Duration below which an idle baseline is flagged, s: the shortest window of MLPerf Power (arXiv 2410.12032)."""

FLAGS = {
    "short_run": f"shorter than {SHORT_RUN_S:g} s: the modelled components are based on a single sample",
    "meter_failed": "the meter failed; the energies are not known, `meter_error` contains the reason",
    "gpu_not_measured": "the machine has, or may have, GPUs that were not measured; their energy is missing",
    "counter_glitch": "a counter made a step that no hardware can make, such as a reset; its neighbours replace it",
    "reads_failed": "readings of a counter failed; the interval covers what is not known for that reason",
    "machine_wide_counters": "the tracking mode `process` was set, but the counters of this machine see all of it",
    "wall_meter_failed": "the wall meter gave no reading for a time, or an impossible one; `wall_error` contains it",
    "unknown_cpu_model": "CodeCarbon's table does not contain this CPU; its power is a guess (4 W per thread, or 85 W)",
    "settings_ignored": "a setting was invalid and its default was used; `settings_error` names it",
    "overlapping": "other tracked runs used this host at the same time; `attributed_energy_kwh` is this run's share",
    "short_baseline": f"the idle baseline was measured for less than {SHORTEST_BASELINE_S:g} s",
    "busy_baseline": "the machine was not idle while the idle baseline was measured",
    "fallback_location": "the location is CodeCarbon's fallback, Canada/Quebec/46.8/-71.2, or before 2.2 may be it: "
    "Canada and nothing else; the country is discarded",
    "default_experiment_id": "the experiment ID is CodeCarbon's default, the same for all users; it is discarded",
    "parts_do_not_add_up": "the energies in the file did not add up to its total; the sum of the parts is used",
    "rate_rescaled": "emissions_rate was in g/s (CodeCarbon before 2.2) and was converted to kg/s",
    "cpu_not_measured": "the file contains 0 kWh for the CPU over a second or more: nobody measured it; it is absent",
    "duration_from_tasks": "the duration in the file was that since the last task; the sum of its tasks is used",
    "intensity_implausible": "the carbon intensity in the file is one that its country cannot have; it is kept",
    "row_repaired": "the row was damaged in the file (glued to another, or shifted) and was repaired",
    "energy_missing": "the energy, or a part of it, is not known",
    "zero_energy": "the file contains 0 kWh for a run of some duration: its meter measured nothing",
    "power_recomputed": "the file's power did not match its energy (by more than 1 %); it is recomputed",
    "power_contradicts_energy": "power and energy of over a minute differ by more than a factor of three, or the "
    "energy is more than such hardware can draw in that time: one of them is wrong",
    "rate_recomputed": "the file's emissions rate did not match its emissions (by more than 1 %); it is recomputed",
    "country_code_converted": "the country code was converted from three letters to two (ISO 3166-1)",
    "value_left_out": "an impossible country, place, PUE, count, power, rate or mode was discarded",
    "mixed_tracking_modes": "the file contains runs of both tracking modes, which are not comparable",
    "cumulative_superseded": "several cumulative rows of one run; the last one is used",
    "part_of_run": "a task within a run; if `parent_run_id` is in the warehouse too, the energy is counted there",
}
"""Every flag of a run, and its meaning."""
