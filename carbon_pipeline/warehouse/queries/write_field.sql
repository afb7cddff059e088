INSERT OR REPLACE INTO core.field (position, field, meaning, unit, source_column, boamps_path, form_path, form_code, extraction)
VALUES ($position, $field, $meaning, $unit, $source_column, $boamps_path, $form_path, $form_code, $extraction);
