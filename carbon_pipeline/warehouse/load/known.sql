-- What the statements on CodeCarbon's rows reckon with.
SET VARIABLE known = $known;
