"""The flags that a run can carry: a closed list, each with what it means, and the bounds from which they are set."""

SHORT_RUN_S = 1.0
"""Below this duration a run is flagged `short_run`: the modelled parts rest on a single sample."""

SHORTEST_BASELINE_S = 60.0
"""MLPerf Power's shortest window (arXiv 2410.12032); a shorter idle baseline is flagged."""

FLAGS = {
    "short_run": f"shorter than {SHORT_RUN_S:g} s: the modelled parts rest on a single sample",
    "meter_failed": "the meter failed; the energies are not known, `meter_error` says why",
    "gpu_not_measured": "the machine has GPUs, or may have, that the meter did not see; their energy is missing",
    "unknown_cpu_model": "CodeCarbon's table lacks this CPU; its power is a guess (4 W per thread, or 85 W)",
    "settings_ignored": "a setting was not usable and its default was taken; `settings_error` says which",
    "overlapping": "other tracked runs used this host at the same time; `attributed_energy_kwh` is this run's share",
    "short_baseline": f"the idle machine was measured for less than {SHORTEST_BASELINE_S:g} s",
    "busy_baseline": "the machine was not idle while its idle baseline was measured",
    "fallback_location": "CodeCarbon's Canada/Quebec/46.8/-71.2, which nobody chose; the country is discarded",
    "default_experiment_id": "CodeCarbon's constant experiment id, the same for everybody; it is discarded",
    "parts_do_not_add_up": "the file's energies did not add up to its total; the sum of the parts counts",
    "rate_rescaled": "emissions_rate was in g/s (CodeCarbon before 2.2) and is now kg/s",
    "energy_missing": "the energy, or a part of it, is not known",
    "zero_energy": "0 kWh in the file for a run that took time: its meter saw nothing",
    "power_recomputed": "the file's power did not fit its energy (by more than 1 %); it is energy over duration here",
    "power_contradicts_energy": "power and energy of over a minute differ by more than a factor of three: one is wrong",
    "rate_recomputed": "the file's rate did not fit its emissions (by more than 1 %); it is recomputed",
    "country_code_converted": "the country code had three letters and has two now (ISO 3166-1)",
    "value_left_out": "an impossible country, place, PUE, count, power, rate or mode was discarded",
    "mixed_tracking_modes": "the file contains runs of both tracking modes, which do not compare",
    "cumulative_superseded": "several cumulative rows of one run; the last one counts",
    "part_of_run": "a task within a run; where `parent_run_id` is in the warehouse too, the energy counts there",
}
"""Every flag that a run can carry, and what it means."""
