WITH e AS (
  SELECT "event.id" AS id, arg_max("event.start", "timestamp")::TIMESTAMP AS started, arg_max("event.severity", "timestamp") AS severity,
    arg_max("affected_entity_names", "timestamp") AS names, arg_max("dt.davis.is_duplicate", "timestamp") AS duplicate
  FROM read_json(FILE, format = 'newline_delimited', columns = {"event.id": 'VARCHAR', "timestamp": 'VARCHAR', "event.kind": 'VARCHAR', "event.start": 'VARCHAR', "event.severity": 'VARCHAR', "affected_entity_names": 'VARCHAR[]', "dt.davis.is_duplicate": 'BOOLEAN'})
  WHERE "event.kind" = 'DAVIS_PROBLEM' GROUP BY "event.id"),
x AS (SELECT unnest(names) AS name, started, severity FROM e WHERE NOT coalesce(duplicate, false) AND started >= TIMESTAMP '2026-02-22'),
g AS (SELECT name, count(*) AS weekly, count(*) FILTER (WHERE started >= TIMESTAMP '2026-02-28') AS daily, count(*) FILTER (WHERE severity = '1') AS critical FROM x GROUP BY name)
SELECT *, CASE WHEN daily * 700.0 / weekly > 100 THEN 'EXHAUSTED' WHEN daily * 700.0 / weekly > 80 THEN 'WARNING' ELSE 'HEALTHY' END FROM g
