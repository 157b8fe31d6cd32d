WITH e AS (
  SELECT "event.id" AS id, arg_max("event.name", "timestamp") AS name, arg_max("event.status", "timestamp") AS status,
    arg_max("event.category", "timestamp") AS category, arg_max("affected_entity_types", "timestamp") AS kinds,
    arg_max("dt.davis.is_duplicate", "timestamp") AS duplicate
  FROM read_json(FILE, format = 'newline_delimited', columns = {"event.id": 'VARCHAR', "timestamp": 'VARCHAR', "event.kind": 'VARCHAR', "event.name": 'VARCHAR', "event.status": 'VARCHAR', "event.category": 'VARCHAR', "affected_entity_types": 'VARCHAR[]', "dt.davis.is_duplicate": 'BOOLEAN'})
  WHERE "event.kind" = 'DAVIS_PROBLEM' GROUP BY "event.id"),
t AS (SELECT *, CASE WHEN list_contains(kinds, 'dt.entity.host') THEN 'HOST' ELSE upper(replace(kinds[1], 'dt.entity.', '')) END AS kind
  FROM e WHERE status = 'ACTIVE' AND NOT coalesce(duplicate, false))
SELECT kind, category, CASE WHEN kind = 'HOST' THEN 'infrastructure_scaling' WHEN name ILIKE '%memory%' THEN 'resource_adjustment' ELSE 'config_update' END AS remedy, count(*)
FROM t GROUP BY ALL
