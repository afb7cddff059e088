-- Find macros without naming the schema.
SET search_path = 'report';
