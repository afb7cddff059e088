CREATE OR REPLACE TEMP VIEW chosen_row AS
SELECT * FROM numbered_row ANTI JOIN contested ON run_key = contested.run_id;
