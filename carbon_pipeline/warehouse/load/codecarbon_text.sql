-- Rows of CodeCarbon's CSV files as text, blanks around them removed and empty cells NULL.
CREATE OR REPLACE TEMP TABLE codecarbon_text AS
WITH cell AS (
    SELECT row_no, inbox_row.file_no, line, content, unnest(from_json(coalesce(record, content), '{
        "timestamp": "VARCHAR", "run_id": "VARCHAR", "experiment_id": "VARCHAR", "project_name": "VARCHAR",
        "task_name": "VARCHAR", "duration": "VARCHAR", "emissions": "VARCHAR", "emissions_rate": "VARCHAR",
        "cpu_power": "VARCHAR", "gpu_power": "VARCHAR", "ram_power": "VARCHAR",
        "cpu_energy": "VARCHAR", "gpu_energy": "VARCHAR", "ram_energy": "VARCHAR", "energy_consumed": "VARCHAR",
        "country_name": "VARCHAR", "country_iso_code": "VARCHAR", "region": "VARCHAR",
        "longitude": "VARCHAR", "latitude": "VARCHAR", "cloud_provider": "VARCHAR", "cloud_region": "VARCHAR",
        "os": "VARCHAR", "python_version": "VARCHAR", "codecarbon_version": "VARCHAR",
        "cpu_count": "VARCHAR", "cpu_model": "VARCHAR", "gpu_count": "VARCHAR", "gpu_model": "VARCHAR",
        "ram_total_size": "VARCHAR", "tracking_mode": "VARCHAR", "pue": "VARCHAR",
        "cpu_utilization_percent": "VARCHAR", "gpu_utilization_percent": "VARCHAR"
    }'))
    FROM inbox_row
    JOIN inbox_file AS file USING (file_no)
    WHERE file.format = 'codecarbon_csv'
)
SELECT row_no, file_no, line, content, without_blanks(COLUMNS(* EXCLUDE (row_no, file_no, line, content)))
FROM cell;
-- DuckDB itself would read 1_000 as 1000; no program writes numbers so.
CREATE OR REPLACE TEMP MACRO number(cell) AS CASE WHEN NOT contains(cell, '_') THEN try_cast(cell AS DOUBLE) END;
